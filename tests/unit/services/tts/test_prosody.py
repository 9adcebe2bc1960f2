"""Feelings as factors."""

from __future__ import annotations

import math

import pytest

from services.core.model.prosody import Emotion, Manner, Prosody, Voice
from services.tts.prosody import Shape, prosody_from, shape_of, whole_voice

TABLE = {Emotion.JOY: Shape(rate=1.2, pitch=1.3, gain_db=4.0)}
WAYS = {Manner.SHOUT: Shape(gain_db=6.0)}


def test_intensity_scales_the_effect_and_a_trace_remains() -> None:
    """The stronger, the further from neutral; zero is still not neutral."""
    rates = [shape_of(Prosody(Emotion.JOY, intensity), TABLE, WAYS).rate for intensity in (0.0, 0.5, 1.0)]
    assert 1.0 < rates[0] < rates[1] < rates[2] == pytest.approx(1.2)


def test_manner_and_emotion_join() -> None:
    """A joyful shout has both gains."""
    assert shape_of(Prosody(Emotion.JOY, 1.0, Manner.SHOUT), TABLE, WAYS).gain_db == pytest.approx(10.0)
    assert shape_of(Prosody(), TABLE, WAYS) == Shape()


def test_what_the_wire_says_is_made_whole() -> None:
    """Unknown names and numbers that are none become neutral, never an error."""
    assert prosody_from("gloomy", math.nan, "yodel") == Prosody(Emotion.NEUTRAL, 0.5, Manner.PLAIN)
    assert prosody_from("anger", 7.0, "shout") == Prosody(Emotion.ANGER, 1.0, Manner.SHOUT)


def test_voice_factors_are_brought_into_reach() -> None:
    """Unset fields of an older peer count as 1, extremes are bounded."""
    voice = whole_voice(Voice(rate=0.0, pitch=99.0, volume=math.inf), 1.5)
    assert (voice.rate, voice.pitch, voice.volume) == (1.5, 2.0, 1.0)
