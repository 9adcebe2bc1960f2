"""The edges of a sentence: the engine's own silence is cut, a natural pause follows, and short fades keep joints free of clicks."""

from __future__ import annotations

from typing import Final

import numpy as np

from services.core.model.audio import VOICE_RATE
from services.tts.engine import Samples

LEAD_MS: Final = 20
"""Kept before the first audible block, so that soft onsets survive."""
_DECAY: Final = VOICE_RATE * 25 // 1000
_BLOCK: Final = VOICE_RATE * 5 // 1000
_LEAD: Final = VOICE_RATE * LEAD_MS // 1000
_AUDIBLE: Final = 10 ** (-52.0 / 20)
_EMPTY: Final[Samples] = np.zeros(0, np.float32)
_RISE: Final[Samples] = np.linspace(0.0, 1.0, _BLOCK, dtype=np.float32)
_PAUSES_MS: Final = {",": 150, ";": 150, ":": 150, "，": 150, "、": 150, "；": 150, "…": 250, "—": 180}
_PAUSE_MS: Final = 200
_CLOSING: Final = "\"'”’»)』」 "


def pause_ms(text: str) -> int:
    """The silence after a sentence, by how it ends."""
    last = text.rstrip(_CLOSING)[-1:]
    return _PAUSES_MS.get(last, 250 if text.rstrip(_CLOSING).endswith("...") else _PAUSE_MS)


class Edges:
    """One sentence's samples (24 kHz) in, the same without foreign silence at its ends out."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._pending: Samples = _EMPTY
        self._started = False
        self.trimmed = 0
        """Samples cut from the front."""

    @property
    def audible(self) -> bool:
        """Whether anything above -52 dBFS has come."""
        return self._started

    def feed(self, samples: Samples) -> Samples:
        """What may leave now. Silence is held back until it is known to be a pause within the sentence and not its end."""
        self._pending = np.concatenate((self._pending, samples)) if self._pending.size else samples
        loud = self._loud()
        if not self._started:
            if not loud.size:
                self._drop(max(self._pending.size - _LEAD - _BLOCK, 0))
                return _EMPTY
            self._drop(max(int(loud[0]) * _BLOCK - _LEAD, 0))
            loud = self._loud()
            self._started = True
            self._fade_in()
        if not loud.size:
            return _EMPTY
        # The last audible block stays, since it would have to be faded if nothing followed.
        return self._take(int(loud[-1]) * _BLOCK)

    def finish(self, pause: int) -> Samples:
        """The end of the sentence, faded out, and `pause` ms of silence (counted from the last audible block)."""
        silence = VOICE_RATE * pause // 1000
        if not self._started:
            return np.zeros(silence, np.float32)
        loud = self._loud()
        last = (int(loud[-1]) + 1) * _BLOCK if loud.size else 0
        ending = self._pending[: last + _DECAY].copy()
        edge = min(_BLOCK, ending.size)
        if edge:
            ending[ending.size - edge :] *= _RISE[:edge][::-1]
        self._pending = _EMPTY
        return np.concatenate((ending, np.zeros(max(silence - (ending.size - last), 0), np.float32)))

    def _loud(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        whole = self._pending.size // _BLOCK * _BLOCK
        peaks = np.sqrt(np.mean(np.square(self._pending[:whole].reshape(-1, _BLOCK)), axis=1))
        return np.flatnonzero(peaks > _AUDIBLE)

    def _drop(self, count: int) -> None:
        self._pending = self._pending[count:]
        self.trimmed += count

    def _take(self, count: int) -> Samples:
        taken, self._pending = self._pending[:count], self._pending[count:]
        return taken

    def _fade_in(self) -> None:
        edge = min(_BLOCK, self._pending.size)
        self._pending = np.concatenate((self._pending[:edge] * _RISE[:edge], self._pending[edge:]))
