"""What travels between an attachment (somebody's connection) and the stage, in both directions."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.core.model.desk import DeskShown, DraftShown
from services.core.model.fact import Fact
from services.core.model.principal import Principal


@dataclass(frozen=True, slots=True)
class CastMember:
    """A character as it enters a session."""

    slug: str
    name: str
    card: str
    """JSON: the `data` object of a V3 card."""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """Make a session, or find the one with this id."""

    session: str = ""
    title: str = ""
    mode: str = "auto"
    scene_heading: str = ""
    scene_description: str = ""
    cast: tuple[CastMember, ...] = ()
    language: str = ""
    phrases: tuple[str, ...] = ()
    safety_words: tuple[str, ...] = ()
    """Whoever says one of them silences every character."""
    previously: str = ""
    """What happened before, told to the characters."""


@dataclass(frozen=True, slots=True)
class OpenResponse:
    """The session is there and its opening facts are durable."""

    session: str
    head: int
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure:
    """An attachment's own turn settings; None keeps the session's."""

    hang_over_s: float | None = None
    endpointing: str | None = None
    answers: bool | None = None
    """A finished utterance is answered without being asked."""
    interrupts: bool | None = None
    """Speech stops a speaking character."""
    hears: bool | None = None
    """As in `AttachOpen`; a connection may change its mind later."""
    reports_playback: bool | None = None
    speaks: str | None = None
    """A director's microphone: empty = their own words; `narrator` = narration, never answered; a slug = that character says it."""
    addresses: str | None = None
    """The character that coming words are meant for; empty = casting decides."""
    whispers: str | None = None
    """Who alone is to hear coming words: ids of members, with spaces between; empty = everybody in the place."""
    place: str | None = None
    """Where its participant goes."""
    head_count: int | None = None
    """How many sit behind its microphone from now on."""
    idle_s: float | None = None
    """A character speaks up after this much silence in its place; 0 = as the house has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachOpen:
    """The first message of an attachment."""

    session: str
    principal: Principal
    participant: str = ""
    place: str = ""
    hears: bool = True
    """Wants the characters' voices; otherwise a line counts as heard when its text was delivered."""
    reports_playback: bool = False
    head_count: int = 1
    """People behind one microphone; two or more make it the room's."""
    after_seq: int = 0
    """Facts after this one are sent first."""
    configure: Configure = Configure()
    monitor: bool = False
    """A director who watches: no member joins, and nothing it hears counts as heard."""
    platform: str = ""
    """Where the words come from: page, realtime, api, discord ..."""


@dataclass(frozen=True, slots=True)
class Onset:
    """Speech has begun."""

    utterance: str
    manual: bool = False
    """The client owns the utterance (push-to-talk): no endpointing."""


@dataclass(frozen=True, slots=True)
class Paused:
    """Speech has paused; the stage decides whether it has ended. Where the client owns the utterance it has: the client has committed it."""

    utterance: str
    silence_ms: int = 0
    """How long it has been silent already."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Speech went on after a pause."""

    utterance: str


@dataclass(frozen=True, slots=True)
class PartialHeard:
    """What has been recognised so far."""

    utterance: str
    text: str


@dataclass(frozen=True, slots=True)
class HeardWord:
    """One word of a final."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class FinalHeard:
    """The utterance's text; empty = nothing was recognised and no fact comes of it."""

    utterance: str
    text: str
    words: tuple[HeardWord, ...] = ()
    confidence: float | None = None
    language: str = ""
    engine: str = ""
    speech_ms: int = 0
    stt_ms: int = 0
    """From the end of the utterance to this final."""


@dataclass(frozen=True, slots=True)
class UtteranceLost:
    """Hearing failed; the utterance comes to nothing."""

    utterance: str
    reason: str


@dataclass(frozen=True, slots=True)
class TextSaid:
    """Typed words."""

    message: str
    """Idempotency key."""
    text: str
    speaker: str = ""
    """A member that this principal may be; empty = its own."""
    answers: bool = True
    addresses: str = ""
    """The character that is meant; empty = casting decides."""
    narrates: bool = False
    """A director's narration: in the transcript, never answered."""
    whispers: str = ""
    """As in `Configure`; empty = as the attachment has it."""


@dataclass(frozen=True, slots=True)
class TakeFloor:
    """A character is asked to speak without a new utterance."""

    character: str = ""
    instructions: str = ""
    if_addressed: bool = False
    """Only if the asker's latest words are for a character, as it is with words that are answered without being asked; `character` has no say then."""


@dataclass(frozen=True, slots=True)
class Played:
    """How much of a line's audio has left the loudspeaker."""

    line: str
    played_ms: int


@dataclass(frozen=True, slots=True)
class CancelLine:
    """Stop this line, or the open one."""

    line: str = ""


@dataclass(frozen=True, slots=True)
class Goodbye:
    """However the stream ends after this, that is no break: the seat is kept for a moment only."""


AttachUp = AttachOpen | Configure | Onset | Paused | Resumed | PartialHeard | FinalHeard | UtteranceLost | TextSaid | TakeFloor | Played | CancelLine | Goodbye


@dataclass(frozen=True, slots=True)
class Attached:
    """The attachment stands; facts follow from `after_seq` on."""

    participant: str
    name: str
    head: int
    place: str = ""


@dataclass(frozen=True, slots=True)
class PartialShown:
    """Somebody's partial, for captions."""

    utterance: str
    participant: str
    text: str


@dataclass(frozen=True, slots=True)
class SpeechSeen:
    """Somebody began or stopped speaking."""

    participant: str
    speaking: bool


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """The stage has decided that the utterance is over: close the hearing call."""

    utterance: str


@dataclass(frozen=True, slots=True)
class LineAudio:
    """A character's voice: mono PCM16 at `VOICE_RATE`."""

    line: str
    seq: int
    pcm: bytes
    offset_samples: int
    """Position of the first sample within the line."""


@dataclass(frozen=True, slots=True)
class LineWord:
    """Where a word of a sentence is in the line's sound."""

    start: int
    end: int
    at_samples: int
    """From the line's start."""


@dataclass(frozen=True, slots=True)
class LineWords:
    """Word marks of one sentence."""

    line: str
    seq: int
    marks: tuple[LineWord, ...]


@dataclass(frozen=True, slots=True)
class LinePaused:
    """Stop playing, keep what is queued."""

    line: str


@dataclass(frozen=True, slots=True)
class LineResumed:
    """Go on playing."""

    line: str


@dataclass(frozen=True, slots=True)
class LineFlushed:
    """Throw away whatever has not been played."""

    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTimed:
    """Where the time of a turn went."""

    turn: int
    line: str
    llm_engine: str = ""
    llm_model: str = ""
    tts_engine: str = ""
    stt_engine: str = ""
    ms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """Something sent up was not accepted; nothing changed."""

    code: str
    detail: str
    ref: str = ""


AttachDown = (
    Attached | Fact | PartialShown | SpeechSeen | UtteranceEnded | LineAudio | LineWords | LinePaused | LineResumed | LineFlushed | TurnTimed | Refused
    | DraftShown | DeskShown
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TellRequest:
    """A fact told by somebody who knows it."""

    session: str
    principal: Principal
    key: str
    kind: str
    body: str
    place: str = ""
    base: int = 0
    """The last fact that touched the target, as the teller saw it; 0 = the last writer wins."""


@dataclass(frozen=True, slots=True)
class TellResponse:
    """Where the fact stands now."""

    seq: int
    repeated_key: bool = False
    conflicted: bool = False
    """The target has changed since `base`: nothing was written."""
    current: str = ""
    """The wording that stands."""
    current_seq: int = 0
    erased: tuple[int, ...] = ()
    """All that was erased, with what was made of it."""
