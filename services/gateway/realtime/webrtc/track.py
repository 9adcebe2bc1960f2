"""A call's voice as a track: 20 ms of Opus every 20 ms for as long as the call lives, silence included."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any, Final

import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, CodecContext, Packet
from numpy.typing import NDArray

from services.core.model.audio import FRAME_MS, VOICE_FRAME_SAMPLES, VOICE_RATE
from services.gateway.realtime.webrtc.reel import Reel

_CLOCK: Final = 48_000
"""Opus counts its time at this rate, whatever it carries."""
_STEP: Final = _CLOCK * FRAME_MS // 1000
_BEHIND_S: Final = 0.2
"""Frames that are later than this are not sent in a heap: the listener would only hear them later still."""
_BIT_RATE: Final = 40_000
_SILENT: Final = b"\xf8\xff\xfe"
"""20 ms of nothing."""
_SETTLING: Final = 5
"""Frames of silence that are still encoded after sound, so that it dies away."""
_OPTIONS: Final = {"application": "voip", "fec": "1", "packet_loss": "10", "compression_level": "5"}
"""Each packet can mend the one before it: a lost one is then heard all the same."""


class VoiceTrack(MediaStreamTrack):
    """Plays a reel.

    It gives packets, not frames: the library's own encoder would take each through two resamplings and a thread, silent ones too, at
    twice the rate and for two channels that are one.
    """

    kind = "audio"

    def __init__(self, reel: Reel) -> None:
        """The clock starts with the first packet that is asked for."""
        super().__init__()
        self._reel = reel
        self._encoder = _encoder()
        self._quiet = _SETTLING
        self._began: float | None = None
        self._count = 0
        self._number = 0

    async def recv(self) -> Packet[Any]:
        """The next packet, when its time has come."""
        if self.readyState != "live":
            raise MediaStreamError
        await self._in_time()
        packet = Packet(self._encoded(self._reel.frame()))
        packet.time_base = Fraction(1, _CLOCK)
        packet.pts = self._number * _STEP
        self._number += 1
        return packet

    async def _in_time(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._began is None or now - (self._began + self._count * FRAME_MS / 1000) > _BEHIND_S:
            self._began, self._count = now, 0
        wait_s = self._began + self._count * FRAME_MS / 1000 - now
        self._count += 1
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    def _encoded(self, samples: NDArray[np.int16]) -> bytes:
        self._quiet = 0 if samples.any() else self._quiet + 1
        if self._quiet > _SETTLING:
            return _SILENT
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = VOICE_RATE
        frame.pts = self._number * VOICE_FRAME_SAMPLES
        made = self._encoder.encode(frame)
        return bytes(made[0]) if made else _SILENT


def _encoder() -> Any:
    encoder: Any = CodecContext.create("libopus", "w")
    encoder.sample_rate = VOICE_RATE
    encoder.layout = "mono"
    encoder.format = "s16"
    encoder.bit_rate = _BIT_RATE
    encoder.time_base = Fraction(1, VOICE_RATE)
    encoder.options = _OPTIONS
    return encoder
