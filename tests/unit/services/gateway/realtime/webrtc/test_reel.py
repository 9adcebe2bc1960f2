"""The reel: lines in order at the pace of play, and what it tells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.model.attachment import LineAudio
from services.gateway.realtime.webrtc.reel import Reel, Sent, Silent, Sounds, Told

FRAME = 480


def _pcm(samples: int, level: int = 1000) -> bytes:
    return np.full(samples, level, "<i2").tobytes()


def _told(reel: Reel) -> list[Told]:
    return [reel.told.get_nowait() for _ in range(reel.told.qsize())]


def _played(reel: Reel, frames: int) -> NDArray[np.int16]:
    return np.concatenate([reel.frame() for _ in range(frames)])


def test_silence_where_nothing_waits() -> None:
    """Frames go on, and nothing is told."""
    reel = Reel()
    assert not _played(reel, 3).any()
    assert _told(reel) == []


def test_pieces_are_cut_into_frames_and_their_places_told() -> None:
    """Each sentence's beginning where it sounds, the position every 100 ms and at the end, and the end when the line is over."""
    reel = Reel()
    reel.push(LineAudio("L1", 7, _pcm(3000), 0))
    reel.push(LineAudio("L1", 8, _pcm(1000, 500), 3000))
    out = _played(reel, 10)
    assert np.count_nonzero(out == 1000) == 3000
    assert np.count_nonzero(out == 500) == 1000
    assert _told(reel) == [Sounds("L1", 7, 0), Sent("L1", 2400, True), Sounds("L1", 8, 3000), Sent("L1", 4000, False)]
    reel.end("L1")
    assert _told(reel) == [Silent("L1", False)]


def test_line_that_is_over_ends_when_it_has_been_played() -> None:
    """`end` before the last frame is no end."""
    reel = Reel()
    reel.push(LineAudio("L1", 1, _pcm(FRAME * 2), 0))
    reel.frame()
    reel.end("L1")
    assert Silent("L1", False) not in _told(reel)
    reel.frame()
    assert _told(reel) == [Sent("L1", FRAME * 2, False), Silent("L1", False)]


def test_held_line_fades_keeps_its_place_and_goes_on() -> None:
    """5 ms of fading sound, then silence; nothing is lost but what faded."""
    reel = Reel()
    reel.push(LineAudio("L1", 1, _pcm(FRAME * 4), 0))
    reel.frame()
    reel.hold("L1")
    assert _told(reel)[-1] == Sent("L1", FRAME + 120, True)
    out = _played(reel, 5)
    assert out[0] == 1000
    assert np.all(np.diff(out[:121]) <= 0)
    assert not out[120:].any()
    assert _told(reel) == []
    reel.hold("L1")
    reel.go("L1")
    out = _played(reel, 5)
    assert out[0] == 0
    assert out[200] == 1000
    assert np.count_nonzero(out) == FRAME * 3 - 120 - 1
    assert _told(reel)[-1] == Sent("L1", FRAME * 4, False)


def test_held_line_that_is_over_is_not_played() -> None:
    """Nobody will release it: what was held is gone, and that is told. One that had been played out before simply ends."""
    reel = Reel()
    reel.push(LineAudio("L1", 1, _pcm(FRAME * 4), 0))
    reel.frame()
    reel.hold("L1")
    reel.frame()
    reel.end("L1")
    assert _told(reel)[-1] == Silent("L1", True)
    assert not _played(reel, 5).any()
    reel.push(LineAudio("L2", 2, _pcm(FRAME), 0))
    reel.frame()
    reel.hold("L2")
    reel.end("L2")
    assert _told(reel)[-1] == Silent("L2", False)


def test_held_line_keeps_no_other_waiting() -> None:
    """The next one plays at once; the held one goes on when that is done, and says again where it is."""
    reel = Reel()
    reel.push(LineAudio("L1", 1, _pcm(FRAME * 3), 0))
    reel.frame()
    reel.hold("L1")
    reel.frame()
    _told(reel)
    reel.push(LineAudio("L2", 2, _pcm(FRAME * 2, 300), 0))
    assert list(reel.frame()) == [300] * FRAME
    reel.go("L1")
    assert list(reel.frame()) == [300] * FRAME
    reel.end("L2")
    out = _played(reel, 3)
    assert out[0] == 0
    assert np.count_nonzero(out == 1000) > FRAME
    assert _told(reel) == [Sounds("L2", 2, 0), Sent("L2", FRAME * 2, False), Silent("L2", False), Sounds("L1", 1, FRAME + 120), Sent("L1", FRAME * 3, False)]


def test_held_line_that_others_played_past_can_still_be_dropped() -> None:
    """Its end is told even where nothing of it waits any more."""
    reel = Reel()
    reel.push(LineAudio("L1", 1, _pcm(FRAME), 0))
    reel.frame()
    reel.hold("L1")
    reel.push(LineAudio("L2", 2, _pcm(FRAME, 300), 0))
    reel.frame()
    _told(reel)
    reel.drop("L1")
    assert _told(reel) == [Silent("L1", True)]


def test_dropped_line_is_gone_and_the_next_one_begins() -> None:
    """Only that line; where it stopped is told before its end."""
    reel = Reel()
    reel.push(LineAudio("L1", 1, _pcm(FRAME * 9), 0))
    reel.push(LineAudio("L2", 2, _pcm(FRAME, 300), 0))
    reel.frame()
    reel.drop("L1")
    assert _told(reel)[-2:] == [Sent("L1", FRAME + 120, True), Silent("L1", True)]
    out = _played(reel, 3)
    assert np.count_nonzero(out == 300) == FRAME
    assert not np.any(out[120:] > 300)
    reel.drop("L9")
    assert Silent("L9", True) not in _told(reel)


def test_lines_do_not_mix() -> None:
    """Pieces of two lines that come by turns play one line after the other."""
    reel = Reel()
    for number in range(3):
        reel.push(LineAudio("L1", 1, _pcm(FRAME, 100), number * FRAME))
        reel.push(LineAudio("L2", 2, _pcm(FRAME, 200), number * FRAME))
    out = _played(reel, 6)
    assert list(out[::FRAME]) == [100, 100, 100, 200, 200, 200]


def test_call_that_nobody_plays_does_not_grow() -> None:
    """The oldest goes first."""
    reel = Reel()
    for number in range(700):
        reel.push(LineAudio("L1", 1, _pcm(FRAME), number * FRAME))
    reel.frame()
    (begin,) = [told for told in _told(reel) if isinstance(told, Sounds)]
    assert begin.offset >= 190 * FRAME
