"""The contract of an LLM engine: a prompt in, pieces of text out; plus open, close, readiness and what it is, as data."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from pydantic import BaseModel, ConfigDict

from services.core.errors import EngineFailed
from services.core.model.reply import ChatMessage
from services.llm.card import Card

LONGEST_LINE: Final = 64 * 1024
"""Bytes of one line of a provider's stream."""
LONGEST_REPLY: Final = 256 * 1024
"""Bytes of a provider's whole answer."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer, as raw as the model wrote it."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """The model is thinking, in a channel of its own; nobody is told what."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the provider counted."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The provider said that the answer is complete. A stream that ends without this was cut."""

    reason: str
    """stop, length or content_filter."""


Piece = Token | Thought | Usage | Finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How freely the model chooses; None = the provider's own default."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that was said in the character's hearing."""

    speaker: str
    """Empty = the character itself."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """What an engine that has no model needs in order to play the part."""

    card: Card
    user: str = ""
    """Who is spoken to."""
    heard: tuple[Heard, ...] = ()
    """The latest last."""
    scene: str = ""
    language: str = ""
    speakable: bool = True
    """Emotion marks are wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One request to an engine."""

    messages: tuple[ChatMessage, ...]
    cue: Cue
    sampling: Sampling = Sampling()
    tokens: int = 0
    """Our own estimate of the messages' size."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema that the answer must fit; None = plain text. An engine asks for it in its vendor's way, or passes it over."""
    unhurried: bool = False
    """Nobody waits for single words: an engine may give what comes within a few milliseconds as one."""


class Reason(StrEnum):
    """Why an engine did not answer; travels in `FellBack.reason`."""

    TIMEOUT = "timeout"
    REFUSED = "refused"
    """The connection failed."""
    AUTH = "auth"
    """Key, rights or payment."""
    RATE_LIMITED = "rate_limited"
    SERVER = "server_error"
    REQUEST = "request_refused"
    """The provider does not accept this request or knows no such model."""
    GARBAGE = "garbage"
    """What came was not the protocol, or too large."""
    TRUNCATED = "truncated"
    """The stream broke."""
    FILTERED = "content_filter"
    EMPTY = "empty"
    """It ended without a word."""
    MISSING = "not_available"
    """Not installed, not configured, no model, or still loading."""


class EngineTrouble(EngineFailed):
    """An engine did not do its work; the reason decides how long it is left alone."""

    def __init__(self, reason: Reason, detail: str = "", *, retry_after_s: float | None = None) -> None:
        """`detail` never repeats what the provider wrote: it may hold the prompt or a key."""
        super().__init__(detail or f"the language engine failed: {reason}")
        self.reason = reason
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Readiness:
    """Can the engine answer now?"""

    ready: bool
    remark: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What an engine is built with besides its options."""

    models: Path
    """Folder of model files."""
    connect_timeout_s: float = 5.0
    idle_s: float = 15.0
    """Longest silence inside an answer."""


class EngineOptions(BaseModel):
    """Base of every engine's own options; `kind` names the engine where the entry's name does not."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
    kind: str = ""


class Engine(Protocol):
    """One LLM back end, opened once per process."""

    Options: ClassVar[type[EngineOptions]]
    generative: ClassVar[bool]
    """False where no model writes the answer."""

    def __init__(self, options: Any, ground: Ground) -> None:
        """`options` is an instance of `Options`; nothing is opened yet."""
        ...

    @property
    def account(self) -> str:
        """Names the vendor's account without telling the key; engines of one account share its troubles. Empty = none."""
        ...

    async def open(self) -> None:
        """Load or connect; called once before the first reply. Raises `EngineTrouble` or `EngineMissing`."""
        ...

    async def close(self) -> None:
        """Give everything back."""
        ...

    async def readiness(self) -> Readiness:
        """Looked up within a fraction of a second."""
        ...

    def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The answer. Closing the generator stops the provider. Raises `EngineTrouble`."""
        ...


class SelfContained:
    """The part of an engine that needs nothing from outside."""

    @property
    def account(self) -> str:
        """None."""
        return ""

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""
