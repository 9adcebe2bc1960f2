"""The same caller on a socket that carries nothing but PCM: what our own protocol tells by events is told by what is heard."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Final

from bench.caller import Caller, Tally
from bench.figures import frames_to_onset
from bench.peers.fakes import ONSET_WINDOWS, READY, VOICE_RATE, WINDOW_MS
from bench.script import MS_PER_CHARACTER, REPLY
from bench.wire import BINARY, frame

REPLY_S: Final = sum(map(len, REPLY)) * MS_PER_CHARACTER / 1000
_WHOLE: Final = 0.98
"""Of a reply: systems cut blanks off sentences, or leave them."""
_GIVEN_UP_S: Final = 1.0
"""A reply that has paused for so long is not going on."""


class RawCaller(Caller):
    """A reply is over when all of its sound is here and could have been played, as our own protocol says it; what is less was cut."""

    def __init__(
        self, url: str, tally: Tally, speech: Sequence[bytes], *, interrupts: bool, dice: random.Random, rest_s: float = 0.0, earliest_s: float = 0.0
    ) -> None:
        """As a `Caller`; `url` is the socket."""
        super().__init__(url, tally, speech, binary=False, interrupts=interrupts, dice=dice, rest_s=rest_s, earliest_s=earliest_s)
        self._heard_s = 0.0
        self._replying = False

    def _packed(self, pcm: bytes) -> bytes:
        return frame(BINARY, pcm)

    def _frames_to_onset(self, speech_start_ms: int) -> int:
        return frames_to_onset(speech_start_ms, WINDOW_MS, ONSET_WINDOWS)

    def _tick(self) -> None:
        super()._tick()
        if self._replying and self._over(time.monotonic()):
            self._replying = False
            self._done("completed" if self._heard_s >= _WHOLE * REPLY_S else "cancelled")

    def _over(self, now: float) -> bool:
        if self._interrupts:
            # The next answer is asked for: nothing of this one can come any more.
            return self._awaited
        if self._heard_s >= _WHOLE * REPLY_S:
            return now >= self._first_sound + REPLY_S
        return now > self._last_sound + _GIVEN_UP_S

    def _take(self, kind: int, payload: bytes) -> None:
        if kind != BINARY:
            if payload == READY.encode() and not self._configured.done():
                self._configured.set_result(None)
            return
        if self._hear(time.monotonic()):
            self._heard_s, self._replying = 0.0, True
        self._heard_s += len(payload) / 2 / VOICE_RATE
