"""The first phase of an end in order: nothing new is taken, and what runs is brought to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from services.core.errors import Unavailable

LINES: Final = "lines"
"""Those of the stage; what is counted elsewhere are listeners of theirs."""
_LOOK_S: Final = 0.05
_LOOKS: Final = 2
"""So often in a row nothing is found: what has just ended may be on its way to whoever listens."""

_log = structlog.get_logger(__name__)


class Draining:
    """One per process: services say what runs at them, and ask whether they may take more."""

    def __init__(self) -> None:
        """Everything is taken."""
        self.began = asyncio.Event()
        self._running: list[tuple[str, Callable[[], int]]] = []

    @property
    def on(self) -> bool:
        """Nothing new is taken any more."""
        return self.began.is_set()

    def refuse(self) -> None:
        """For whoever begins something. Raises `Unavailable` once nothing new is taken."""
        if self.on:
            raise Unavailable("This program is about to end and takes nothing new; try again in a moment.")

    @contextmanager
    def counting(self, what: str, running: Callable[[], int]) -> Iterator[None]:
        """For the time of the block, `running` tells how much there is that is to come to its end."""
        mine = (what, running)
        self._running.append(mine)
        try:
            yield
        finally:
            self._running.remove(mine)

    def left(self, what: str = "") -> int:
        """How much of that, or of everything, runs now."""
        return sum(running() for name, running in self._running if what in ("", name))

    async def drain(self, limit_s: float, at_once: asyncio.Event) -> None:
        """Take nothing new, and return when nothing runs any more; after `limit_s` at the latest, or when it is to end `at_once`."""
        self.began.set()
        _log.info("draining.began", lines=self.left(LINES), running=self.left(), limit_s=limit_s)
        waits = [asyncio.create_task(self._quiet(), name="draining"), asyncio.create_task(at_once.wait(), name="at-once")]
        try:
            await asyncio.wait(waits, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        _log.info("draining.ended", lines=self.left(LINES), running=self.left())

    async def _quiet(self) -> None:
        looks = 0
        while self._running and looks < _LOOKS:
            looks = 0 if self.left() else looks + 1
            await asyncio.sleep(_LOOK_S)
