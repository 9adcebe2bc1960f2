"""Bridges between paces: reading ahead of a slow reader, waiting without losing anything, and blocking work in a thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import aclosing, asynccontextmanager
from typing import Final, Generic, TypeVar

from services.core.ending import goes_on

T = TypeVar("T")


class _End:
    """Nothing more comes."""


_END: Final = _End()


@asynccontextmanager
async def ahead(source: AsyncGenerator[T, None], limit: int) -> AsyncIterator[AsyncIterator[T]]:
    """Read `source` up to `limit` items ahead of whoever iterates the result. An error comes in its place in the order.

    Leaving the block cancels the reading and waits for the source's own clean-up.
    """
    queue: asyncio.Queue[T | Exception | _End] = asyncio.Queue(limit)
    task = asyncio.create_task(_fill(source, queue), name="tts-ahead")
    try:
        yield _drain(queue)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _fill(source: AsyncGenerator[T, None], queue: asyncio.Queue[T | Exception | _End]) -> None:
    try:
        async with aclosing(source):
            async for item in source:
                await queue.put(item)
    except Exception as error:
        # A clean-up that fails where a cancellation ended the reading: nobody takes anything from the queue any more.
        if goes_on():
            await queue.put(error)
    else:
        if goes_on():
            await queue.put(_END)


async def _drain(queue: asyncio.Queue[T | Exception | _End]) -> AsyncIterator[T]:
    while True:
        item = await queue.get()
        if isinstance(item, _End):
            return
        if isinstance(item, Exception):
            raise item
        yield item


class Late(Exception):
    """The time is over; what was waited for is still on its way and can be waited for again."""


class Patience(Generic[T]):
    """Takes items from a generator with a limit on each wait; running into the limit loses nothing.

    One task reads up to `limit` items ahead: what is there already costs neither a task nor a timer.
    """

    def __init__(self, source: AsyncGenerator[T, None], limit: int = 16) -> None:
        """`source` belongs to this from now on; `close` closes it."""
        self._source = source
        self._queue: asyncio.Queue[T | Exception | _End] = asyncio.Queue(limit)
        self._reading: asyncio.Task[None] | None = None

    async def within(self, seconds: float) -> T | None:
        """The next item, or None at the end. Raises `Late`."""
        if self._reading is None:
            self._reading = asyncio.create_task(_fill(self._source, self._queue), name="tts-next")
        if self._queue.empty():
            item = await self._waited_for(seconds)
        else:
            item = self._queue.get_nowait()
        if isinstance(item, Exception):
            raise item
        if isinstance(item, _End):
            self._queue.put_nowait(item)
            return None
        return item

    async def close(self) -> None:
        """Stop the source at once and wait for its clean-up."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self._source.aclose()

    async def _waited_for(self, seconds: float) -> T | Exception | _End:
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                return await self._queue.get()
        except TimeoutError:
            raise Late from None


class _Pump(Generic[T]):
    """Carries items from a worker thread to the loop; wakes the loop once, however many items wait."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: deque[T | Exception | _End] = deque()
        self._woken = False
        self.event = asyncio.Event()
        self.stopped = False

    def emit(self, item: T | Exception | _End) -> bool:
        """From the thread: hand over an item. False = nobody wants more, stop now."""
        self._items.append(item)
        if not self._woken and not self.stopped:
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self.event.set)
            except RuntimeError:  # the loop is closed: there is nobody left to tell
                self.stopped = True
        return not self.stopped

    def run(self, produce: Callable[[Callable[[T], bool]], None]) -> None:
        """The thread's whole work."""
        try:
            if not self.stopped:
                produce(self.emit)
        except Exception as error:
            self.emit(error)
        else:
            self.emit(_END)

    def take(self) -> list[T | Exception | _End]:
        """On the loop: everything that has come."""
        self.event.clear()
        self._woken = False
        return [self._items.popleft() for _ in range(len(self._items))]


async def pumped(executor: Executor, produce: Callable[[Callable[[T], bool]], None]) -> AsyncGenerator[T, None]:
    """Run a blocking producer in a thread and yield what it emits. Closing the generator makes its next `emit` answer False."""
    loop = asyncio.get_running_loop()
    pump: _Pump[T] = _Pump(loop)
    future = loop.run_in_executor(executor, pump.run, produce)
    try:
        while True:
            await pump.event.wait()
            for item in pump.take():
                if isinstance(item, _End):
                    return
                if isinstance(item, Exception):
                    raise item
                yield item
    finally:
        pump.stopped = True
        future.cancel()
