"""The face of a voice engine: one sentence in, sound and word marks out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from services.core.model.prosody import Prosody, Voice
from services.core.model.voicing import TtsEngineInfo
from services.core.settings import Settings

Samples = NDArray[np.float32]
"""Mono samples between -1 and 1."""


class Options(BaseModel):
    """Base of every engine's own settings table; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Sound:
    """The next piece of a sentence, as the engine made it."""

    samples: Samples
    rate: float
    """Samples per second; the same for all pieces of a sentence. An engine shifts pitch for free by telling another rate than it made."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a word begins. Marks come in order, each no later than the sound that holds its word."""

    start: int
    """Code points within the sentence: [start, end)."""
    end: int
    at_s: float
    """Seconds from the first sample that the engine gave."""


EngineEvent = Sound | Mark


class TtsEngine(Protocol):
    """One back end, opened once per process and shared by all calls."""

    async def open(self) -> None:
        """Load what is needed. Raises `EngineMissing` with advice when something is not installed or not on disk."""
        ...

    async def close(self) -> None:
        """Let everything go; running streams end."""
        ...

    async def capabilities(self) -> TtsEngineInfo:
        """What it can do, as data. Never raises for something missing: that is `ready=False` with a remark."""
        ...

    def gain_db(self, prosody: Prosody) -> float:
        """How much louder or quieter than neutral this feeling is; applied after loudness is levelled."""
        ...

    def stream(self, sentence: str, prosody: Prosody, voice: Voice) -> AsyncGenerator[EngineEvent, None]:
        """Speak clean text. Closing or cancelling the generator stops the engine at once; failures are `EngineFailed`."""
        ...


class EngineClass(Protocol):
    """What the table's import strings name."""

    Options: ClassVar[type[BaseModel]]

    def __call__(self, options: Any, settings: Settings) -> TtsEngine:
        """Make the engine; nothing is loaded before `open`."""
        ...
