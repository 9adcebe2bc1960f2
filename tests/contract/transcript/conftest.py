"""The databases and the Redis servers that every store must work on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from services.compose import redis_client
from services.transcript.log import TranscriptLog
from tests.postgres_server import running_postgres
from tests.redis_server import BINARIES, RedisServer, running_redis


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    """A running PostgreSQL."""
    with running_postgres() as server:
        yield server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of the database under test."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/deep/database.sqlite3"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="module", params=BINARIES)
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """One of the servers."""
    with running_redis(BINARIES[request.param]()) as running:
        yield running


@pytest_asyncio.fixture
async def store(server: RedisServer) -> AsyncIterator[Redis]:
    """A client to that server, emptied."""
    client = redis_client(server.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def log(store: Redis) -> TranscriptLog:
    """The log under test."""
    return TranscriptLog(store)
