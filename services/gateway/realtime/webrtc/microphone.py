"""From the caller's track to what hearing takes: one channel, without holes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from numpy.typing import NDArray

from services.gateway.hearing.resample import PCM, AudioFormat

FORMAT: Final = AudioFormat(PCM, 48_000)
"""What the library decodes Opus to, when its two channels are one."""
_LONGEST_GAP: Final = FORMAT.rate // 2
"""A longer one is a pause of the sender, which the ear notices by itself."""


class Bridge:
    """One track's frames as one stream. Time that is missing is filled, so that the ear's clock stays right."""

    def __init__(self) -> None:
        """The first frame is the beginning."""
        self._next: int | None = None
        self._last: NDArray[np.int16] = np.zeros(0, np.int16)

    def take(self, pts: int, samples: NDArray[np.int16], channels: int) -> bytes:
        """Interleaved samples of one or two channels, the first of which belongs at `pts`."""
        mono = samples.reshape(-1)
        if channels == 2:
            # A mean along the shorter axis would take ten times as long.
            mono = ((mono[0::2].astype(np.int32) + mono[1::2]) >> 1).astype(np.int16)
        missing = 0 if self._next is None else min(max(pts - self._next, 0), _LONGEST_GAP)
        filled = self._filling(missing) if missing else b""
        self._next = pts + len(mono)
        self._last = mono
        return filled + mono.astype("<i2").tobytes()

    def _filling(self, missing: int) -> bytes:
        """What came last, fading: a lost packet is no pause, and a click is no consonant."""
        out = np.zeros(missing, np.float32)
        again = min(missing, len(self._last))
        out[:again] = self._last[:again] * np.linspace(1, 0, again, endpoint=False)
        return out.astype("<i2").tobytes()


async def listen(track: MediaStreamTrack, heard: Callable[[bytes], None]) -> None:
    """Give `heard` what the caller says, until their track ends."""
    bridge = Bridge()
    while True:
        try:
            frame: Any = await track.recv()
        except MediaStreamError:
            return
        heard(bridge.take(frame.pts, frame.to_ndarray(), frame.layout.nb_channels))
        # Frames that wait are given out without a pause: whoever takes what was heard has a turn after each.
        await asyncio.sleep(0)
