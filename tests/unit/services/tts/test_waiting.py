"""Bridges between paces."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.core.errors import EngineFailed
from services.tts.waiting import Late, Patience, ahead, pumped

DEADLINE_S = 5.0


class _Counting:
    """Counts up, remembers how far it was read and whether it was closed."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.given = 0
        self.closed = asyncio.Event()

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self.end):
                self.given = number + 1
                yield number
        finally:
            self.closed.set()


async def test_reading_ahead_is_bounded() -> None:
    """A slow reader holds the source at the limit, and still gets everything in order."""
    source = _Counting(50)
    async with asyncio.timeout(DEADLINE_S), ahead(source.items(), 4) as items:
        got = []
        async for item in items:
            got.append(item)
            for _ in range(20):
                await asyncio.sleep(0)
            assert source.given <= len(got) + 4 + 1
    assert got == list(range(50))


async def test_leaving_closes_the_source_even_when_the_buffer_is_full() -> None:
    """Nobody is left waiting to hand over what nobody wants."""
    source = _Counting(50)
    async with asyncio.timeout(DEADLINE_S):
        async with ahead(source.items(), 2) as items:
            assert await anext(aiter(items)) == 0
        assert source.closed.is_set()


async def test_an_error_comes_in_its_place() -> None:
    """What was made before the fault is still delivered."""

    async def failing() -> AsyncGenerator[int, None]:
        yield 1
        raise EngineFailed

    async with asyncio.timeout(DEADLINE_S), ahead(failing(), 4) as items:
        numbers = aiter(items)
        assert await anext(numbers) == 1
        with pytest.raises(EngineFailed):
            await anext(numbers)


async def test_patience_loses_nothing_when_time_is_up() -> None:
    """An item that came late is the next one that is got."""
    gate = asyncio.Event()

    async def slow() -> AsyncGenerator[int, None]:
        yield 1
        await gate.wait()
        yield 2

    patience = Patience(slow())
    async with asyncio.timeout(DEADLINE_S):
        assert await patience.within(1.0) == 1
        with pytest.raises(Late):
            await patience.within(0.001)
        gate.set()
        assert await patience.within(1.0) == 2
        assert await patience.within(1.0) is None
        await patience.close()


async def test_patience_reads_ahead_up_to_its_limit_and_keeps_to_its_end() -> None:
    """An engine is never more than the limit ahead of what is taken, and the end stays the end."""
    source = _Counting(10)
    patience = Patience(source.items(), 3)
    async with asyncio.timeout(DEADLINE_S):
        for number in range(10):
            assert await patience.within(1.0) == number
            for _ in range(20):
                await asyncio.sleep(0)
            assert source.given <= number + 1 + 3 + 1
        assert await patience.within(1.0) is None
        assert await patience.within(1.0) is None
        await patience.close()


async def test_patience_gives_an_error_in_its_place() -> None:
    """What was made before the fault comes first, even when the fault has happened already."""

    async def failing() -> AsyncGenerator[int, None]:
        yield 1
        raise EngineFailed

    patience = Patience(failing())
    async with asyncio.timeout(DEADLINE_S):
        assert await patience.within(1.0) == 1
        with pytest.raises(EngineFailed):
            await patience.within(1.0)
        await patience.close()


async def test_closing_patience_stops_a_source_that_is_being_waited_for() -> None:
    """A stalled engine is cancelled, not abandoned."""
    stopped = asyncio.Event()

    async def stalled() -> AsyncGenerator[int, None]:
        try:
            await asyncio.Event().wait()
            yield 1
        finally:
            stopped.set()

    patience = Patience(stalled())
    with pytest.raises(Late):
        await patience.within(0.001)
    async with asyncio.timeout(DEADLINE_S):
        await patience.close()
    assert stopped.is_set()


async def test_a_closed_pump_stops_its_thread_at_the_next_item() -> None:
    """The producer hears that nobody wants more."""
    ended = threading.Event()

    def endless(emit: Callable[[int], bool]) -> None:
        number = 0
        while emit(number):
            number += 1
        ended.set()

    with ThreadPoolExecutor(1) as executor:
        source = pumped(executor, endless)
        assert await anext(source) == 0
        await source.aclose()
        assert await asyncio.to_thread(ended.wait, DEADLINE_S)


async def test_a_pump_carries_everything_in_order_and_then_the_fault() -> None:
    """Many items from a quick thread arrive as they were emitted."""

    def produce(emit: Callable[[int], bool]) -> None:
        for number in range(5000):
            emit(number)
        raise EngineFailed

    async with asyncio.timeout(DEADLINE_S):
        with ThreadPoolExecutor(1) as executor:
            source = pumped(executor, produce)
            assert [await anext(source) for _ in range(5000)] == list(range(5000))
            with pytest.raises(EngineFailed):
                await anext(source)


async def test_work_that_waits_for_a_thread_never_begins_once_it_is_closed() -> None:
    """A cancelled sentence does not take its turn in a busy engine."""
    release, begun = threading.Event(), threading.Event()

    def blocking(emit: Callable[[int], bool]) -> None:
        emit(1)
        release.wait(DEADLINE_S)

    def second(emit: Callable[[int], bool]) -> None:
        begun.set()

    with ThreadPoolExecutor(1) as executor:
        first = pumped(executor, blocking)
        await anext(first)
        other = pumped(executor, second)
        waiting = asyncio.create_task(anext(other, None))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        release.set()
        await first.aclose()
    assert not begun.is_set()


async def test_leaving_does_not_wait_for_a_clean_up_that_fails() -> None:
    """Its error has nobody to go to: the buffer is full, and nobody reads it."""

    async def failing() -> AsyncGenerator[int, None]:
        try:
            for number in range(50):
                yield number
        finally:
            raise OSError("the engine has gone")

    async with asyncio.timeout(DEADLINE_S):
        async with ahead(failing(), 2) as items:
            assert await anext(aiter(items)) == 0
            for _ in range(20):
                await asyncio.sleep(0)
