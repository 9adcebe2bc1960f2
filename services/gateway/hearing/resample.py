"""From whatever a client sends to the one format that is listened to: mono PCM16 at 16 kHz."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from services.core.errors import InvalidRequest
from services.core.model.audio import HEARING_RATE, SAMPLE_BYTES, VOICE_RATE
from services.gateway.hearing import g711

PCM: Final = "audio/pcm"
INPUT_RATES: Final = (8_000, 16_000, 24_000, 48_000)
"""Rates of PCM that are understood."""


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
        self._stream: soxr.ResampleStream | None = None
        if source.rate != HEARING_RATE:
            self._stream = soxr.ResampleStream(source.rate, HEARING_RATE, 1, dtype="int16", quality="HQ")

    def feed(self, data: bytes) -> bytes:
        """PCM16 at 16 kHz, up to the filter's delay of some 25 ms. Raises `InvalidRequest` for half a sample."""
        if len(data) % self._source.sample_bytes:
            raise InvalidRequest("audio ends in the middle of a sample")
        if self._source.type == PCM:
            if self._stream is None:
                return data
            samples: NDArray[np.int16] = np.frombuffer(data, "<i2")
        else:
            samples = g711.decode(self._source.type, data)
        return self._through(samples, last=False)

    def flush(self) -> bytes:
        """What the filter still holds; afterwards it starts afresh."""
        if self._stream is None:
            return b""
        rest = self._through(np.empty(0, np.int16), last=True)
        self._stream.clear()
        return rest

    def _through(self, samples: NDArray[np.int16], *, last: bool) -> bytes:
        if self._stream is None:
            return samples.tobytes()
        result: bytes = self._stream.resample_chunk(samples, last=last).tobytes()
        return result
