"""Voice activity: how likely one window of sound holds speech. Two detectors behind one method."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np
import structlog

from services.core.model.audio import HEARING_RATE, SAMPLE_BYTES
from services.gateway.hearing import silero

WINDOW_SAMPLES: Final = silero.WINDOW
WINDOW_BYTES: Final = WINDOW_SAMPLES * SAMPLE_BYTES
WINDOW_MS: Final = WINDOW_SAMPLES * 1000 // HEARING_RATE
"""What settings count in, and what the model wants; another detector may judge shorter ones."""

_log = structlog.get_logger(__name__)


class Vad(Protocol):
    """Judges the windows of one speaker in their order."""

    inline: bool
    """Cheap enough to be asked on the event loop."""
    window_ms: int
    """How long its windows are: nothing is known to be silent before the window has ended in which speech did."""

    def probability(self, window: bytes) -> float:
        """0 to 1 for `window_ms` of PCM16 at 16 kHz."""
        ...

    def reset(self) -> None:
        """Forget what was heard."""
        ...


class QuickVad(Vad, Protocol):
    """One that is asked on the event loop, for all the windows of a message at once."""

    def probabilities(self, windows: bytes) -> list[float]:
        """As `probability`, of each of them."""
        ...


class EnergyVad:
    """Loudness against the noise floor: for benchmarks, and where the model cannot be loaded. Any loud noise is speech to it."""

    inline = True
    window_ms = 10
    _QUIET_DB: Final = -45.0
    _ABOVE_FLOOR_DB: Final = 9.0
    _FLOOR_STEP: Final = 0.05 / WINDOW_SAMPLES
    """A sample."""

    def __init__(self) -> None:
        """Assumes a quiet room at first."""
        self._floor_db = -70.0

    def probability(self, window: bytes) -> float:
        """1 or 0."""
        return self._energies(window, len(window) // SAMPLE_BYTES)[0]

    def probabilities(self, windows: bytes) -> list[float]:
        """1 or 0 for each."""
        return self._energies(windows, self.window_ms * HEARING_RATE // 1000)

    def _energies(self, windows: bytes, count: int) -> list[float]:
        samples = np.frombuffer(windows, "<i2").astype(np.float32).reshape(-1, count)
        scale, step, floor_db = 1 / (count * 32768**2), self._FLOOR_STEP * count, self._floor_db
        found: list[float] = []
        # Some fifty times a second and speaker: nothing here is worth a call.
        for energy in np.vecdot(samples, samples).tolist():
            level_db = 10 * math.log10(energy * scale + 1e-12)
            if level_db > self._QUIET_DB and level_db > floor_db + self._ABOVE_FLOOR_DB:
                found.append(1.0)
            else:
                floor_db += step * (level_db - floor_db)
                found.append(0.0)
        self._floor_db = floor_db
        return found

    def reset(self) -> None:
        """Back to a quiet room."""
        self._floor_db = -70.0


class SileroVad:
    """The Silero model. What it keeps from window to window is each speaker's own; the windows of many are judged together."""

    inline = False
    window_ms = WINDOW_MS

    def __init__(self) -> None:
        """Raises ImportError where there is no wheel with the weights."""
        self.network = silero.network()
        self.state = np.zeros(silero.STATE, np.float32)

    def probability(self, window: bytes) -> float:
        """The model's own estimate."""
        return self.together([self], [window])[0]

    @staticmethod
    def together(detectors: Sequence[SileroVad], windows: Sequence[bytes]) -> list[float]:
        """As `probability` of each of them, with one window for each."""
        found, states = detectors[0].network.judge(np.stack([detector.state for detector in detectors]), windows)
        for detector, state in zip(detectors, states, strict=True):
            detector.state = state
        return found

    def reset(self) -> None:
        """Clear the recurrent state."""
        self.state = np.zeros(silero.STATE, np.float32)


def builder(name: str) -> Callable[[], Vad]:
    """How to make the detector called `name` (silero or energy). Without a wheel for Silero it is energy, and the log says so."""
    if name == "silero":
        try:
            SileroVad()
        except ImportError:
            _log.warning("vad.degraded", from_engine="silero", to_engine="energy")
        else:
            return SileroVad
    return EnergyVad
