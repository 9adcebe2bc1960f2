"""A voice for somebody new: one that is installed and speaks the language, a little higher or lower, faster or slower by who it is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from services.core.model.voicing import TtsEngineInfo, VoiceInfo

_PITCH: Final = {"female": 1.08, "male": 0.93}
_AGE_PITCH: Final = {"child": 1.15, "old": 0.95}
_AGE_RATE: Final = {"child": 1.05, "old": 0.92}


def voice_for(language: str, gender: str, age: str, tts: tuple[str, Sequence[TtsEngineInfo]], seed: str) -> dict[str, Any]:
    """The `voice` object of a card. `tts` = the engine that speaks where none is named, and all of them; `seed` decides among equals."""
    spread = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()
    engine, voice = _chosen(language, *tts, spread[0])
    return {
        "engine": engine,
        "name": voice.name if voice else "",
        "language": (voice.language if voice else "") or language,
        "rate": round(_AGE_RATE.get(age, 1.0) + (spread[1] - 128) / 4096, 2),
        "pitch": round(_PITCH.get(gender, 1.0) * _AGE_PITCH.get(age, 1.0) + (spread[2] - 128) / 4096, 2),
        "volume": 1.0,
        "options": {},
    }


def _chosen(language: str, default: str, engines: Sequence[TtsEngineInfo], chance: int) -> tuple[str, VoiceInfo | None]:
    """The default engine first; within one, the voices of this very tag before those of its language."""
    for engine in sorted((item for item in engines if item.ready), key=lambda item: item.name != default):
        own = [voice for voice in engine.voices if _base(voice.language) == _base(language)]
        exact = [voice for voice in own if voice.language.lower().replace("_", "-") == language.lower()] or own
        if exact:
            return engine.name, exact[chance % len(exact)]
    return "", None


def _base(tag: str) -> str:
    return tag.lower().replace("_", "-").partition("-")[0]
