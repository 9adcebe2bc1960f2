"""What characters are about to say in one call: lines in order, cut into frames at the pace of play, held and dropped without a click."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.core.model.attachment import LineAudio
from services.core.model.audio import VOICE_FRAME_SAMPLES, VOICE_RATE

_FADE: Final = VOICE_RATE // 200
"""5 ms."""
_MOST: Final = 10 * VOICE_RATE
"""The stage is at most a moment ahead of play; this is a call that nobody plays."""
_TELL_EVERY: Final = 5
"""Frames between two positions."""


@dataclass(frozen=True, slots=True)
class Sounds:
    """A sentence's sound begins, at this sample of its line."""

    line: str
    seq: int
    offset: int


@dataclass(frozen=True, slots=True)
class Sent:
    """So much of a line is on its way."""

    line: str
    samples: int
    more: bool
    """More of it waits here."""


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing more of a line will come."""

    line: str
    dropped: bool


Told = Sounds | Sent | Silent


@dataclass(slots=True, eq=False)
class _Piece:
    line: str
    seq: int
    at: int
    """Of its first sample that waits, within the line."""
    pcm: NDArray[np.int16]


class Reel:
    """`push` and the like from the connection, `frame` from the track, `told` is what happened."""

    def __init__(self) -> None:
        """Silence."""
        self.told: asyncio.Queue[Told] = asyncio.Queue()
        self._pieces: deque[_Piece] = deque()
        self._waiting = 0
        self._held: set[str] = set()
        self._ended: set[str] = set()
        self._sounding = ("", 0)
        self._sent = 0
        self._frames = 0
        self._tail: NDArray[np.int16] = np.zeros(0, np.int16)
        self._begun: set[str] = set()
        """Lines that have sounded and are not over."""
        self._rising: set[str] = set()
        """Lines that go on after a hold."""

    def push(self, audio: LineAudio) -> None:
        """The next piece of a line; lines play one after the other, however their pieces come."""
        piece = _Piece(audio.line, audio.seq, audio.offset_samples, np.frombuffer(audio.pcm, "<i2"))
        own = [index for index, waiting in enumerate(self._pieces) if waiting.line == audio.line]
        self._pieces.insert(own[-1] + 1 if own else len(self._pieces), piece)
        self._waiting += len(audio.pcm) // 2
        while self._waiting > _MOST:
            self._waiting -= len(self._pieces.popleft().pcm)

    def hold(self, line: str) -> None:
        """Keep what waits of this line; others play meanwhile."""
        if line in self._held:
            return
        self._fall(line)
        self._held.add(line)

    def go(self, line: str) -> None:
        """Go on where it was held."""
        if line in self._held:
            self._held.discard(line)
            self._rising.add(line)

    def drop(self, line: str) -> None:
        """Throw away what waits of this line."""
        known = line in self._begun or self._first(line) is not None
        if line not in self._held:
            self._fall(line)
        self._pieces = deque(piece for piece in self._pieces if piece.line != line)
        self._waiting = sum(len(piece.pcm) for piece in self._pieces)
        self._held.discard(line)
        self._ended.discard(line)
        if known:
            self._over(line, dropped=True)

    def end(self, line: str) -> None:
        """No more of this line comes; what is held of it was not meant to be heard."""
        if line in self._held and self._first(line) is not None:
            self.drop(line)
            return
        self._held.discard(line)
        self._ended.add(line)
        self._close_ended()

    def frame(self) -> NDArray[np.int16]:
        """20 ms, at the voice's rate."""
        out = np.zeros(VOICE_FRAME_SAMPLES, np.int16)
        filled = min(len(self._tail), len(out))
        out[:filled] = self._tail[:filled]
        self._tail = self._tail[filled:]
        begun = filled
        while filled < len(out) and (piece := self._next()) is not None:
            filled += self._copied(piece, out[filled:])
        if filled > begun:
            self._tell_position()
        self._close_ended()
        return out

    def _first(self, line: str) -> _Piece | None:
        return next((piece for piece in self._pieces if piece.line == line), None)

    def _next(self) -> _Piece | None:
        """Of the line that sounds now; one that goes on after a hold does not break into it."""
        sounding = self._sounding[0]
        if sounding not in self._held and (piece := self._first(sounding)) is not None:
            return piece
        return next((piece for piece in self._pieces if piece.line not in self._held), None)

    def _copied(self, piece: _Piece, out: NDArray[np.int16]) -> int:
        if (piece.line, piece.seq) != self._sounding:
            if piece.line != self._sounding[0]:
                self._frames = 0
            self._sounding = (piece.line, piece.seq)
            self._begun.add(piece.line)
            self.told.put_nowait(Sounds(piece.line, piece.seq, piece.at))
        count = min(len(out), len(piece.pcm))
        out[:count] = piece.pcm[:count]
        if piece.line in self._rising:
            self._rising.discard(piece.line)
            rise = min(_FADE, count)
            out[:rise] = out[:rise] * np.linspace(0, 1, rise)
        self._advance(piece, count)
        return count

    def _advance(self, piece: _Piece, count: int) -> None:
        piece.at += count
        piece.pcm = piece.pcm[count:]
        self._sent = piece.at
        self._waiting -= count
        if not len(piece.pcm):
            self._pieces.remove(piece)

    def _fall(self, line: str) -> None:
        """What sounds now goes out in a moment, and tells how far it came."""
        if line != self._sounding[0]:
            return
        if (piece := self._first(line)) is not None:
            count = min(_FADE, len(piece.pcm))
            self._tail = (piece.pcm[:count] * np.linspace(1, 0, count)).astype(np.int16)
            self._advance(piece, count)
        self.told.put_nowait(Sent(line, self._sent, more=True))

    def _tell_position(self) -> None:
        line = self._sounding[0]
        more = self._first(line) is not None
        self._frames += 1
        if not more or self._frames % _TELL_EVERY == 0:
            self.told.put_nowait(Sent(line, self._sent, more))

    def _close_ended(self) -> None:
        if self._ended:
            waiting = {piece.line for piece in self._pieces}
            for line in self._ended - waiting:
                self._over(line, dropped=False)
            self._ended &= waiting

    def _over(self, line: str, *, dropped: bool) -> None:
        if line == self._sounding[0]:
            self._sounding = ("", 0)
        self._begun.discard(line)
        self._rising.discard(line)
        self.told.put_nowait(Silent(line, dropped))
