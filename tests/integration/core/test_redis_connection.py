"""Redis connections lose no cancellation."""

from __future__ import annotations

import asyncio
import random

from redis.asyncio import Redis

from services.compose import redis_client
from services.core.bus import notices


async def test_a_cancelled_task_ends_wherever_the_cancellation_meets_it(redis_server: str) -> None:
    """A task in the middle of commands ends at once when it is cancelled, at any moment: 400 moments are tried."""
    client = redis_client(redis_server)
    moments = random.Random(3)
    try:
        for _ in range(400):
            task = asyncio.create_task(_busy(client))
            for _ in range(moments.randrange(12)):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait((task,), timeout=5)
            assert task.cancelled()
    finally:
        await client.aclose()


async def test_a_cancelled_listener_ends_while_it_connects(redis_server: str) -> None:
    """The same for whoever waits for announcements, from its first step on."""
    client = redis_client(redis_server)
    try:
        for steps in range(80):
            task = asyncio.create_task(_listen(client))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait((task,), timeout=5)
            assert task.cancelled(), f"after {steps} steps"
    finally:
        await client.aclose()


async def test_answers_are_still_those_of_their_questions(redis_server: str) -> None:
    """After many cancelled commands no connection of the pool hands somebody the answer to another question."""
    client = redis_client(redis_server)
    moments = random.Random(5)
    try:
        for number in range(100):
            task = asyncio.ensure_future(client.echo(f"lost {number}"))
            for _ in range(moments.randrange(6)):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait((task,), timeout=5)
            assert await client.echo(f"kept {number}") == f"kept {number}".encode()
    finally:
        await client.aclose()


async def _busy(client: Redis) -> None:
    while True:
        await client.incr("busy")


async def _listen(client: Redis) -> None:
    async for _ in notices.listen(client, "some:channel"):
        pass
