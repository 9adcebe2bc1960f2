"""Deltas gathered for a moment, and never longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from services.core.model.reply import Delta, ReplyFinished, ReplyStarted
from services.gateway.openai_api.coalesce import coalesced

Event = ReplyStarted | Delta | ReplyFinished


async def _fast() -> AsyncGenerator[Event, None]:
    yield ReplyStarted("a", "b")
    for letter in "abcdef":
        yield Delta(letter)
    yield ReplyFinished("stop")


async def test_the_first_goes_alone_and_the_rest_together() -> None:
    """The order is kept, no letter is lost, and a burst is one delta."""
    seen = [event async for event in coalesced(_fast(), window_s=5)]
    assert seen == [ReplyStarted("a", "b"), Delta("a"), Delta("bcdef"), ReplyFinished("stop")]


async def test_what_is_gathered_does_not_wait_for_the_next_word() -> None:
    """A pause of the model does not keep back what it said before."""
    go = asyncio.Event()

    async def pausing() -> AsyncGenerator[Event, None]:
        yield Delta("a")
        yield Delta("b")
        await go.wait()
        yield Delta("c")

    events = coalesced(pausing(), window_s=0.01)
    assert await anext(events) == Delta("a")
    async with asyncio.timeout(5):
        assert await anext(events) == Delta("b")
    go.set()
    assert [event async for event in events] == [Delta("c")]


async def test_an_error_comes_after_what_was_said_before_it() -> None:
    """Nothing that arrived is lost to a failure that came later."""

    async def failing() -> AsyncGenerator[Event, None]:
        yield Delta("a")
        yield Delta("b")
        raise OSError("gone")

    events = coalesced(failing(), window_s=5)
    assert [await anext(events), await anext(events)] == [Delta("a"), Delta("b")]
    with pytest.raises(OSError, match="gone"):
        await anext(events)


async def test_closing_it_closes_the_source() -> None:
    """A reader who leaves early ends the reply."""
    closed = asyncio.Event()

    async def endless() -> AsyncGenerator[Event, None]:
        try:
            while True:
                yield Delta("a")
                await asyncio.sleep(0)
        finally:
            closed.set()

    events = coalesced(endless())
    await anext(events)
    await events.aclose()
    assert closed.is_set()
