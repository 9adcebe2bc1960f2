"""A house per test, on the bus that the test asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from redis.asyncio import Redis

from tests.integration.corrections.house import House
from tests.integration.corrections.house import house as opened


@pytest_asyncio.fixture
async def house(redis: Redis, redis_server: str, tmp_path: Path) -> AsyncIterator[House]:
    """On Redis streams."""
    async with opened(tmp_path, redis_server, {}) as found:
        yield found
