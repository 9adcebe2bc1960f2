"""A house per test, and brokers that may be killed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.integration.corrections.house import House
from tests.integration.corrections.house import house as opened
from tests.rabbitmq_server import RabbitServer, running_rabbit


@pytest_asyncio.fixture
async def house(redis: Redis, redis_server: str, tmp_path: Path) -> AsyncIterator[House]:
    """On Redis streams."""
    async with opened(tmp_path, redis_server, {}) as found:
        yield found


@pytest.fixture
def rabbit() -> Iterator[RabbitServer]:
    """A RabbitMQ of the test's own: one that was killed under load has letters left over and is slow for a while."""
    with running_rabbit() as server:
        yield server
