"""Feelings as factors: each engine has a table of what every emotion does to its voice, this room scales and combines them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from services.core.model.prosody import Emotion, Manner, Prosody, Voice

TRACE: Final = 0.4
"""Share of the full effect that is left at intensity 0: an emotion that was asked for is always audible."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a feeling does to a voice: factors around 1, decibels around 0."""

    rate: float = 1.0
    pitch: float = 1.0
    melody: float = 1.0
    """Width of the pitch movement, or how much the engine may vary."""
    gain_db: float = 0.0

    def scaled(self, strength: float) -> Shape:
        """The same feeling, weaker: geometric for factors, linear for decibels."""
        return Shape(self.rate**strength, self.pitch**strength, self.melody**strength, self.gain_db * strength)

    def joined(self, other: Shape) -> Shape:
        """Both at once."""
        return Shape(self.rate * other.rate, self.pitch * other.pitch, self.melody * other.melody, self.gain_db + other.gain_db)


PLAIN: Final = Shape()


def shape_of(prosody: Prosody, emotions: Mapping[Emotion, Shape], manners: Mapping[Manner, Shape]) -> Shape:
    """The whole effect of a sentence's prosody by an engine's two tables."""
    strength = TRACE + (1.0 - TRACE) * prosody.intensity
    return emotions.get(prosody.emotion, PLAIN).scaled(strength).joined(manners.get(prosody.manner, PLAIN))


def prosody_from(emotion: str, intensity: float, manner: str) -> Prosody:
    """What the wire says, made whole: an unknown feeling or manner is neutral or plain, never an error."""
    known_emotion = Emotion(emotion) if emotion in set(Emotion) else Emotion.NEUTRAL
    known_manner = Manner(manner) if manner in set(Manner) else Manner.PLAIN
    return Prosody(known_emotion, _within(intensity, 0.0, 1.0, missing=0.5), known_manner)


def whole_voice(voice: Voice, speed: float = 1.0) -> Voice:
    """The voice with its factors inside what any engine can do; unset (0) and nonsense count as 1."""
    return replace(
        voice,
        rate=_within(_factor(voice.rate) * _factor(speed), 0.25, 4.0, missing=1.0),
        pitch=_within(_factor(voice.pitch), 0.5, 2.0, missing=1.0),
        volume=_within(_factor(voice.volume), 0.05, 4.0, missing=1.0),
    )


def decibels(factor: float) -> float:
    """An amplitude factor in decibels."""
    return 20.0 * math.log10(factor)


def _factor(value: float) -> float:
    return value if math.isfinite(value) and value > 0 else 1.0


def _within(value: float, low: float, high: float, *, missing: float) -> float:
    return min(max(value, low), high) if math.isfinite(value) else missing
