"""A voice of plain tones with a known length: for demonstrations, load runs and tests without any speech library."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from services.core.model.audio import VOICE_RATE
from services.core.model.prosody import Emotion, Prosody, Voice
from services.core.model.voicing import TtsEngineInfo, VoiceInfo
from services.core.settings import Settings
from services.tts.engine import EngineEvent, Options, Sound
from services.tts.words import proportional

_FLAT: Final = tuple(str(emotion) for emotion in Emotion if emotion is not Emotion.NEUTRAL)


class ScriptedOptions(Options):
    """How long and how high."""

    ms_per_char: float = Field(6.0, gt=0, le=1000, description="Length of the sound per character of text")
    tone: float = Field(220.0, ge=40, le=8000, description="Pitch in Hz")


class Scripted:
    """Gives the whole sentence at once, as a tone; feelings change nothing."""

    Options: ClassVar = ScriptedOptions

    def __init__(self, options: ScriptedOptions, settings: Settings) -> None:  # noqa: ARG002 - the contract's shape
        """`settings` are not needed."""
        self._options = options

    async def open(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to let go."""

    async def capabilities(self) -> TtsEngineInfo:
        """Always ready."""
        return TtsEngineInfo("scripted", ready=True, remark="tones instead of speech", flat_emotions=_FLAT, voices=(VoiceInfo("tone", "", "Tone"),))

    def gain_db(self, prosody: Prosody) -> float:  # noqa: ARG002 - flat
        """Flat."""
        return 0.0

    async def stream(self, sentence: str, prosody: Prosody, voice: Voice) -> AsyncGenerator[EngineEvent, None]:  # noqa: ARG002 - flat
        """A tone as long as the text; word marks are in proportion."""
        seconds = len(sentence) * self._options.ms_per_char / 1000 / voice.rate
        times = np.arange(max(round(seconds * VOICE_RATE), 1), dtype=np.float32) / VOICE_RATE
        for mark in proportional(sentence, seconds):
            yield mark
        yield Sound((0.2 * np.sin(2 * np.pi * self._options.tone * voice.pitch * times)).astype(np.float32), VOICE_RATE)
