"""Presence: who runs is known while it runs."""

from __future__ import annotations

import os

from redis.asyncio import Redis

from services.core.clock import ManualClock
from services.core.presence import everybody, present


async def test_a_running_service_is_known(redis: Redis) -> None:
    """For the time of the block the instance is listed with its pid and address."""
    async with present(redis, ManualClock(wall_ms=5), "stt", "unix:/x.sock"):
        (mine,) = await everybody(redis)
        assert (mine.service, mine.pid, mine.address, mine.started_at_ms) == ("stt", os.getpid(), "unix:/x.sock", 5)
    assert await everybody(redis) == []


async def test_an_instance_that_stops_renewing_is_forgotten(redis: Redis) -> None:
    """The announcement has an end of its own, for processes that cannot take it back."""
    async with present(redis, ManualClock(), "stt", "unix:/x.sock"):
        (key,) = await redis.keys("souffleur:presence:*")
        assert 0 < await redis.pttl(key) <= 15_000
