"""From whatever a client sends to the one format that is listened to: mono PCM16 at 16 kHz.

The filter is our own: the resampling library holds back 25 to 55 ms in a stream, and every one of them would delay the moment at which a
character falls silent. This one holds back about 2 ms, at -70 dB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from services.core.errors import InvalidRequest
from services.core.model.audio import HEARING_RATE, SAMPLE_BYTES, VOICE_RATE
from services.gateway.hearing import g711

PCM: Final = "audio/pcm"
INPUT_RATES: Final = (8_000, 16_000, 24_000, 48_000)
"""Rates of PCM that are understood."""

_STOP_DB: Final = 70.0
_PASS: Final = 0.87
"""Of the narrower band: what is let through whole. The filter stops as far above the band's end, where an alias falls into what is cut anyway."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How a connection's audio is written: the protocol's format type and samples per second."""

    type: str = PCM
    rate: int = VOICE_RATE

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample."""
        return SAMPLE_BYTES if self.type == PCM else 1


class Resampler:
    """One direction of one connection; keeps the filter's memory from chunk to chunk."""

    def __init__(self, source: AudioFormat) -> None:
        """Audio comes in `source`'s format."""
        self._source = source
        self._stream = None if source.rate == HEARING_RATE else Polyphase(source.rate, HEARING_RATE)

    def feed(self, data: bytes) -> bytes:
        """PCM16 at 16 kHz, up to the filter's delay. Raises `InvalidRequest` for half a sample."""
        if len(data) % self._source.sample_bytes:
            raise InvalidRequest("audio ends in the middle of a sample")
        if self._source.type != PCM:
            samples = g711.decode(self._source.type, data)
        elif self._stream is None:
            return data
        else:
            samples = np.frombuffer(data, "<i2")
        return samples.tobytes() if self._stream is None else self._stream.feed(samples).tobytes()

    def flush(self) -> bytes:
        """What the filter still holds; afterwards it starts afresh."""
        return b"" if self._stream is None else self._stream.flush().tobytes()


@dataclass(frozen=True, slots=True)
class _Filter:
    """A windowed sinc between two rates, unrolled: every `down` samples in give `up` samples out, by one matrix."""

    up: int
    down: int
    half: int
    """Reach to either side, in steps of the common rate."""
    lead: int
    """Silence that stands before the first sample."""
    matrix: NDArray[np.float32]


@cache
def _filter(source: int, target: int) -> _Filter:
    common = math.gcd(source, target)
    up, down = target // common, source // common
    rate, edge = source * up, min(source, target) / 2
    width = 2 * (1 - _PASS) * edge / rate
    half = math.ceil((_STOP_DB - 7.95) / (14.36 * width) / 2)
    steps = np.arange(-half, half + 1)
    taps = np.sinc(2 * edge / rate * steps) * np.kaiser(2 * half + 1, 0.1102 * (_STOP_DB - 8.7))
    taps *= up / taps.sum()
    phases = np.concatenate([taps, np.zeros(-len(taps) % up)]).reshape(-1, up).T[:, ::-1]
    reach = phases.shape[1]
    places = [divmod(half + step * down, up) for step in range(up)]
    first = places[0][0]
    matrix = np.zeros((places[-1][0] - first + reach, up), np.float32)
    for column, (index, phase) in enumerate(places):
        matrix[index - first : index - first + reach, column] = phases[phase]
    return _Filter(up, down, half, reach - 1 - first, matrix)


class Polyphase:
    """One stream through a filter. Output is aligned with the input in time."""

    def __init__(self, source: int, target: int) -> None:
        """Between rates in samples per second whose ratio is of small numbers."""
        self._filter = _filter(source, target)
        self._kept = np.zeros(self._filter.lead, np.float32)

    def feed(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """What can be said of the output by now."""
        kept = np.concatenate((self._kept, samples.astype(np.float32)))
        matrix, down = self._filter.matrix, self._filter.down
        blocks = (len(kept) - len(matrix)) // down + 1
        if blocks <= 0:
            self._kept = kept
            return np.empty(0, "<i2")
        windows = as_strided(kept, (blocks, len(matrix)), (4 * down, 4), writeable=False)
        out = (np.ascontiguousarray(windows) @ matrix).ravel()
        self._kept = kept[blocks * down :]
        np.rint(out, out=out)
        np.minimum(out, 32767, out=out)
        np.maximum(out, -32768, out=out)
        return out.astype("<i2")

    def flush(self) -> NDArray[np.int16]:
        """What the filter still holds; afterwards it starts afresh."""
        rest = self.feed(np.zeros(self._filter.half // self._filter.up + self._filter.down, np.int16))
        self._kept = np.zeros(self._filter.lead, np.float32)
        return rest
