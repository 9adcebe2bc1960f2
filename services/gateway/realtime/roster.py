"""Who is at the table and which lines are open: what a connection must know of the facts before it was there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from services.core.clock import Clock, SystemClock
from services.core.errors import NotFound
from services.core.lately import Lately
from services.core.model.fact import Fact, Kind

CHARACTER: Final = "character"
_PAGE: Final = 500
_SESSIONS: Final = 256
"""Kept in memory."""
_LORE_WORDS: Final = 64
_LEARNED: Final = 64


class FactSource(Protocol):
    """The transcript's log or its archive."""

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        """Facts in order."""
        ...


@dataclass(slots=True)
class Member:
    """A participant or a character."""

    id: str
    role: str
    name: str
    card: Mapping[str, Any] = field(default_factory=dict)
    present: bool = True

    def shown(self) -> dict[str, str]:
        """A character, as clients see it in the cast."""
        extensions = self.card.get("extensions")
        own = extensions.get("souffleur") if isinstance(extensions, Mapping) else None
        own = own if isinstance(own, Mapping) else {}
        return {"slug": self.id, "name": self.name, "color": str(own.get("color") or ""), "language": str(own.get("language") or "")}

    def lore_words(self) -> list[str]:
        """The keys of the character's lorebook: names and rare words that are likely to be said."""
        book = self.card.get("character_book")
        entries = book.get("entries") if isinstance(book, Mapping) else None
        keys: list[str] = []
        for entry in entries if isinstance(entries, Sequence) and not isinstance(entries, str) else ():
            given = entry.get("keys") if isinstance(entry, Mapping) else None
            keys += [key for key in given if isinstance(key, str) and key] if isinstance(given, list) else []
        return keys[:_LORE_WORDS]


@dataclass(slots=True)
class Roster:
    """A fold of the facts; `advance` it by every one, in order."""

    language: str = ""
    phrases: tuple[str, ...] = ()
    safety_words: tuple[str, ...] = ()
    """Of the session; the house's own come besides."""
    learned: tuple[str, ...] = ()
    """Names that the director has corrected."""
    members: dict[str, Member] = field(default_factory=dict)
    open_lines: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Line -> body of its `line_opened`."""

    def advance(self, fact: Fact) -> None:
        """Take one fact in; a repeated one changes nothing."""
        body = fact.body
        if fact.kind == Kind.SCENE_SET:
            self.language = body.get("language") or self.language
            self.phrases = tuple(body.get("phrases") or self.phrases)
            self.safety_words = tuple(word for word in body.get("safety_words") or self.safety_words if word)
            self.learned = tuple(dict.fromkeys([*self.learned, *map(str, body.get("hotwords") or ())]))[-_LEARNED:]
        elif fact.kind == Kind.JOINED:
            name = str(body.get("member"))
            known = self.members.get(name)
            # Players are shown a character without its card; what is known of it already stays.
            card = body.get("card") or (known.card if known else {})
            self.members[name] = Member(name, str(body.get("role")), str(body.get("name")), card)
        elif fact.kind == Kind.LEFT:
            if (member := self.members.get(str(body.get("member")))) is not None:
                member.present = False
        elif fact.kind == Kind.LINE_OPENED:
            self.open_lines[str(body.get("line"))] = body
        elif fact.kind == Kind.LINE_CLOSED:
            self.open_lines.pop(str(body.get("line")), None)

    def copied(self) -> Roster:
        """One of its own, for somebody who goes on from here."""
        return replace(self, members={name: replace(member) for name, member in self.members.items()}, open_lines=dict(self.open_lines))

    @property
    def cast(self) -> list[Member]:
        """The characters present."""
        return [member for member in self.members.values() if member.present and member.role == CHARACTER]

    @property
    def spoken_language(self) -> str:
        """The session's language, else the first character's."""
        return self.language or next((member.shown()["language"] for member in self.cast), "")

    def hotwords(self) -> tuple[str, ...]:
        """Names of everybody, names that were once misheard, and the words of the characters' lore."""
        names = [member.name for member in self.members.values() if member.present and member.name]
        lore = [word for member in self.cast for word in member.lore_words()]
        return tuple(dict.fromkeys([*names, *self.learned, *lore[:_LORE_WORDS]]))


class Rosters:
    """Of all sessions that somebody joined lately: whoever joins costs what is new since the one before, however long the session is."""

    def __init__(self, log: FactSource, archive: FactSource, clock: Clock | None = None) -> None:
        """`archive` has what the log no longer has."""
        self._log = log
        self._archive = archive
        self._kept: Lately[str, tuple[int, Roster]] = Lately(_SESSIONS, clock or SystemClock())

    async def at(self, sid: str, head: int) -> Roster:
        """The roster at fact `head` or a later one, for the caller to advance."""
        seq, known = self._kept.get(sid) or (0, Roster())
        roster = known.copied()
        while seq < head and (facts := await self._read(sid, seq, head)):
            for fact in facts:
                roster.advance(fact)
            seq = facts[-1].seq
        if seq >= (self._kept.get(sid) or (0, roster))[0]:
            self._kept.put(sid, (seq, roster))
        return roster.copied()

    def forget(self, sid: str) -> None:
        """What is kept of this session may be of facts that were lost."""
        self._kept.put(sid, (0, Roster()))

    async def _read(self, sid: str, after: int, head: int) -> list[Fact]:
        try:
            return await self._log.read(sid, after, head, _PAGE)
        except NotFound:
            return await self._archive.read(sid, after, head, _PAGE)
