"""The body of every kind of fact: one frozen class each, read and written through `body_of` and `fields_of`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any, Final, TypeVar, cast

from services.core.model.fact import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSet:
    """Where and when we are. The first one of a session also names it."""

    heading: str = ""
    description: str = ""
    title: str = ""
    mode: str = ""
    """auto or approve; empty = unchanged."""
    language: str = ""
    phrases: list[str] = field(default_factory=list)
    """What players may say, where it is known beforehand."""
    modes: dict[str, str] = field(default_factory=dict)
    """`character:<slug>` or `platform:<name>` -> auto or approve; empty = as the session. Those not named stay as they are."""
    deliveries: dict[str, str] = field(default_factory=dict)
    """Character -> voice or teleprompter. Those not named stay as they are."""
    hotwords: list[str] = field(default_factory=list)
    """Names that hearing has learned from corrections; they add up."""
    safety_words: list[str] = field(default_factory=list)
    """Whoever says one of them silences every character. They replace those before; one that is empty means none."""
    voices: dict[str, str] = field(default_factory=dict)
    """Place -> one voice at a time, or many. Those not named stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A member enters: a participant or a character. A second one for the same member replaces the first."""

    member: str
    role: str
    """player, director, operator or character."""
    name: str
    card: dict[str, Any] = field(default_factory=dict)
    """A character's V3 card `data`, as it is from here on; empty for humans."""
    head_count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A member is gone."""

    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a participant said or typed. Its seq names the turn."""

    utterance: str
    text: str
    source: str = "voice"
    """voice, typed, or narrated: the director's narration, which nobody answers."""
    words: list[list[Any]] = field(default_factory=list)
    """[text, start_s, end_s, confidence or null] each, where the engine gives them."""
    confidence: float | None = None
    engine: str = ""
    whispered: bool = False
    """To its audience alone, of those who were there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOpened:
    """A character is about to speak."""

    line: str
    character: str
    turn: int
    """Seq of the `said` that is answered; 0 = nobody asked."""
    base_seq: int
    attempt: int = 1
    mode: str = "auto"
    answers: str = ""
    """The participant who is answered or has asked for it."""
    delivery: str = "voice"
    """voice, or teleprompter: the director reads it out."""
    retakes: str = ""
    """The line that this one replaces."""
    whispered: bool = False
    """To its audience alone, of those who were there."""
    upto: int = 0
    """Seq of the last `said` that is answered; 0 in facts of older versions, whose lines answered whatever stood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One sentence of a line (kind `sentence`)."""

    line: str
    attempt: int
    index: int
    text: str
    tagged: str
    emotion: str = "neutral"
    intensity: float = 0.5
    manner: str = "plain"
    engine: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineClosed:
    """The one end of a line: what was heard is everything up to (`last_seq`, `offset`)."""

    line: str
    state: str
    """heard, cut, rejected or aborted."""
    last_seq: int = 0
    """The last sentence of which anything was heard; 0 = nothing was."""
    offset: int = 0
    """Code points of that sentence's clean text that were heard."""
    basis: str = "delivered"
    reason: str = ""
    ms: dict[str, float] = field(default_factory=dict)
    """Where the time went, by the names of `telemetry.TURN_PARTS`."""
    tokens: list[int] = field(default_factory=list)
    """Prompt and completion."""
    cost: float = 0.0
    """US dollars; 0 = unknown or free."""
    engine: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A turn that nobody answers."""

    turn: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """New wording for a `said` or a `sentence`."""

    target: int
    text: str
    base: int = 0
    emotion: str | None = None
    intensity: float | None = None
    manner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """These facts are as if they had not been said."""

    targets: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A director's hidden remark."""

    text: str
    character: str = ""
    """Empty = for all."""
    scope: str = "until_removed"
    """once, turns or until_removed."""
    turns: int = 0
    removes: int = 0
    """Seq of an earlier note that this one takes back."""
    line: str = ""
    """The line that it was for, and for no other: it was told with the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whispered:
    """Something one character alone comes to know."""

    character: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A held line may be spoken."""

    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A held line is refused."""

    line: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommended:
    """The adviser's proposal."""

    recommendation: str
    category: str
    text: str
    rests_on: list[int] = field(default_factory=list)
    character: str = ""
    expires_at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationDecided:
    """What the director made of a recommendation: accepted, pinned, rejected or expired."""

    recommendation: str
    state: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summarized:
    """A digest of what was heard."""

    text: str
    covers: list[int]
    """Seqs of the facts it was made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retconned:
    """Everything after `to` never happened."""

    to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    """Dice."""

    expression: str
    total: int
    dice: list[int] = field(default_factory=list)
    purpose: str = ""


RECOVERED: Final = "recovered"
"""Why something is as it was: the reason of a `degraded` that ends others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded:
    """The table goes on with less; or, if the reason is `RECOVERED`, with what it had before."""

    part: str
    """stt, llm, tts, store."""
    from_engine: str
    to_engine: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inserted:
    """The director adds to the past: it stands behind the fact `after`."""

    after: int
    block: str
    """said, line or action."""
    text: str
    member: str = ""
    """Who says it: a participant or a character."""
    name: str = ""
    emotion: str = "neutral"
    intensity: float = 0.5
    manner: str = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silenced:
    """A character is muted, or everybody is; until a later one with `on` false."""

    on: bool
    character: str = ""
    """Empty = everybody."""
    reason: str = ""
    """safety: somebody has said a safety word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """A character may speak of one of its secrets from here on."""

    character: str
    secret: str
    """Its id on the card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """These facts were removed for good; the archive keeps a tombstone."""

    seqs: list[int]


Body = (
    SceneSet | Joined | Left | Said | LineOpened | Spoken | LineClosed | Passed | Corrected | Struck | Noted | Whispered
    | Released | Rejected | Recommended | RecommendationDecided | Summarized | Retconned | Rolled | Degraded | Erased
    | Inserted | Silenced | Revealed
)  # fmt: skip

BODIES: Final[dict[str, type[Body]]] = {
    Kind.SCENE_SET: SceneSet,
    Kind.JOINED: Joined,
    Kind.LEFT: Left,
    Kind.SAID: Said,
    Kind.LINE_OPENED: LineOpened,
    Kind.SENTENCE: Spoken,
    Kind.LINE_CLOSED: LineClosed,
    Kind.PASSED: Passed,
    Kind.CORRECTED: Corrected,
    Kind.STRUCK: Struck,
    Kind.NOTED: Noted,
    Kind.WHISPERED: Whispered,
    Kind.RELEASED: Released,
    Kind.REJECTED: Rejected,
    Kind.RECOMMENDED: Recommended,
    Kind.RECOMMENDATION_DECIDED: RecommendationDecided,
    Kind.SUMMARIZED: Summarized,
    Kind.RETCONNED: Retconned,
    Kind.ROLLED: Rolled,
    Kind.DEGRADED: Degraded,
    Kind.ERASED: Erased,
    Kind.INSERTED: Inserted,
    Kind.SILENCED: Silenced,
    Kind.REVEALED: Revealed,
}
"""Kind to body class."""

B = TypeVar("B", bound=Body)


@cache
def _names(cls: Any) -> frozenset[str]:
    return frozenset(item.name for item in fields(cls))


def body_of(cls: type[B], data: dict[str, Any]) -> B:
    """Read a body; fields of a newer version are ignored. Raises ValueError if a required field is missing."""
    known = _names(cast(Any, cls))
    try:
        return cls(**{name: value for name, value in data.items() if name in known})
    except TypeError as error:
        raise ValueError(f"not a {cls.__name__}: {error}") from error


def fields_of(body: Body) -> dict[str, Any]:
    """A body as it stands in the envelope."""
    return asdict(body)


def kind_of(body: Body) -> str:
    """The kind under which this body is written."""
    return _KINDS[type(body)]


_KINDS: Final[dict[type[Body], str]] = {cls: str(kind) for kind, cls in BODIES.items()}
