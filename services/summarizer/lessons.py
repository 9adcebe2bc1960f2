"""Corrections that teach: where the director changed what a character said or was about to say, the difference is a lesson for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.core.model.fact import Fact, Kind
from services.transcript.view import joined

_MOST: Final = 32
"""Lessons that wait; the oldest are given up."""
_LINES: Final = 64
"""Lines whose drafts are kept: the open ones and the last that were spoken."""
_QUOTED: Final = 240
_OVERSEERS: Final = frozenset({"director", "operator"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What was about to be said, and what the director made of it."""

    character: str
    draft: str
    version: str = ""
    """The director's wording; empty = it was only refused."""
    reason: str = ""
    rests_on: tuple[int, ...]
    """The draft's fact and the director's."""

    @property
    def plain(self) -> str:
        """As a note, without a model."""
        if self.version:
            return f"Instead of '{_quoted(self.draft)}' the director wrote '{_quoted(self.version)}'."
        return f"The director refused '{_quoted(self.draft)}': {_quoted(self.reason)}."


@dataclass(slots=True)
class _Line:
    character: str
    attempts: dict[int, dict[int, Fact]] = field(default_factory=dict)
    """Attempt -> sentence index -> the sentence."""


@dataclass(slots=True)
class Drafts:
    """Follows lines and hands out lessons."""

    lines: dict[str, _Line] = field(default_factory=dict)
    wording: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Sentence of a kept line -> its character and how it stands."""
    waiting: list[Lesson] = field(default_factory=list)

    def take(self, fact: Fact) -> bool:
        """Take one fact in. False for a correction that is known to leave the words as they are: only the feeling changes."""
        line = str(fact.body.get("line", ""))
        match fact.kind:
            case Kind.LINE_OPENED:
                self._open(line, fact)
            case Kind.SENTENCE if known := self.lines.get(line):
                known.attempts.setdefault(_number(fact.body, "attempt"), {})[_number(fact.body, "index")] = fact
                self.wording[fact.seq] = (known.character, str(fact.body.get("text", "")))
            case Kind.RELEASED if known := self.lines.get(line):
                self._released(known)
            case Kind.REJECTED if (known := self.lines.get(line)) and known.attempts and str(fact.body.get("reason", "")).strip():
                drafted = known.attempts[max(known.attempts)].values()
                self._learn(known.character, drafted, reason=str(fact.body["reason"]), by=(fact.seq,))
            case Kind.CORRECTED:
                return self._corrected(fact)
        return True

    def _open(self, line: str, fact: Fact) -> None:
        if fact.by.role in _OVERSEERS:
            return
        self.lines[line] = _Line(str(fact.body.get("character", "")))
        while len(self.lines) > _LINES:
            gone = self.lines.pop(next(iter(self.lines)))
            for sentence in (item for attempt in gone.attempts.values() for item in attempt.values()):
                self.wording.pop(sentence.seq, None)

    def _released(self, line: _Line) -> None:
        """Edited and released: the last attempt is the director's, one before it the character's."""
        last = line.attempts.get(max(line.attempts, default=0), {})
        own = [number for number, sentences in line.attempts.items() if not _by_director(sentences.values())]
        if last and own and _by_director(last.values()):
            version = joined(str(item.body.get("text", "")) for item in _ordered(last.values()))
            self._learn(line.character, line.attempts[max(own)].values(), version=version, by=tuple(item.seq for item in last.values()))

    def _corrected(self, fact: Fact) -> bool:
        target, text = fact.body.get("target"), str(fact.body.get("text", ""))
        known = self.wording.get(target) if isinstance(target, int) else None
        if known is None or not isinstance(target, int):
            return True
        if not text or text == known[1]:
            return False
        self.wording[target] = (known[0], text)
        if fact.by.role in _OVERSEERS:
            self._add(Lesson(character=known[0], draft=known[1], version=text, rests_on=(target, fact.seq)))
        return True

    def _learn(self, character: str, drafted: Iterable[Fact], *, version: str = "", reason: str = "", by: tuple[int, ...]) -> None:
        facts = _ordered(drafted)
        draft = joined(str(item.body.get("text", "")) for item in facts)
        if draft and draft != version:
            self._add(Lesson(character=character, draft=draft, version=version, reason=reason, rests_on=(*(item.seq for item in facts), *by)))

    def _add(self, lesson: Lesson) -> None:
        self.waiting = [*self.waiting[-_MOST + 1 :], lesson]


def _ordered(sentences: Iterable[Fact]) -> list[Fact]:
    return sorted(sentences, key=lambda fact: _number(fact.body, "index"))


def _by_director(sentences: Iterable[Fact]) -> bool:
    return all(fact.by.role in _OVERSEERS for fact in sentences)


def _number(body: Mapping[str, object], name: str) -> int:
    value = body.get(name)
    return value if isinstance(value, int) else 0


def _quoted(text: str) -> str:
    flat = " ".join(text.split()).replace("'", "’").rstrip(".")
    return flat if len(flat) <= _QUOTED else f"{flat[: _QUOTED - 1]}…"
