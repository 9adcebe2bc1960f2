"""How a sentence is to sound: one neutral vocabulary that every voice engine translates for itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Emotion(StrEnum):
    """The feelings that every prompt may ask for and every engine either renders or declares flat."""

    NEUTRAL = "neutral"
    JOY = "joy"
    SADNESS = "sadness"
    ANGER = "anger"
    FEAR = "fear"
    DISGUST = "disgust"
    SURPRISE = "surprise"
    TENDERNESS = "tenderness"
    CONTEMPT = "contempt"
    WEARINESS = "weariness"


class Manner(StrEnum):
    """The way of producing the voice, beside the feeling."""

    PLAIN = "plain"
    WHISPER = "whisper"
    SHOUT = "shout"
    SING_SONG = "sing-song"
    SARCASTIC = "sarcastic"


@dataclass(frozen=True, slots=True)
class Prosody:
    """One sentence's feeling."""

    emotion: Emotion = Emotion.NEUTRAL
    intensity: float = 0.5
    """0 (a trace) to 1 (all of it)."""
    manner: Manner = Manner.PLAIN


@dataclass(frozen=True, slots=True)
class Voice:
    """Which voice a character has."""

    engine: str = ""
    """Empty = the configured default engine."""
    name: str = ""
    """The engine's own voice name; empty = its default for the language."""
    language: str = ""
    """BCP 47 tag."""
    rate: float = 1.0
    pitch: float = 1.0
    volume: float = 1.0
    options: str = "{}"
    """JSON object for one engine: reference clips per emotion, a style prompt and the like."""
