"""The servers behind the buses, each with what a test does to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from uuid import uuid4

from services.core.bus.corrections import CorrectionBus

LIMIT = 3
_SETTLE_S = 30.0


@dataclass
class Broker:
    """A running one, and how to reach a queue of its own on it."""

    kind: str
    open: Callable[[str], AbstractAsyncContextManager[CorrectionBus]]
    kill: Callable[[], None]
    start: Callable[[], None]
    freeze: Callable[[bool], None]
    """It stands still, or goes on."""
    knows: Callable[[str], bool] = lambda _: True
    """Its queue would be found again after a kill."""
    name: str = ""

    def __post_init__(self) -> None:
        self.name = self.name or f"test-{uuid4().hex[:12]}"

    def bus(self) -> AbstractAsyncContextManager[CorrectionBus]:
        """A bus, as one process has it; several of them share their letters."""
        return self.open(self.name)

    async def killed(self) -> None:
        """As if the power went; not in the first moments of a queue, which no test is about."""
        async with asyncio.timeout(_SETTLE_S):
            while not await asyncio.to_thread(self.knows, self.name):
                await asyncio.sleep(0.05)
        await asyncio.to_thread(self.kill)

    async def started(self) -> None:
        """Again, with what it kept."""
        await asyncio.to_thread(self.start)
