"""From a caller's frames to one stream for the ear."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.gateway.realtime.webrtc.microphone import Bridge

FRAME = 960


def _stereo(left: int, right: int) -> NDArray[np.int16]:
    return np.tile(np.array([left, right], np.int16), FRAME).reshape(1, -1)


def _mono(data: bytes) -> NDArray[np.int16]:
    return np.frombuffer(data, "<i2")


def test_two_channels_become_one() -> None:
    """Their mean; loud ones do not overflow."""
    out = _mono(Bridge().take(0, _stereo(32_000, 30_000), 2))
    assert len(out) == FRAME
    assert set(out) == {31_000}


def test_lost_packet_is_filled_with_what_came_last() -> None:
    """The stream is as long as the time that it tells, and the hole fades."""
    bridge = Bridge()
    bridge.take(0, _stereo(1000, 1000), 2)
    out = _mono(bridge.take(FRAME * 3, _stereo(500, 500), 2))
    assert len(out) == FRAME * 3
    assert out[0] == 1000
    assert np.all(np.diff(out[: FRAME * 2]) <= 0)
    assert not out[FRAME : FRAME * 2].any()
    assert set(out[FRAME * 2 :]) == {500}


def test_long_pause_of_the_sender_is_filled_in_part_and_time_never_runs_backwards() -> None:
    """Half a second at most; a frame from the past is taken as it comes."""
    bridge = Bridge()
    bridge.take(0, _stereo(1, 1), 2)
    assert len(_mono(bridge.take(48_000 * 60, _stereo(1, 1), 2))) == 24_000 + FRAME
    assert len(_mono(bridge.take(0, _stereo(1, 1), 2))) == FRAME


def test_one_channel_is_taken_as_it_is() -> None:
    """Where a library gives mono."""
    assert set(_mono(Bridge().take(0, np.full((1, FRAME), 7, np.int16), 1))) == {7}
