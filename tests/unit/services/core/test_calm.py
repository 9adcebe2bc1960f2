"""Work in the background begins when no turn is being answered, or when it has waited long enough."""

from __future__ import annotations

import asyncio

import pytest

from services.core.calm import Calm

LONG_S = 30.0


async def test_nobody_waits_where_no_turn_is() -> None:
    """Not even for one more round of the loop."""
    waiting = asyncio.create_task(Calm().wait(LONG_S))
    await asyncio.sleep(0)
    assert waiting.done()


async def test_work_waits_for_the_last_of_several_turns() -> None:
    """And begins when that is over."""
    calm = Calm(rest_s=0.0)
    with calm.turn():
        with calm.turn():
            waiting = asyncio.create_task(calm.wait(LONG_S))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    async with asyncio.timeout(5):
        await waiting


async def test_a_turn_that_comes_while_it_rests_is_waited_for_too() -> None:
    """Turns follow each other: the rest is counted from the last one."""
    calm = Calm(rest_s=0.01)
    with calm.turn():
        pass
    waiting = asyncio.create_task(calm.wait(LONG_S))
    await asyncio.sleep(0)
    with calm.turn():
        # Longer than the rest after the first one.
        await asyncio.sleep(0.03)
        assert not waiting.done()
    async with asyncio.timeout(5):
        await waiting


async def test_patience_ends() -> None:
    """With many tables it is never calm."""
    calm = Calm()
    with calm.turn():
        async with asyncio.timeout(5):
            await calm.wait(0.001)


async def test_a_turn_that_fails_is_over() -> None:
    """Whatever it failed with."""
    calm = Calm(rest_s=0.0)
    with pytest.raises(ValueError, match="broken"), calm.turn():
        raise ValueError("broken")
    async with asyncio.timeout(5):
        await calm.wait(LONG_S)
