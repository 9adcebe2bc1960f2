"""From any rate to ours."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from services.core.errors import EngineFailed
from services.tts.engine import Sound
from services.tts.resampling import ToVoiceRate
from tests.making.voice_measures import measured


def _tone(rate: float, hertz: float = 200.0) -> NDArray[np.float32]:
    made: NDArray[np.float32] = (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(rate)) / rate)).astype(np.float32)
    return made


@pytest.mark.parametrize("rate", [16_000.0, 22_050.0, 24_000.0, 23_456.7, 44_100.0])
def test_pitch_and_length_survive(rate: float) -> None:
    """A second of a tone stays a second of the same tone, however it is cut."""
    converter = ToVoiceRate()
    made = [converter.feed(Sound(piece, rate)) for piece in np.array_split(_tone(rate), 17)]
    result = np.concatenate([*made, converter.finish()]).astype(np.float64)
    assert result.size == pytest.approx(24_000, abs=30)
    assert measured(result).pitch_hz == pytest.approx(200, rel=0.01)


def test_a_rate_told_higher_than_made_is_a_higher_voice() -> None:
    """That is how engines shift pitch without work of their own."""
    converter = ToVoiceRate()
    result = np.concatenate((converter.feed(Sound(_tone(22_050.0), 22_050 * 1.2)), converter.finish()))
    assert measured(result.astype(np.float64)).pitch_hz == pytest.approx(240, rel=0.02)


def test_a_changing_or_impossible_rate_is_the_engines_fault() -> None:
    """It is refused before it can damage a resampler."""
    converter = ToVoiceRate()
    converter.feed(Sound(_tone(16_000.0), 16_000.0))
    with pytest.raises(EngineFailed):
        converter.feed(Sound(_tone(16_000.0), 22_050.0))
    with pytest.raises(EngineFailed):
        ToVoiceRate().feed(Sound(_tone(16_000.0), 0.0))
