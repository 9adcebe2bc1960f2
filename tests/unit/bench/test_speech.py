"""What callers say."""

from __future__ import annotations

import pytest

from bench.script import ENERGY, FRAME_BYTES, FRAME_MS, SILERO, SPEECH_MS
from bench.speech import said
from services.gateway.hearing.vad import WINDOW_BYTES, EnergyVad, SileroVad


@pytest.mark.parametrize("vad", [ENERGY, SILERO])
def test_it_is_whole_frames(vad: str) -> None:
    """Of 20 ms, and the tone as long as the tables say."""
    frames = said(vad)
    assert {len(frame) for frame in frames} == {FRAME_BYTES}
    assert vad == SILERO or len(frames) * FRAME_MS == SPEECH_MS


def test_the_voice_is_a_voice_to_the_model() -> None:
    """From its first 200 ms to its last, without a pause; the tone is none."""
    heard = {}
    for kind in (ENERGY, SILERO):
        pcm, model = b"".join(said(kind)), SileroVad()
        heard[kind] = [model.probability(pcm[at : at + WINDOW_BYTES]) for at in range(0, len(pcm) - WINDOW_BYTES + 1, WINDOW_BYTES)]
    assert max(heard[ENERGY]) < 0.5
    spoken = [place for place, probability in enumerate(heard[SILERO]) if probability > 0.7]
    assert spoken == list(range(spoken[0], spoken[-1] + 1))
    assert spoken[0] <= 6
    assert spoken[-1] >= len(heard[SILERO]) - 4


def test_it_ends_with_its_last_frame() -> None:
    """The silence that is counted begins behind it."""
    for kind in (ENERGY, SILERO):
        assert EnergyVad().probabilities(said(kind)[-1])[-1] == 1.0
