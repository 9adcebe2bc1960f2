"""What an STT engine is: opened once per process, one async generator per utterance."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, Protocol

from services.core.model.speech import SpeechEvent, SttEngineInfo, TranscribeOpen


class SttEngine(Protocol):
    """One back end."""

    async def open(self) -> None:
        """Load the model. Raises `EngineMissing` when the package or the model is not there."""
        ...

    async def close(self) -> None:
        """Let go of everything; running utterances end."""
        ...

    def info(self) -> SttEngineInfo:
        """What it can do, without loading it."""
        ...

    def transcribe(self, opening: TranscribeOpen, audio: AsyncIterator[bytes]) -> AsyncGenerator[SpeechEvent]:
        """`SttOpened`, any number of `Partial`s, one `Final`. `audio` is mono PCM16 at 16 kHz; its end is the utterance's end."""
        ...


class SttEngineFactory(Protocol):
    """The class behind a name in the engine table."""

    def __call__(self, options: dict[str, Any], models: Path) -> SttEngine:
        """`options` is the engine's table in the settings; `models` the folder of model files. Raises `SettingsRejected`."""
        ...
