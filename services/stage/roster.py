"""Who is at the table and what is open, folded from the facts: the little that the stage must know without reading the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.core.model.fact import Fact, Kind
from services.core.model.facts import RECOVERED, Joined, body_of
from services.core.model.principal import Principal
from services.core.model.prosody import Voice
from services.stage.casting import Candidate
from services.stage.fallbacks import Fallbacks
from services.transcript.view.strikes import struck_by

CHARACTER: Final = "character"
_NARRATED: Final = "narrated"
_LINES: Final = 256
"""Lines of the past that can be asked for once more."""
ID_LIMIT: Final = 128
"""Bytes of an id that a client chooses."""
PLACE_LIMIT: Final = 80
"""Characters of a place's name."""
HEADS: Final = 100
"""At most so many sit behind one microphone."""
_ALIASES: Final = 16
_ALIAS: Final = 80
"""What else a card may say its character is called: so many names of so many characters."""


@dataclass(slots=True)
class Seat:
    """One member."""

    member: str
    role: str
    name: str
    place: str
    principal: str
    """Who may speak for it."""
    head_count: int = 1
    card: dict[str, Any] = field(default_factory=dict)
    present: bool = True

    def may_be(self, principal: Principal) -> bool:
        """May this principal act as this member? Nobody may act as a character."""
        return self.role != CHARACTER and (principal.role == "director" or (bool(principal.id) and self.principal == principal.id))

    @property
    def _extensions(self) -> dict[str, Any]:
        extensions = self.card.get("extensions")
        return extensions if isinstance(extensions, dict) else {}

    @property
    def own(self) -> dict[str, Any]:
        """Our part of a character's card."""
        own = self._extensions.get("souffleur")
        return own if isinstance(own, dict) else {}

    @property
    def language(self) -> str:
        """The language a character speaks."""
        return str(self.own.get("language") or "")

    def voice(self) -> Voice:
        """The voice profile of a character's card; fields of the wrong type fall back to their defaults."""
        given = self.own.get("voice")
        profile = given if isinstance(given, dict) else {}

        def factor(name: str) -> float:
            value = profile.get(name, 1.0)
            return float(value) if isinstance(value, int | float) and 0.25 <= value <= 4 else 1.0

        return Voice(
            engine=str(profile.get("engine") or ""),
            name=str(profile.get("name") or ""),
            language=str(profile.get("language") or self.language),
            rate=factor("rate"),
            pitch=factor("pitch"),
            volume=factor("volume"),
        )

    def candidate(self, *, silent: bool = False) -> Candidate:
        """This character as casting sees it."""
        try:
            talkativeness = float(self._extensions.get("talkativeness", 0.5))
        except (TypeError, ValueError):
            talkativeness = 0.5
        given = self.own.get("aliases")
        aliases = tuple(str(name)[:_ALIAS] for name in given[:_ALIASES]) if isinstance(given, list) else ()
        return Candidate(self.member, self.name, str(self.card.get("nickname") or ""), talkativeness, silent, aliases)


@dataclass(slots=True)
class OpenLine:
    """A line that has not been closed."""

    line: str
    character: str
    turn: int
    place: str = ""
    audience: tuple[str, ...] | None = None
    """Who has heard that it was opened; of one that waited, to whom it was released."""


@dataclass(slots=True)
class OpenWords:
    """What was said in a place, openly or as a whisper to the same ones, and has neither a line nor `passed`."""

    place: str
    audience: tuple[str, ...] | None
    """Of a whisper; None = everybody who was there."""
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PastLine:
    """A line that was opened, however it ended."""

    seq: int
    """Of its `line_opened`."""
    character: str
    place: str
    whispered_to: tuple[str, ...] | None = None
    """Who alone heard it; None = everybody who was there."""


@dataclass(slots=True)
class Roster:
    """The fold. `advance` it by every fact, in order."""

    head: int = 0
    title: str = ""
    mode: str = "auto"
    language: str = ""
    phrases: tuple[str, ...] = ()
    seats: dict[str, Seat] = field(default_factory=dict)
    open_lines: dict[str, OpenLine] = field(default_factory=dict)
    unanswered: dict[int, tuple[str, tuple[str, ...] | None]] = field(default_factory=dict)
    """Seq -> place, and audience of a whisper, of what was said and has neither a line nor `passed`, in order; nobody answers narration."""
    last_character: str = ""
    said: set[str] = field(default_factory=set)
    """Keys of everything that was said."""
    lines: dict[str, PastLine] = field(default_factory=dict)
    """The newest lines, by id."""
    halted: bool = False
    muted: set[str] = field(default_factory=set)
    modes: dict[str, str] = field(default_factory=dict)
    deliveries: dict[str, str] = field(default_factory=dict)
    safety_words: tuple[str, ...] = ()
    voices: dict[str, str] = field(default_factory=dict)
    """Place -> one voice at a time, or many."""
    fallbacks: dict[str, Fallbacks] = field(default_factory=dict)
    """Place -> what does its work there for something that has failed."""
    touched: dict[int, int] = field(default_factory=dict)
    """Fact -> the last one that changed it; strikes and retcons aside, which may be taken back."""
    strikes: list[Fact] = field(default_factory=list)
    retcons: list[tuple[int, int]] = field(default_factory=list)
    """(first that never happened - 1, seq of the retcon)."""

    def advance(self, fact: Fact) -> None:
        """Take one fact in."""
        self.head = fact.seq
        body = fact.body
        if fact.kind == Kind.SCENE_SET:
            self._scene(body)
        elif fact.kind == Kind.JOINED:
            self._joined(fact)
        elif fact.kind == Kind.LEFT:
            if (seat := self.seats.get(str(body.get("member")))) is not None:
                seat.present = False
        elif fact.kind == Kind.SAID:
            self.said.add(said_key(fact.by.id, str(body.get("utterance"))))
            if body.get("source") != _NARRATED:
                self.unanswered[fact.seq] = (fact.place, fact.audience if body.get("whispered") else None)
        elif fact.kind == Kind.PASSED:
            self._answered(fact.place, int(body.get("turn") or 0), fact.cause or fact.seq)
        elif fact.kind in (Kind.LINE_OPENED, Kind.LINE_CLOSED):
            self._line(fact)
        elif fact.kind == Kind.SILENCED:
            self._silenced(str(body.get("character") or ""), on=bool(body.get("on")))
        else:
            self._changed(fact)

    def _line(self, fact: Fact) -> None:
        line = str(fact.body["line"])
        if fact.kind == Kind.LINE_CLOSED:
            self.open_lines.pop(line, None)
            return
        character = str(fact.body["character"])
        self.open_lines[line] = OpenLine(line, character, int(fact.body["turn"]), fact.place, fact.audience)
        self.last_character = character
        if turn := int(fact.body["turn"]):
            self._answered(fact.place, turn, int(fact.body.get("upto") or fact.seq))
        self.lines[line] = PastLine(fact.seq, character, fact.place, fact.audience if fact.body.get("whispered") else None)
        if len(self.lines) > _LINES:
            self.lines.pop(next(iter(self.lines)))

    def _silenced(self, character: str, *, on: bool) -> None:
        if not character:
            self.halted = on
        elif on:
            self.muted.add(character)
        else:
            self.muted.discard(character)

    def _changed(self, fact: Fact) -> None:
        if fact.kind == Kind.CORRECTED:
            self.touched[int(fact.body["target"])] = fact.seq
        elif fact.kind == Kind.STRUCK:
            self.strikes.append(fact)
        elif fact.kind == Kind.RETCONNED:
            self.retcons.append((int(fact.body["to"]), fact.seq))
        elif fact.kind == Kind.RELEASED:
            if (line := self.open_lines.get(str(fact.body.get("line")))) is not None:
                line.audience = fact.audience
        elif fact.kind == Kind.NOTED and fact.body.get("removes"):
            self.touched[int(fact.body["removes"])] = fact.seq
        elif fact.kind == Kind.DEGRADED:
            self._degraded(fact.place, fact.body)

    def _degraded(self, place: str, body: dict[str, Any]) -> None:
        part, to_engine, fallbacks = str(body["part"]), str(body["to_engine"]), self.fallbacks.setdefault(place, Fallbacks())
        if body.get("reason") == RECOVERED:
            fallbacks.went_on(part, to_engine)
        else:
            fallbacks.fell_back(part, str(body["from_engine"]), to_engine)

    def last_touch(self, targets: Sequence[int]) -> int:
        """Seq of the last fact that changed one of these; the greatest of their own if none did. What was taken back changed nothing."""
        taken_back = struck_by(self.strikes)
        struck = (fact.seq for fact in self.strikes if fact.seq not in taken_back and not set(targets).isdisjoint(fact.body.get("targets") or ()))
        undone = (seq for to, seq in self.retcons if seq not in taken_back and any(to < target < seq for target in targets))
        return max(*targets, *(self.touched.get(target, 0) for target in targets), *struck, *undone)

    def _answered(self, place: str, first: int, last: int) -> None:
        """A turn has its end. What was said before and after its words is for others, who may wait still."""
        self.unanswered = {seq: where for seq, where in self.unanswered.items() if where[0] != place or not first <= seq <= last}

    def open_turns(self) -> list[OpenWords]:
        """The words that wait for their end, by who has heard them."""
        found: dict[tuple[str, tuple[str, ...] | None], OpenWords] = {}
        for seq, where in self.unanswered.items():
            found.setdefault(where, OpenWords(*where, seq, seq)).last = seq
        return list(found.values())

    def _scene(self, body: dict[str, Any]) -> None:
        self.title = body.get("title") or self.title
        self.mode = body.get("mode") or self.mode
        self.language = body.get("language") or self.language
        self.phrases = tuple(body.get("phrases") or self.phrases)
        self.modes.update(body.get("modes") or {})
        self.deliveries.update(body.get("deliveries") or {})
        self.safety_words = tuple(body.get("safety_words") or self.safety_words)
        self.voices.update(body.get("voices") or {})

    def _joined(self, fact: Fact) -> None:
        try:
            body = body_of(Joined, fact.body)
        except ValueError:
            return
        self.seats[body.member] = Seat(
            member=body.member,
            role=body.role,
            name=body.name,
            place=fact.place,
            principal=fact.by.id,
            head_count=body.head_count,
            card=body.card,
        )

    def seat_of(self, principal: Principal) -> Seat | None:
        """Where this principal sits, or sat last; None = nowhere."""
        own = [seat for seat in self.seats.values() if seat.role != CHARACTER and principal.id and seat.principal == principal.id]
        return next((seat for seat in reversed(own) if seat.present), own[-1] if own else None)

    def opened_after(self, line: str, seq: int) -> bool:
        """This is a line of the past, and was opened after this fact."""
        past = self.lines.get(line)
        return past is not None and past.seq > seq

    def audience(self, place: str) -> tuple[str, ...]:
        """Everyone present in `place`."""
        return tuple(seat.member for seat in self.seats.values() if seat.present and seat.place == place)

    def people(self, place: str, audience: Sequence[str] | None = None) -> list[Seat]:
        """Humans present in `place`; of those in `audience`, if that is given."""
        here = (seat for seat in self.seats.values() if seat.present and seat.role != CHARACTER and seat.place == place)
        return [seat for seat in here if audience is None or seat.member in audience]

    def cast(self, place: str) -> list[Seat]:
        """Characters present in `place`."""
        return [seat for seat in self.seats.values() if seat.present and seat.role == CHARACTER and seat.place == place]


def is_id(given: str) -> bool:
    """A client may choose it: the log counts the bytes of the keys that are made of it, and would refuse them after the words were taken."""
    return 0 < len(given.encode()) <= ID_LIMIT and "\0" not in given


def said_key(member: str, utterance: str) -> str:
    """The idempotency key of a `said`. Behind a prefix and its member: an id that a client chose can stand for no other fact."""
    return f"said:{member}:{utterance}"
