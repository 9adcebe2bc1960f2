"""kill -9 of Redis under load: every acknowledged fact is there once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from structlog.testing import capture_logs

from services.compose import redis_client
from services.core.errors import Recovering, Unavailable
from services.core.model.fact import Fact
from services.transcript import tailing
from services.transcript.log import TranscriptLog
from tests.redis_server import BINARIES, RedisServer, running_redis
from tests.unit.services.transcript.drafts import said

KILLS = 3


@pytest.fixture(params=BINARIES)
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server that acknowledges after fsync, of this test's own."""
    with running_redis(BINARIES[request.param](), fsync="always") as running:
        yield running


@pytest_asyncio.fixture
async def store(server: RedisServer) -> AsyncIterator[Redis]:
    """A client as in production."""
    client = redis_client(server.url)
    yield client
    await client.aclose()


async def _append_all(log: TranscriptLog, fence: int, count: int, acknowledged: list[Fact]) -> None:
    """As the stage does: the same drafts again until they are acknowledged."""
    for number in range(count):
        while True:
            try:
                acknowledged += await log.append("s", [said(f"u{number}"), said(f"v{number}")], fence)
                break
            except Unavailable:
                await asyncio.sleep(0.01)


async def test_acknowledged_facts_survive(server: RedisServer, store: Redis) -> None:
    """Killed again and again while facts are appended and tailed: none is lost, doubled or out of order, for reader and tail alike."""
    log = TranscriptLog(store)
    fence = await log.claim("s", "unix:/tmp/a", 60)
    acknowledged: list[Fact] = []
    tailed: list[Fact] = []
    count = 300

    async def follow() -> None:
        async with aclosing(log.tail("s", 0)) as tail:
            async for fact in tail:
                tailed.append(fact)
                if len(tailed) == 2 * count:
                    return

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(follow())
        group.create_task(_append_all(log, fence, count, acknowledged))
        for kill in range(1, KILLS + 1):
            while len(acknowledged) < kill * count // 2:
                await asyncio.sleep(0.001)
            server.kill()
            await asyncio.to_thread(server.start)
    assert [fact.seq for fact in acknowledged] == list(range(1, 2 * count + 1))
    assert await log.read("s") == acknowledged
    assert tailed == acknowledged


async def test_a_tail_outlives_a_long_absence(server: RedisServer, store: Redis) -> None:
    """A reader waits for as long as the store is away, longer than the client itself retries, and then goes on with the next fact."""
    log = TranscriptLog(store)
    fence = await log.claim("s", "unix:/tmp/a", 60)
    await log.append("s", [said("u1")], fence)
    async with aclosing(log.tail("s", 0)) as tail:
        assert (await anext(tail)).seq == 1
        with capture_logs() as logs:
            waiting = asyncio.ensure_future(anext(tail))
            server.kill()
            async with asyncio.timeout(10):
                while not logs:
                    await asyncio.sleep(0.01)
        assert [item["event"] for item in logs] == ["tail.interrupted"]
        await asyncio.to_thread(server.start)
        await log.append("s", [said("u2")], fence)
        assert (await asyncio.wait_for(waiting, 10)).seq == 2


async def test_a_tail_ahead_of_the_store_says_so(store: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has seen more than the store holds is told if nobody gives it back, instead of waiting for numbers that would be given out again."""
    monkeypatch.setattr(tailing, "_PATIENCE_S", 0.5)
    log = TranscriptLog(store)
    await log.append("s", [said("u1")], await log.claim("s", "unix:/tmp/a", 60))
    async with aclosing(log.tail("s", 2)) as tail:
        with pytest.raises(Recovering):
            await asyncio.wait_for(anext(tail), 5)


async def test_a_claim_survives(server: RedisServer, store: Redis) -> None:
    """The fence is durable: after a restart the owner goes on under it, and an older one stays refused."""
    log = TranscriptLog(store)
    await log.claim("s", "unix:/tmp/a", 60)
    fence = await log.claim("s", "unix:/tmp/a", 60)
    server.kill()
    server.start()
    assert [fact.seq for fact in await log.append("s", [said("u")], fence)] == [1]
    assert await log.owner("s") == "unix:/tmp/a"
