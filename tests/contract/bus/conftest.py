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
from tests.rabbitmq_server import RabbitServer, running_rabbit
from tests.redis_server import RedisServer, running_redis


@pytest.fixture(scope="module", params=["redis", "amqp"])
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer | RabbitServer]:
    """A server of its own per module, since it is killed."""
    with running_redis(fsync="always") if request.param == "redis" else running_rabbit() as found:
        yield found


@pytest.fixture
def abandoned_ms() -> int:
    """After which a letter in somebody's hand is taken for abandoned, where the bus has no connection to tell by."""
    return 300


@pytest.fixture
def broker(server: RedisServer | RabbitServer, monkeypatch: pytest.MonkeyPatch, abandoned_ms: int) -> Broker:
    """With queues that no other test knows, and a link that is tried again at once."""
    monkeypatch.setattr("services.core.bus.amqp._LONGEST_PAUSE_S", 0.2)

    def freeze(on: bool) -> None:  # noqa: FBT001
        server.freeze(on=on)

    if isinstance(server, RabbitServer):
        return Broker("amqp", lambda name: AmqpBus(server.url, delivery_limit=LIMIT, name=name).open(), server.kill, server.start, freeze, server.knows)

    @asynccontextmanager
    async def opened(name: str) -> AsyncIterator[CorrectionBus]:
        client = redis_client(server.url)
        try:
            async with StreamsBus(client, delivery_limit=LIMIT, name=name, abandoned_ms=abandoned_ms).open() as bus:
                yield bus
        finally:
            await client.aclose()

    return Broker("redis", opened, server.kill, server.start, freeze)
