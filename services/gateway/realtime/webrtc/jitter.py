"""A jitter buffer for talk: what it holds is delay, so it holds as little as can be."""

from __future__ import annotations

from typing import Final

from aiortc import jitterbuffer, rtcrtpreceiver
from aiortc.rtp import RtpPacket
from aiortc.utils import uint16_add

PATIENCE: Final = 2
"""So many later packets wait for a missing one before it is given up."""
_FAR: Final = jitterbuffer.MAX_MISORDER
"""Numbers that jump further belong to a stream that begins anew."""
_HALF: Final = 1 << 15


class LowDelay(jitterbuffer.JitterBuffer):
    """The library's own where it carries video; for audio one that gives a packet out when it comes.

    The library's buffer of audio has 16 places, of which 4 are always held back: 80 ms. After one lost packet it stalls for some 300 ms and
    holds 14 packets, 280 ms, for ever (aiortc#543, #775), and with every further loss it throws away packets that did come. A smaller
    one of the same kind still loses one more for each. Here nothing waits but behind a hole, and what came is heard.
    """

    def __init__(self, capacity: int, prefetch: int = 0, is_video: bool = False) -> None:  # noqa: FBT001, FBT002 - as the library calls it
        """Video keeps what the library thinks right."""
        super().__init__(capacity, prefetch, is_video)
        self._video = is_video
        self._next: int | None = None
        self._waiting: dict[int, RtpPacket] = {}

    def add(self, packet: RtpPacket) -> tuple[bool, jitterbuffer.JitterFrame | None]:
        """Take a packet; whether a picture is wanted, and what may be decoded now."""
        if self._video:
            return super().add(packet)
        number = packet.sequence_number
        ahead = 0 if self._next is None else uint16_add(number, -self._next)
        if ahead >= _HALF and 2 * _HALF - ahead < _FAR:
            return False, None  # too late: its time has been filled
        if self._next is None or ahead >= _FAR:
            self._waiting.clear()
            self._next = number
        self._waiting[number] = packet
        if self._next not in self._waiting and len(self._waiting) >= PATIENCE:
            begin = self._next
            self._next = min(self._waiting, key=lambda waiting: uint16_add(waiting, -begin))
        return False, self._due(self._next)

    def _due(self, number: int) -> jitterbuffer.JitterFrame | None:
        packet = self._waiting.pop(number, None)
        if packet is None:
            return None
        self._next = uint16_add(number, 1)
        # The receiver has put what the packet carries there; of Opus every packet is a whole frame.
        return jitterbuffer.JitterFrame(packet._data, packet.timestamp)  # type: ignore[attr-defined] # noqa: SLF001


def install() -> None:
    """Every receiver that is made from now on has one. `tests/unit/.../webrtc/test_library.py` guards the name."""
    rtcrtpreceiver.JitterBuffer = LowDelay  # type: ignore[attr-defined] # a name that it only imports
