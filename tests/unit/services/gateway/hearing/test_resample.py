"""Resampling to what is listened to, and telephone samples."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import InvalidRequest
from services.gateway.hearing import g711
from services.gateway.hearing.resample import INPUT_RATES, PCM, AudioFormat, Resampler


def _tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> bytes:
    return (10_000 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype("<i2").tobytes()


def _through(resampler: Resampler, data: bytes, step: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    pieces = [resampler.feed(data[start : start + step]) for start in range(0, len(data), step)]
    return np.frombuffer(b"".join([*pieces, resampler.flush()]), "<i2")


@pytest.mark.parametrize("rate", INPUT_RATES)
@pytest.mark.parametrize("step", [320, 962, 48_000])
def test_every_rate_becomes_16_khz_without_loss(rate: int, step: int) -> None:
    """A tone keeps its length, its pitch and its level, however it is cut."""
    heard = _through(Resampler(AudioFormat(PCM, rate)), _tone(rate), step)
    assert abs(len(heard) - 16_000) <= 2
    spectrum = np.abs(np.fft.rfft(heard[2000:14_000].astype(float)))
    assert abs(np.argmax(spectrum) * 16_000 / 12_000 - 440) < 2
    assert abs(np.sqrt(np.mean(heard[2000:14_000].astype(float) ** 2)) - 10_000 / np.sqrt(2)) < 100


def test_delay_stays_below_a_window() -> None:
    """At 24 kHz the filter holds back less than one window of 32 ms."""
    resampler = Resampler(AudioFormat(PCM, 24_000))
    held = 16_000 - sum(len(resampler.feed(_tone(24_000)[start : start + 960])) for start in range(0, 48_000, 960)) // 2
    assert 0 <= held < 512


def test_half_a_sample_is_refused() -> None:
    """PCM16 of an odd length is a client's mistake."""
    with pytest.raises(InvalidRequest):
        Resampler(AudioFormat()).feed(b"abc")


def test_flush_starts_afresh() -> None:
    """After a flush nothing of the audio before it is left."""
    resampler = Resampler(AudioFormat(PCM, 24_000))
    resampler.feed(_tone(24_000, 0.1))
    resampler.flush()
    quiet = np.frombuffer(resampler.feed(bytes(24_000)) + resampler.flush(), "<i2")
    assert int(np.abs(quiet).max()) <= 1


@pytest.mark.parametrize("encoding", ["audio/pcmu", "audio/pcma"])
def test_g711_tables_are_the_standard(encoding: str) -> None:
    """All 256 codes decode as the standard library's do, and every sample encodes to a nearest code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="removed from this Python")
    codes = bytes(range(256))
    reference = (audioop.ulaw2lin if encoding == "audio/pcmu" else audioop.alaw2lin)(codes, 2)
    values = g711.decode(encoding, codes)
    assert values.tolist() == np.frombuffer(reference, "<i2").tolist()
    samples = np.arange(-32768, 32768, 7, dtype=np.int16)
    back = g711.decode(encoding, g711.encode(encoding, samples)).astype(int)
    nearest = np.min(np.abs(values.astype(int)[None, :] - samples.astype(int)[:, None]), axis=1)
    assert np.array_equal(np.abs(back - samples.astype(int)), nearest)


@given(st.binary(max_size=2000))
def test_g711_takes_any_bytes(data: bytes) -> None:
    """Every byte is a sample: nothing is refused, and the length doubles with the rate."""
    resampler = Resampler(AudioFormat("audio/pcmu", g711.RATE))
    heard = resampler.feed(data) + resampler.flush()
    assert abs(len(heard) // 2 - 2 * len(data)) <= 2
