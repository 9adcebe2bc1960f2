"""Levels, gains and the limiter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.tts.loudness import CEILING, Calibration, Level, Meter, gain, limited


def _tone(amplitude: float, seconds: float = 1.0) -> NDArray[np.float32]:
    return (amplitude * np.sin(2 * np.pi * 200 * np.arange(int(24_000 * seconds)) / 24_000)).astype(np.float32)


def test_pauses_do_not_count() -> None:
    """A sentence with long pauses is as loud as its words."""
    plain, paused = Meter(), Meter()
    plain.hear(_tone(0.2))
    for piece in (_tone(0.2, 0.5), np.zeros(24_000, np.float32), _tone(0.2, 0.5)):
        paused.hear(piece)
    assert paused.level().dbfs == pytest.approx(plain.level().dbfs, abs=0.1)
    assert plain.level().dbfs == pytest.approx(20 * np.log10(0.2 / np.sqrt(2)), abs=0.05)


def test_the_size_of_the_pieces_does_not_matter() -> None:
    """Any cutting of the same sound measures the same."""
    whole, cut = Meter(), Meter()
    sound = _tone(0.3) * np.linspace(0.2, 1, 24_000, dtype=np.float32)
    whole.hear(sound)
    for piece in np.array_split(sound, 37):
        cut.hear(piece)
    assert cut.level() == whole.level()


def test_a_whole_sentence_is_brought_to_the_target_exactly() -> None:
    """Its own level decides, whatever earlier ones were."""
    meter = Meter()
    meter.hear(_tone(0.01))
    factor = gain(meter.level(), Level(1.0, 10.0), -20.0, whole=True)
    levelled = Meter()
    levelled.hear(_tone(0.01) * np.float32(factor))
    assert levelled.level().dbfs == pytest.approx(-20.0, abs=0.1)


def test_a_beginning_is_weighed_with_what_is_known_of_the_voice() -> None:
    """A soft first syllable of a known voice does not make the rest of the sentence shout."""
    soft, usual = Level(10**-4.0, 0.2), Level(10**-2.0, 8.0)
    assert gain(soft, usual, -20.0, whole=False) == pytest.approx(1.1, abs=0.15)
    assert gain(soft, None, -20.0, whole=False) == pytest.approx(10.0, abs=0.01)


def test_a_voice_is_learnt_from_its_sentences_and_forgotten_when_many_others_spoke() -> None:
    """The memory follows a voice and stays bounded."""
    memory = Calibration()
    memory.learn("a", Level(0.01, 2.0))
    memory.learn("a", Level(0.03, 2.0))
    known = memory.known("a")
    assert known is not None
    assert known.power == pytest.approx(0.02)
    memory.learn("silent", Level(0.0, 0.0))
    assert memory.known("silent") is None
    for other in range(600):
        memory.learn(other, Level(0.01, 1.0))
    assert memory.known("a") is None


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=50))
def test_no_sample_passes_the_ceiling_and_order_is_kept(values: list[float]) -> None:
    """The limiter bends; it never folds over, and never touches what is low enough."""
    before = np.sort(np.array(values, np.float32))
    after = limited(before)
    assert float(np.abs(after).max()) <= CEILING + 1e-6
    assert np.all(np.diff(after) >= 0)
    low = np.abs(before) < 0.5
    assert np.array_equal(before[low], after[low])
