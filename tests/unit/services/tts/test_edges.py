"""Beginnings and ends of sentences."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from services.tts.edges import Edges, pause_ms

RATE = 24_000


def _tone(ms: int) -> NDArray[np.float32]:
    return (0.3 * np.cos(2 * np.pi * 300 * np.arange(RATE * ms // 1000) / RATE)).astype(np.float32)


def _quiet(ms: int) -> NDArray[np.float32]:
    return np.zeros(RATE * ms // 1000, np.float32)


def _through(sound: NDArray[np.float32], step: int, pause: int = 200) -> tuple[NDArray[np.float32], Edges]:
    edges = Edges()
    made = [edges.feed(sound[start : start + step]) for start in range(0, sound.size, step)]
    return np.concatenate([*made, edges.finish(pause)]), edges


@pytest.mark.parametrize("step", [100, 480, 1323, 200_000])
def test_foreign_silence_is_cut_and_a_pause_follows(step: int) -> None:
    """Half a second of silence at each end becomes a lead of at most 60 ms and a tail of 200 ms."""
    made, edges = _through(np.concatenate((_quiet(500), _tone(400), _quiet(700))), step)
    loud = np.flatnonzero(np.abs(made) > 0.01)
    assert loud[0] <= RATE * 60 // 1000
    assert RATE * 150 // 1000 <= made.size - loud[-1] <= RATE * 250 // 1000
    assert RATE * 400 // 1000 <= edges.trimmed <= RATE * 500 // 1000


def test_the_size_of_the_pieces_does_not_change_the_sound() -> None:
    """Streaming gives the same samples as the whole sentence at once."""
    sound = np.concatenate((_quiet(130), _tone(200), _quiet(90), _tone(333), _quiet(50)))
    whole, _ = _through(sound, sound.size)
    for step in (120, 777, 4800):
        cut, _ = _through(sound, step)
        core = min(cut.size, whole.size)
        assert abs(cut.size - whole.size) <= RATE * 10 // 1000
        loud_whole, loud_cut = np.flatnonzero(np.abs(whole) > 0.01), np.flatnonzero(np.abs(cut) > 0.01)
        assert abs(int(loud_whole[0]) - int(loud_cut[0])) <= RATE * 25 // 1000
        assert core > 0


def test_a_pause_within_the_sentence_stays() -> None:
    """Only silence at the very end is taken for the end."""
    made, _ = _through(np.concatenate((_tone(200), _quiet(400), _tone(200))), 1000)
    loud = np.flatnonzero(np.abs(made) > 0.05)
    assert np.diff(loud).max() == pytest.approx(RATE * 400 // 1000, abs=RATE // 100)


def test_sentences_begin_and_end_without_a_step() -> None:
    """A tone that starts and stops at full height is faded within 5 ms at each edge."""
    made, _ = _through(_tone(300), 960)
    assert abs(made[0]) < 0.001
    assert np.abs(np.diff(made)).max() < 0.04
    assert made[-1] == 0


def test_silence_alone_is_a_pause() -> None:
    """Nothing audible gives the pause and says so."""
    made, edges = _through(_quiet(300), 960, 150)
    assert not edges.audible
    assert made.size == RATE * 150 // 1000


@pytest.mark.parametrize("text", ["Well,", "Come in.", 'He said "No."', "Hm…", "What?", "好。", "no mark"])
def test_the_pause_between_sentences_is_natural(text: str) -> None:
    """Between 150 and 250 ms, by how the sentence ends."""
    assert 150 <= pause_ms(text) <= 250
    assert pause_ms("Well,") < pause_ms("Well.") < pause_ms("Well...")
