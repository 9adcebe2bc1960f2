"""Whose turn it is: one letter of a session at a time, and none that waits for an owner who does not answer.

A letter in hand keeps others from being taken. So while an owner is silent one letter of its session asks it again, and the rest are put off at once:
their rows stay open, and are hastened as soon as the owner answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from services.core.clock import Clock
from services.core.errors import Unavailable

_SLOW_S: Final = 1.0
"""An owner that takes longer than this for one fact counts as silent."""
_SILENT_S: Final = 5.0
"""An owner that could not be reached is let alone for so long."""
_LOOK_S: Final = 0.2
_MOST: Final = 1_000
"""Sessions remembered as silent, or as having letters put off; the oldest is forgotten first."""

T = TypeVar("T")


class OwnerSilent(Unavailable):
    """The owner of this session does not answer; the correction is sent again."""


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    letters: int = 0
    asked_at: float | None = None
    """Since when the owner is being asked for one and the same fact."""


class Turns:
    """Of all sessions that have a letter in hand."""

    def __init__(self, clock: Clock) -> None:
        """Nobody has one."""
        self._clock = clock
        self._turns: dict[str, _Turn] = {}
        self._silent: dict[str, float] = {}
        """Session -> until when its owner is let alone."""
        self._put_off: dict[str, None] = {}

    @asynccontextmanager
    async def turn(self, session: str) -> AsyncIterator[None]:
        """One letter of a session at a time, in the order in which they came. Raises `OwnerSilent`."""
        turn = self._turns.setdefault(session, _Turn())
        turn.letters += 1
        try:
            await self._reached(session, turn)
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            turn.letters -= 1
            if not turn.letters:
                del self._turns[session]

    @asynccontextmanager
    async def asking(self, session: str) -> AsyncIterator[None]:
        """The owner is asked for one fact, by whoever has the turn."""
        turn = self._turns[session]
        turn.asked_at = self._clock.now()
        try:
            yield
        finally:
            turn.asked_at = None

    def unreachable(self, session: str) -> None:
        """It was asked for long enough."""
        _remember(self._silent, session, self._clock.now() + _SILENT_S)

    def answered(self, session: str) -> bool:
        """It has answered; whether letters of this session had been put off."""
        self._silent.pop(session, None)
        if session not in self._put_off:
            return False
        del self._put_off[session]
        return True

    async def _reached(self, session: str, turn: _Turn) -> None:
        """Have the turn's lock."""
        if not turn.lock.locked():
            self._check(session, turn)
            await turn.lock.acquire()
            return
        getting = asyncio.ensure_future(turn.lock.acquire())
        try:
            while not getting.done():
                self._check(session, turn)
                await asyncio.wait([getting], timeout=_LOOK_S)
            self._check(session, turn)
        except BaseException:
            if not getting.cancel() and not getting.cancelled():
                turn.lock.release()
            raise

    def _check(self, session: str, turn: _Turn) -> None:
        now = self._clock.now()
        slow = turn.asked_at is not None and now - turn.asked_at > _SLOW_S
        if slow or now < self._silent.get(session, now):
            _remember(self._put_off, session, None)
            raise OwnerSilent


def _remember(known: dict[str, T], session: str, value: T) -> None:
    known.pop(session, None)
    known[session] = value
    if len(known) > _MOST:
        del known[next(iter(known))]
