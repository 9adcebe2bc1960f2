"""What is asked of the roleplay service and what it answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a stateless chat."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyOptions:
    """Options of one turn, resolved once by the stage; None = the provider's own default."""

    engines: tuple[str, ...] = ()
    """Engine names in order of preference; empty = the configured chain."""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    speakable: bool = True
    """False for stateless chat: no style directive, no emotion marks, raw deltas instead of sentences."""
    token_budget: int = 6000
    """Largest prompt in tokens."""
    language: str = ""
    notes: tuple[str, ...] = ()
    """Hidden remarks for this one turn."""
    seed: int | None = None
    json_schema: str = ""
    """That the answer must fit (stateless chat only)."""
    purpose: str = "roleplay"
    """For metrics: roleplay (a turn, whose tokens the stage counts), rehearsal, chat, summary, advice or character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRequest:
    """One line wanted of one character."""

    session: str = ""
    base_seq: int = 0
    """The view is folded at exactly this fact."""
    character: str = ""
    line: str = ""
    epoch: int = 0
    pending: tuple[str, ...] = ()
    """JSON envelopes of what is not a fact yet, in order; their seq is 0."""
    messages: tuple[ChatMessage, ...] = ()
    """Stateless chat: the client's history; then `session` and `pending` are empty and `card` is set."""
    card: str = ""
    """JSON of a V3 card's data object; empty = the card in the transcript."""
    options: ReplyOptions = ReplyOptions()
    script: str = ""
    """Words that are given: no model is asked, they are cut into sentences and their emotion marks lifted."""


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """An engine has begun; comes again when another one takes over."""

    engine: str
    model: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of raw text (stateless chat only)."""

    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, ready to be spoken."""

    index: int
    """0, 1, 2 ... within the line."""
    text: str
    """Clean: as it is spoken and shown."""
    tagged: str
    """The same with its emotion marks, as the model wrote it."""
    emotion: str = "neutral"
    intensity: float = 0.5
    manner: str = "plain"


@dataclass(frozen=True, slots=True)
class FellBack:
    """One engine failed before the first spoken word and the next one took over."""

    from_engine: str
    to_engine: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The end of the reply."""

    reason: str
    """stop, length, content_filter or truncated."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    ttft_ms: float = 0.0
    engine: str = ""
    model: str = ""
    cost: float = 0.0
    """US dollars, by the configured prices; 0 = unknown or free."""
    estimated: bool = False
    """The tokens are our own estimate: the engine did not count them."""


ReplyEvent = ReplyStarted | Delta | Sentence | FellBack | ReplyFinished


@dataclass(frozen=True, slots=True)
class LlmEngineInfo:
    """What an LLM engine is, as data."""

    name: str
    ready: bool
    remark: str = ""
    model: str = ""
    generative: bool = True
    """False for the understudy."""
