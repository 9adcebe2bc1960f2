"""What instances share in the store: the lease, the tokens of the hour, the mark."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from services.core.clock import ManualClock
from services.summarizer.lease import Budget, BudgetSpent, Leases, Marks


async def test_one_instance_works_for_a_session_at_a_time(redis: Redis) -> None:
    """Its own lease it may prolong; when it ends, another one takes over."""
    one, other = Leases(redis), Leases(redis)
    assert await one.hold("inn", 60)
    assert await one.hold("inn", 60)
    assert not await other.hold("inn", 60)
    assert await other.hold("cellar", 60)
    await other.release("inn")
    assert not await other.hold("inn", 60)
    await one.release("inn")
    assert await other.hold("inn", 0.05)
    async with asyncio.timeout(5):
        while not await one.hold("inn", 60):
            await asyncio.sleep(0.01)


async def test_no_more_tokens_are_spent_in_an_hour_than_allowed_however_many_ask(redis: Redis) -> None:
    """Reserved first, settled with what was really used; the hour rolls."""
    clock = ManualClock()
    budget = Budget(redis, clock)
    results = await asyncio.gather(*(budget.reserve("inn", 100, 1_000) for _ in range(200)), return_exceptions=True)
    granted = [slot for slot in results if isinstance(slot, int)]
    assert len(granted) == 10
    assert all(isinstance(error, BudgetSpent) for error in results if not isinstance(error, int))
    await budget.settle("inn", granted[0], 100, 40)
    await budget.reserve("inn", 60, 1_000)
    with pytest.raises(BudgetSpent):
        await budget.reserve("inn", 1, 1_000)
    await budget.reserve("cellar", 1_000, 1_000)
    with pytest.raises(BudgetSpent):
        await budget.reserve("attic", 1, 0)
    clock.advance(3_601)
    await budget.reserve("inn", 1_000, 1_000)


async def test_the_mark_of_what_is_remembered_outlives_an_instance(redis: Redis) -> None:
    """Zero before it was ever set."""
    assert await Marks(redis).remembered("inn") == 0
    await Marks(redis).remember("inn", 42)
    await Marks(redis).settle("inn", 40)
    assert await Marks(redis).remembered("inn") == 42
    assert await Marks(redis).settled("inn") == 40
