"""How loud a sentence is and by how much it is raised: one gain for the whole sentence, so that its own dynamics stay.

The gain comes from the sentence itself when the engine is faster than a listener could notice (eSpeak, Piper: exact),
else from earlier sentences of the same voice, else from its first 200 ms. A gain that follows the signal
would need no such memory, but it would pump and flatten what the emotion did. Peaks meet a memoryless soft limiter.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.core.model.audio import VOICE_RATE
from services.tts.engine import Samples

CEILING: Final = 10 ** (-1.0 / 20)
"""Highest amplitude that leaves the house: -1 dBFS."""

_KNEE: Final = 10 ** (-5.0 / 20)
_BLOCK: Final = VOICE_RATE // 50
_GATE: Final = 10 ** (-25.0 / 10)
"""Blocks this much (in power) below the loudest are pauses and do not count."""
_LARGEST_DB: Final = 36.0
_REMEMBERED: Final = 512
_TRUST_S: Final = 4.0
_PRIOR_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Level:
    """Mean power of the audible part, and how many seconds of it there were."""

    power: float
    seconds: float

    @property
    def dbfs(self) -> float:
        """RMS relative to full scale."""
        return 10.0 * math.log10(max(self.power, 1e-12))

    def blended(self, other: Level) -> Level:
        """Both, weighed by their length."""
        seconds = self.seconds + other.seconds
        return Level((self.power * self.seconds + other.power * other.seconds) / seconds, seconds) if seconds else self


class Meter:
    """Measures a sentence as it comes, in blocks of 20 ms."""

    def __init__(self) -> None:
        """Nothing heard yet."""
        self._powers: list[Samples] = []
        self._rest: Samples = np.zeros(0, np.float32)

    def hear(self, samples: Samples) -> None:
        """Take in the next samples (24 kHz)."""
        joined = np.concatenate((self._rest, samples)) if self._rest.size else samples
        whole = joined.size // _BLOCK * _BLOCK
        if whole:
            blocks = joined[:whole].reshape(-1, _BLOCK)
            self._powers.append(np.mean(np.square(blocks), axis=1, dtype=np.float32))
        self._rest = joined[whole:]

    def level(self) -> Level:
        """Of everything heard so far; pauses do not count."""
        powers = np.concatenate(self._powers) if self._powers else np.zeros(0, np.float32)
        if not powers.size:
            power = float(np.mean(np.square(self._rest))) if self._rest.size else 0.0
            return Level(power, self._rest.size / VOICE_RATE)
        loud = powers[powers >= powers.max() * _GATE]
        return Level(float(loud.mean()), loud.size * _BLOCK / VOICE_RATE)


class Calibration:
    """How loud each voice with each feeling turned out to be; bounded, the least used is forgotten first."""

    def __init__(self) -> None:
        """Knows nothing yet."""
        self._levels: OrderedDict[Hashable, Level] = OrderedDict()

    def known(self, key: Hashable) -> Level | None:
        """What earlier sentences measured."""
        level = self._levels.get(key)
        if level is not None:
            self._levels.move_to_end(key)
        return level

    def learn(self, key: Hashable, level: Level) -> None:
        """A whole sentence has been measured."""
        if level.seconds <= 0 or level.power <= 0:
            return
        old = self._levels.get(key)
        mixed = level if old is None else Level(old.power, min(old.seconds, _TRUST_S)).blended(level)
        self._levels[key] = mixed
        self._levels.move_to_end(key)
        while len(self._levels) > _REMEMBERED:
            self._levels.popitem(last=False)


def gain(measured: Level, known: Level | None, target_dbfs: float, *, whole: bool) -> float:
    """Factor that brings a sentence to `target_dbfs`: by its own level when that is `whole`, else weighed with what is known."""
    level = measured if whole or known is None else Level(known.power, _PRIOR_S).blended(measured)
    if level.power <= 0:
        return 1.0
    change_db = min(max(target_dbfs - level.dbfs, -_LARGEST_DB), _LARGEST_DB)
    return float(10 ** (change_db / 20))


def limited(samples: Samples) -> Samples:
    """`samples` bent softly above -5 dBFS so that none exceeds -1 dBFS; what is below is untouched."""
    magnitude = np.abs(samples)
    if not samples.size or float(magnitude.max()) <= _KNEE:
        return samples
    room = CEILING - _KNEE
    bent = _KNEE + room * np.tanh((magnitude - _KNEE) / room)
    return np.where(magnitude > _KNEE, np.copysign(bent, samples), samples).astype(np.float32)
