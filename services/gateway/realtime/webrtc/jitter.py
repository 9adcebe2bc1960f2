"""A jitter buffer for talk: what it holds is delay, so it holds as little as can be."""

from __future__ import annotations

from typing import Final

from aiortc import jitterbuffer, rtcrtpreceiver

CAPACITY: Final = 4
"""Packets; a power of two. One that comes later than this is lost."""


class LowDelay(jitterbuffer.JitterBuffer):
    """The library's own, of another size where it carries audio.

    Its size is written into the receiver: 16 packets, of which 4 are always held back. After one lost packet that one stalls for some
    300 ms and holds 14 packets, 280 ms of delay, for ever (aiortc#543, #775). This one goes on three packets after the loss.
    """

    def __init__(self, capacity: int, prefetch: int = 0, is_video: bool = False) -> None:  # noqa: FBT001, FBT002 - as the library calls it
        """Video keeps what the library thinks right."""
        super().__init__(capacity if is_video else CAPACITY, prefetch if is_video else 0, is_video)


def install() -> None:
    """Every receiver that is made from now on has one. `tests/unit/.../webrtc/test_library.py` guards the name."""
    rtcrtpreceiver.JitterBuffer = LowDelay  # type: ignore[attr-defined] # a name that it only imports
