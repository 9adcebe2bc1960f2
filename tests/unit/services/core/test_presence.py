"""Presence: who runs is known while it runs."""

from __future__ import annotations

import asyncio
import os

from redis.asyncio import Redis

from services.compose import redis_client
from services.core.clock import ManualClock
from services.core.presence import everybody, present
from tests.redis_server import running_redis


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


async def test_leaving_does_not_wait_for_a_store_that_stands_still() -> None:
    """It forgets the instance by itself."""
    with running_redis() as server:
        client = redis_client(server.url)
        try:
            async with asyncio.timeout(20), present(client, ManualClock(), "stt", "unix:/x.sock"):
                server.freeze(on=True)
        finally:
            server.freeze(on=False)
            await client.aclose()
