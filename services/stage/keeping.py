"""The floor's table at work: what happens is fed to it, what it answers is done, and it is told when a pause has lasted long enough."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from services.core.clock import Clock
from services.stage.attachments import Attachment
from services.stage.floor import Action, Event, Floor

_REASONS: Final = {Event.SPEECH_CONFIRMED: "barge_in", Event.STOP: "stopped"}
"""Why a line was cut, by the event that cut it."""


class Keeper:
    """Of one floor."""

    def __init__(self, floor: Floor, clock: Clock, do: Callable[[Action, str, Attachment | None], None]) -> None:
        """`do` is told the action, its reason and whose act it is."""
        self._floor = floor
        self._clock = clock
        self._do = do
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def feed(self, event: Event, by: Attachment | None = None) -> None:
        """Tell the floor; `by` is whose act it is."""
        for action in self._floor.feed(event, self._clock.now()):
            self._do(action, _REASONS.get(event, str(event)), by)
        self._arm()

    def close(self) -> None:
        """No more timer, whatever happens."""
        self._closed = True
        self._disarm()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._disarm()
        if self._floor.resume_at is not None and not self._closed:
            delay = max(0.0, self._floor.resume_at - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        for action in self._floor.tick(self._clock.now()):
            self._do(action, "resumed", None)
        self._arm()
