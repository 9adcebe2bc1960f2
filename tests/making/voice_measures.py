"""What an ear would notice of a voice, as numbers: pitch, length, loudness, and steps that would be heard as clicks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.core.model.audio import VOICE_RATE
from services.core.model.voicing import SpeechAudio

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """One rendering of a sentence."""

    pitch_hz: float
    """Median of the voiced parts by autocorrelation; 0 = no tone in it."""
    seconds: float
    """From the first to the last audible sample."""
    rms_db: float
    """Of the audible part, relative to full scale."""
    peak: float


def samples_of(pcm: bytes) -> Samples:
    """PCM16 as numbers between -1 and 1."""
    return np.frombuffer(pcm, "<i2").astype(np.float64) / 32768


def joined(events: Iterable[object]) -> bytes:
    """All audio of a call in its order."""
    return b"".join(event.pcm for event in events if isinstance(event, SpeechAudio))


def measured(samples: Samples, rate: int = VOICE_RATE) -> Measured:
    """Measure mono samples."""
    audible = np.flatnonzero(np.abs(samples) > 0.004)
    if not audible.size:
        return Measured(0.0, 0.0, -120.0, 0.0)
    spoken = samples[audible[0] : audible[-1] + 1]
    frame = rate // 50
    powers = np.mean(np.square(spoken[: spoken.size // frame * frame].reshape(-1, frame)), axis=1)
    loud = powers[powers >= powers.max() * 10**-2.5]
    return Measured(_pitch(spoken, rate), spoken.size / rate, float(10 * np.log10(loud.mean())), float(np.abs(samples).max()))


def _pitch(samples: Samples, rate: int) -> float:
    width = rate * 40 // 1000
    found = []
    for start in range(0, samples.size - width, width // 2):
        part = samples[start : start + width]
        if np.sqrt(np.mean(part**2)) < 0.02:
            continue
        part = part - part.mean()
        spectrum = np.fft.rfft(part, 2 * width)
        curve = np.fft.irfft(np.abs(spectrum) ** 2)[:width]
        shortest, longest = rate // 450, rate // 60
        best = shortest + int(np.argmax(curve[shortest:longest]))
        if curve[best] > 0.4 * curve[0]:
            found.append(rate / best)
    return float(np.median(found)) if found else 0.0
