"""A call's voice as a track: 20 ms every 20 ms for as long as the call lives, silence included."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Final

import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame
from numpy.typing import NDArray

from services.core.model.audio import FRAME_MS, VOICE_RATE
from services.gateway.hearing.resample import Polyphase
from services.gateway.realtime.webrtc.reel import Reel

RATE: Final = 48_000
_SAMPLES: Final = RATE * FRAME_MS // 1000
_BEHIND_S: Final = 0.2
"""Frames that are later than this are not sent in a heap: the listener would only hear them later still."""


class VoiceTrack(MediaStreamTrack):
    """Plays a reel.

    The samples leave at Opus's own rate and layout: given another one, the library's resampler holds back a whole frame, 20 ms more.
    """

    kind = "audio"

    def __init__(self, reel: Reel) -> None:
        """The clock starts with the first frame that is asked for."""
        super().__init__()
        self._reel = reel
        self._wider = Polyphase(VOICE_RATE, RATE)
        self._rest: NDArray[np.int16] = np.zeros(0, np.int16)
        self._began: float | None = None
        self._count = 0
        self._pts = 0

    async def recv(self) -> AudioFrame:
        """The next frame, when its time has come."""
        if self.readyState != "live":
            raise MediaStreamError
        await self._in_time()
        frame = AudioFrame.from_ndarray(np.repeat(self._wide(), 2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = RATE
        frame.time_base = Fraction(1, RATE)
        frame.pts = self._pts
        self._pts += _SAMPLES
        return frame

    async def _in_time(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._began is None or now - (self._began + self._count * FRAME_MS / 1000) > _BEHIND_S:
            self._began, self._count = now, 0
        wait_s = self._began + self._count * FRAME_MS / 1000 - now
        self._count += 1
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    def _wide(self) -> NDArray[np.int16]:
        made = np.concatenate((self._rest, self._wider.feed(self._reel.frame())))
        if len(made) < _SAMPLES:
            # The filter's first answer is short by what it holds back; from then on it is whole.
            made = np.concatenate((np.zeros(_SAMPLES - len(made), np.int16), made))
        self._rest = made[_SAMPLES:]
        return made[:_SAMPLES]
