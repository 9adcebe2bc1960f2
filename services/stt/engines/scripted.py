"""Hearing from a script: says the next text whatever it is given. For demos, tests and benchmarks of everything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.core.errors import SettingsRejected
from services.core.model.speech import Final, SpeechEvent, SttEngineInfo, SttOpened, TranscribeOpen
from services.core.settings import explain


class Options(BaseModel):
    """The script."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    texts: tuple[str, ...] = Field(("hello there",), min_length=1)
    """Spoken in turn, over and over; an empty one means that nothing was recognised."""
    delay_ms: float = Field(0.0, ge=0, le=60_000)
    """From the end of the utterance to its final."""


class ScriptedEngine:
    """Deterministic and instant."""

    def __init__(self, options: dict[str, Any], models: Path) -> None:
        """`models` is not used."""
        del models
        try:
            self._options = Options(**options)
        except ValidationError as error:
            raise SettingsRejected(f"stt.engines.scripted: {explain(error)}") from None
        self._turns = count()

    async def open(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to close."""

    def info(self) -> SttEngineInfo:
        """Ready at once."""
        return SttEngineInfo("scripted", ready=True, remark="speaks from a script, does not listen")

    async def transcribe(self, opening: TranscribeOpen, audio: AsyncIterator[bytes]) -> AsyncGenerator[SpeechEvent]:
        """Wait for the end, then say the next text."""
        del opening
        yield SttOpened("scripted")
        async for _ in audio:
            pass
        if self._options.delay_ms:
            await asyncio.sleep(self._options.delay_ms / 1000)
        yield Final(self._options.texts[next(self._turns) % len(self._options.texts)], engine="scripted", confidence=1.0)
