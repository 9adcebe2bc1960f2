"""A store that neither answers nor closes its connections: nobody waits for it for longer than they have to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from structlog.testing import capture_logs

from services.compose import redis_client
from services.core.errors import Unavailable
from services.core.model.fact import Author, Draft, Kind
from services.transcript import tailing
from services.transcript.log import TranscriptLog
from tests.integration.stage.houses import INN, opened_house
from tests.redis_server import RedisServer, running_redis
from tests.unit.services.transcript.drafts import said
from tests.waiting import until

RAIN = Draft(key="rain", kind=Kind.NOTED, at_ms=0, by=Author("director"), body={"text": "It rains."})


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """One that may be frozen; it is not when the test ends."""
    with running_redis() as running:
        yield running


@pytest_asyncio.fixture
async def store(server: RedisServer) -> AsyncIterator[Redis]:
    """A client as in production."""
    client = redis_client(server.url)
    yield client
    await client.aclose()


async def test_a_session_whose_store_hangs_is_given_up_in_time(server: RedisServer, store: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when the client below has tried often enough; what was told stands once, whoever tells it again."""
    monkeypatch.setattr("services.stage.writer._PATIENCE_S", 1.0)
    async with opened_house(store, tmp_path) as (house, _):
        await house.open(INN)
        session = (await house.get("inn")).session
        await session.write(Draft(key="first", kind=Kind.NOTED, at_ms=0, by=Author("director"), body={"text": "Fog."}))
        server.freeze(on=True)
        try:
            async with asyncio.timeout(8):
                with pytest.raises(Unavailable):
                    await session.write(RAIN)
        finally:
            server.freeze(on=False)
        await until(lambda: "inn" not in house._owned, 20, "the end of it here")
        await (await house.get("inn")).session.write(RAIN)
        notes = [fact.body["text"] for fact in await house.log.read("inn") if fact.kind == Kind.NOTED]
        assert notes == ["Fog.", "It rains."]


async def test_a_connection_over_which_nothing_comes_is_left_for_another(server: RedisServer) -> None:
    """Within seconds: the way may be gone, and the store not."""
    opened: list[asyncio.Task[None]] = []

    async def way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        opened.append(task)
        if len(opened) > 1:
            there, back = await asyncio.open_unix_connection(server.socket)
            await asyncio.wait([asyncio.create_task(_pass(reader, back)), asyncio.create_task(_pass(there, writer))], return_when=asyncio.FIRST_COMPLETED)
            back.close()
        else:
            await reader.read(-1)
        writer.close()

    async with await asyncio.start_unix_server(way, server.folder / "p"):
        client = redis_client(f"unix://{server.folder / 'p'}")
        async with asyncio.timeout(8):
            assert await client.ping()
        assert len(opened) == 2
        await client.aclose()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def test_a_tail_for_which_nothing_comes_is_no_silent_store(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may wait for longer than an answer may take."""
    monkeypatch.setattr(tailing, "_BLOCK_MS", 900)
    monkeypatch.setattr("services.compose._ANSWER_S", 0.5)
    store = redis_client(server.url)
    log = TranscriptLog(store)
    fence = await log.claim("s", "unix:/tmp/a", 60)
    with capture_logs() as logs:
        async with aclosing(log.tail("s", 0)) as tail:
            waiting = asyncio.ensure_future(anext(tail))
            done, _ = await asyncio.wait([waiting], timeout=1.5)
            assert not done
            await log.append("s", [said("u1")], fence)
            assert (await asyncio.wait_for(waiting, 10)).seq == 1
    assert "tail.interrupted" not in [item["event"] for item in logs]
    await store.aclose()
