"""Engines whose faults a test decides, loaded by import string like anybody's own engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import ClassVar

import numpy as np

from services.core.errors import EngineFailed, EngineMissing
from services.core.model.prosody import Prosody, Voice
from services.core.model.voicing import TtsEngineInfo, VoiceInfo
from services.core.settings import Settings
from services.tts.engine import EngineEvent, Options, Sound

TONE = (0.2 * np.sin(2 * np.pi * 200 * np.arange(12_000) / 24_000)).astype(np.float32)


class HandOptions(Options):
    """When to fail."""

    missing: bool = False
    fails_before: bool = False
    fails_after: bool = False
    raises_own: bool = False
    language: str = "en"


class InHand:
    """Half a second of tone, or the fault that was asked for."""

    Options: ClassVar = HandOptions

    def __init__(self, options: HandOptions, settings: Settings) -> None:
        self.options = options
        self.opened = 0
        self.closed = 0
        self.asked: list[tuple[str, Prosody, Voice]] = []

    async def open(self) -> None:
        if self.options.missing:
            raise EngineMissing("not here")
        self.opened += 1

    async def close(self) -> None:
        self.closed += 1

    async def capabilities(self) -> TtsEngineInfo:
        return TtsEngineInfo("in-hand", ready=not self.options.missing, voices=(VoiceInfo("hand", self.options.language),))

    def gain_db(self, prosody: Prosody) -> float:
        return 0.0

    async def stream(self, sentence: str, prosody: Prosody, voice: Voice) -> AsyncGenerator[EngineEvent, None]:
        self.asked.append((sentence, prosody, voice))
        if self.options.raises_own:
            raise ZeroDivisionError(sentence)
        if self.options.fails_before:
            raise EngineFailed("before")
        yield Sound(TONE, 24_000.0)
        if self.options.fails_after:
            yield Sound(TONE, 24_000.0)
            raise EngineFailed("after")


class Second(InHand):
    """Another one of the kind."""
