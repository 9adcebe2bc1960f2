"""Work that nobody waits for gives way to turns that are being answered in the same process: they share its one loop.

In a process of its own it knows of no turns, and never waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_REST_S: Final = 0.25
"""After a reply was there its voice begins, or the next turn."""


class Calm:
    """One per process."""

    def __init__(self, rest_s: float = _REST_S) -> None:
        """Calm, until a turn comes; again `rest_s` after the last one was answered."""
        self._rest_s = rest_s
        self._turns = 0
        self._since = -rest_s
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A reply is being made for the time of the block."""
        self._turns += 1
        self._none.clear()
        try:
            yield
        finally:
            self._turns -= 1
            if not self._turns:
                self._since = time.monotonic()
                self._none.set()

    async def wait(self, patience_s: float) -> None:
        """Until it is calm; `patience_s` at the longest, since with many tables it may never be."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._none.wait()
                while (rest := self._since + self._rest_s - time.monotonic()) > 0:
                    await asyncio.sleep(rest)
                    await self._none.wait()
