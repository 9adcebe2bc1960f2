"""What a reader finds in a view: one frozen value per thing that happened, in the order in which it happened."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from services.core.model.fact import Author, LineState

Heard = Literal["all", "part", "none"]
"""How much of a sentence reached ears."""

OPEN_STATES: Final = frozenset({LineState.DRAFTING, LineState.HELD, LineState.QUEUED, LineState.SPEAKING})
"""A line in one of these has no `line_closed` yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneEntry:
    """Where and when we are from here on."""

    seq: int
    heading: str
    description: str = ""
    struck: bool = False
    place: str = ""
    audience: tuple[str, ...] | None = None
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinEntry:
    """A member came."""

    seq: int
    member: str
    name: str
    role: str
    head_count: int = 1
    place: str = ""
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveEntry:
    """A member went."""

    seq: int
    member: str
    name: str
    place: str = ""
    """From where."""
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidEntry:
    """What a participant said or typed."""

    seq: int
    member: str
    name: str
    text: str
    original: str | None = None
    """The first wording, where a correction replaced it."""
    struck: bool = False
    place: str = ""
    audience: tuple[str, ...] | None = None
    at_ms: int = 0
    source: str = "voice"
    """voice, typed, or narrated: told by the director, which nobody answers; then the name may be empty."""
    utterance: str = ""
    inserted: bool = False
    """Added to the past by the director; `seq` is that of the insertion, so it is out of order here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceEntry:
    """One sentence of a line. For anybody but a director `text` and `tagged` hold no more than `heard_text`."""

    seq: int
    index: int
    text: str
    tagged: str
    emotion: str = "neutral"
    intensity: float = 0.5
    manner: str = "plain"
    heard: Heard = "none"
    """`none` as long as the line is open."""
    heard_text: str = ""
    """A prefix of `text`."""
    struck: bool = False
    original: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEntry:
    """One character's speech."""

    line: str
    seq: int
    """Of its `line_opened`."""
    character: str
    name: str
    turn: int
    state: LineState
    sentences: tuple[SentenceEntry, ...] = ()
    basis: str = ""
    """How we know what was heard; empty while the line is open."""
    reason: str = ""
    place: str = ""
    audience: tuple[str, ...] | None = None
    at_ms: int = 0
    by: Author = field(default_factory=lambda: Author("character"))
    """Who caused the line; a director's role marks a puppet line."""
    mode: str = "auto"
    """auto, approve or puppet."""
    delivery: str = "voice"
    """voice, or teleprompter: the director reads it out."""
    retakes: str = ""
    """The line that this one replaces."""
    attempt: int = 1
    original: str | None = None
    """Of a held line whose words were replaced before it was spoken: the first draft, with its emotion marks. For directors only."""
    reworded_by: Author | None = None
    """Who gave it those other words. For directors only."""
    released_seq: int = 0
    """Seq of its `released`; 0 = it needed none, or never had one. The line stands where it was released: that is when it was spoken."""
    closed_seq: int = 0
    """Seq of its `line_closed`, since which it is known what was heard; 0 = it is open."""
    struck: bool = False
    """The line as a whole was struck."""
    inserted: bool = False
    """Added to the past by the director, as if it had been heard; it has one sentence, of the same seq."""
    ms: Mapping[str, float] = field(default_factory=dict)
    """Where the time went."""
    tokens: tuple[int, ...] = ()
    """Prompt and completion. For directors only, like the next."""
    cost: float = 0.0
    engine: str = ""
    model: str = ""

    @property
    def is_open(self) -> bool:
        """Nothing says yet what was heard of it."""
        return self.state in OPEN_STATES

    @property
    def heard_text(self) -> str:
        """What reached ears and still stands, as one text."""
        return joined(item.heard_text for item in self.sentences if not item.struck)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteEntry:
    """A director's hidden remark, where it was given."""

    seq: int
    text: str
    character: str = ""
    scope: str = "until_removed"
    turns: int = 0
    struck: bool = False
    """Taken back by a later note, or struck."""
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WhisperEntry:
    """Something that one character alone came to know."""

    seq: int
    character: str
    text: str
    struck: bool = False
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryEntry:
    """A digest of what was heard."""

    seq: int
    text: str
    covers: tuple[int, ...] = ()
    struck: bool = False
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationEntry:
    """The adviser's proposal and what became of it."""

    seq: int
    recommendation: str
    category: str
    text: str
    state: str = "proposed"
    """proposed, accepted, pinned, rejected or expired."""
    character: str = ""
    rests_on: tuple[int, ...] = ()
    expires_at_ms: int = 0
    struck: bool = False
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RollEntry:
    """Dice."""

    seq: int
    member: str
    name: str
    expression: str
    total: int
    dice: tuple[int, ...] = ()
    purpose: str = ""
    role: str = ""
    """By what right they were rolled: the director's count for more."""
    struck: bool = False
    place: str = ""
    audience: tuple[str, ...] | None = None
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradedEntry:
    """From here on the table goes on with less."""

    seq: int
    part: str
    from_engine: str
    to_engine: str
    reason: str = ""
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealEntry:
    """From here on a character may speak of one of its secrets."""

    seq: int
    character: str
    secret: str
    """Its id on the card."""
    struck: bool = False
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedEntry:
    """Where a line was drafted that was spoken later, and now stands there. Nobody is shown it."""

    seq: int
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedEntry:
    """A turn that nobody answered."""

    seq: int
    turn: int
    reason: str
    at_ms: int = 0


Entry = (
    SceneEntry | JoinEntry | LeaveEntry | SaidEntry | LineEntry | NoteEntry | WhisperEntry | SummaryEntry
    | RecommendationEntry | RollEntry | DegradedEntry | PassedEntry | RevealEntry
)  # fmt: skip


Slot = Entry | MovedEntry
"""What a fold keeps in the order of the view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note (or an accepted recommendation) in force: it steers the coming lines."""

    seq: int
    text: str
    character: str = ""
    """Empty = for all."""
    scope: str = "until_removed"
    remaining: int | None = None
    """Lines that it still steers; None = until it is removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody who is or was at the table."""

    member: str
    role: str
    name: str
    card: Mapping[str, Any] = field(default_factory=dict)
    """A character's V3 card `data`; empty for humans, and for every reader but the director and the character itself."""
    place: str = ""
    present: bool = True
    since_seq: int = 0
    """Where the present (or last) stay began; a new card does not begin a new one."""
    head_count: int = 1


def joined(texts: Iterable[str]) -> str:
    """Sentences as running text: a space between them, none after Chinese or Japanese writing."""
    whole = ""
    for text in texts:
        if not text:
            continue
        glue = "" if not whole or whole[-1].isspace() or unicodedata.east_asian_width(whole[-1]) in "WF" else " "
        whole += glue + text
    return whole
