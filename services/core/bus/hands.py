"""What a consumer has in hand: at most so many letters at a time, each in a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Hashable, Iterator
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Hands(Generic[K]):
    """Tasks by the key of what they work on."""

    def __init__(self, limit: int) -> None:
        """Room for `limit`."""
        self._limit = limit
        self._held: dict[K, asyncio.Task[None]] = {}
        self._freed = asyncio.Event()

    def __contains__(self, key: K) -> bool:
        return key in self._held

    def __iter__(self) -> Iterator[K]:
        return iter(list(self._held))

    @property
    def room(self) -> int:
        """How many more."""
        return max(0, self._limit - len(self._held))

    async def free(self) -> None:
        """Return when there is room."""
        while not self.room:
            self._freed.clear()
            await self._freed.wait()

    def take(self, key: K, work: Coroutine[Any, Any, None]) -> None:
        """Begin `work`."""
        task = asyncio.create_task(work, name="letter")
        self._held[key] = task
        task.add_done_callback(lambda done: self._done(key, done))

    async def drain(self, limit_s: float) -> None:
        """Wait for those in hand; whoever is not ready in time is cut."""
        tasks = list(self._held.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=limit_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def _done(self, key: K, task: asyncio.Task[None]) -> None:
        self._held.pop(key, None)
        self._freed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler({"message": "a letter was left in hand", "exception": error, "task": task})
