"""From an engine's rate to the rate of all our voices, piece by piece."""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr

from services.core.errors import EngineFailed
from services.core.model.audio import VOICE_RATE
from services.tts.engine import Samples, Sound

_RATES: Final = (4_000.0, 192_000.0)
_NOTHING: Final[Samples] = np.zeros(0, np.float32)


class ToVoiceRate:
    """One sentence's resampler; the first piece fixes the rate it comes from."""

    def __init__(self) -> None:
        """The rate is not known yet."""
        self._rate = 0.0
        self._stream: soxr.ResampleStream | None = None

    def feed(self, sound: Sound) -> Samples:
        """The part that is ready at `VOICE_RATE`. Raises `EngineFailed` for a rate that changes or cannot be."""
        if not self._rate:
            if not _RATES[0] <= sound.rate <= _RATES[1]:
                raise EngineFailed(f"the engine gave sound at {sound.rate:.0f} Hz")
            self._rate = sound.rate
            if sound.rate != VOICE_RATE:
                self._stream = soxr.ResampleStream(sound.rate, VOICE_RATE, 1, dtype="float32", quality="HQ")
        elif sound.rate != self._rate:
            raise EngineFailed("the engine changed its rate within a sentence")
        return self._through(sound.samples, last=False)

    def finish(self) -> Samples:
        """What the filter still held."""
        return self._through(_NOTHING, last=True)

    def _through(self, samples: Samples, *, last: bool) -> Samples:
        if self._stream is None:
            return samples
        made: Samples = self._stream.resample_chunk(samples, last=last)
        return made
