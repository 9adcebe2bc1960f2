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


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
def test_delay_is_about_two_milliseconds(rate: int) -> None:
    """Whatever is held back delays the moment at which a character falls silent."""
    resampler = Resampler(AudioFormat(PCM, rate))
    sound = _tone(rate)
    held = 16_000 - sum(len(resampler.feed(sound[start : start + rate // 25])) for start in range(0, len(sound), rate // 25)) // 2
    assert 0 <= held <= 36


@pytest.mark.parametrize(
    ("rate", "hertz", "level_db"), [(24_000, 6_900, 0), (48_000, 6_900, 0), (8_000, 3_400, 0), (24_000, 9_200, -60), (48_000, 15_000, -60)]
)
def test_band_is_kept_and_what_is_above_it_is_cut(rate: int, hertz: int, level_db: float) -> None:
    """Speech passes whole; what cannot be said at 16 kHz does not fold back into it."""
    heard = _through(Resampler(AudioFormat(PCM, rate)), _tone(rate, hertz=hertz), 960)[1000:15_000].astype(float)
    measured = 20 * np.log10(max(1e-3, np.sqrt(np.mean(heard**2)) / (10_000 / np.sqrt(2))))
    assert measured <= level_db + 1
    assert level_db < 0 or measured >= -1


def test_output_is_aligned_with_the_input() -> None:
    """A click keeps its place in time."""
    sound = np.zeros(24_000, "<i2")
    sound[12_000] = 20_000
    heard = _through(Resampler(AudioFormat(PCM, 24_000)), sound.tobytes(), 2000)
    assert int(np.argmax(np.abs(heard))) == 8_000


@given(st.lists(st.integers(0, 700), min_size=1, max_size=12))
def test_cutting_changes_nothing(cuts: list[int]) -> None:
    """The output is the same to the sample, however the input comes in pieces."""
    sound = _tone(24_000, 0.2)
    whole = _through(Resampler(AudioFormat(PCM, 24_000)), sound, len(sound))
    resampler, pieces, start = Resampler(AudioFormat(PCM, 24_000)), list[bytes](), 0
    for size in cuts:
        pieces.append(resampler.feed(sound[start : start + 2 * size]))
        start += 2 * size
    pieces += [resampler.feed(sound[start:]), resampler.flush()]
    assert np.max(np.abs(np.frombuffer(b"".join(pieces), "<i2").astype(int) - whole.astype(int))) <= 1


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
