"""One connection to RabbitMQ with its queues declared; when anything of it breaks, all of it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection, AbstractExchange
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ChannelPreconditionFailed
from yarl import URL

from services.core.ending import goes_on

NAME: Final = "souffleur.corrections"
_CONNECT_S: Final = 10.0
_CLOSE_S: Final = 2.0
_DEADLINE_S: Final = 5.0
_HEARTBEAT_S: Final = 5
"""A broker that is silent for about three of these is taken for gone."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Queues:
    """Names of the queues, and how often a letter is delivered."""

    name: str
    dead: str
    limit: int

    @property
    def arguments(self) -> dict[str, Any]:
        """Of the queue of corrections. The broker counts what came after the first delivery."""
        return {"x-queue-type": "quorum", "x-delivery-limit": self.limit - 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.dead}


@dataclass(frozen=True, slots=True)
class AmqpLink:
    """A connection that stands until it is `broken`."""

    connection: AbstractConnection
    exchange: AbstractExchange
    """The default exchange, on a channel with confirms."""
    broken: asyncio.Event = field(default_factory=asyncio.Event)

    def give_up(self) -> None:
        """Have it closed and made anew."""
        self.broken.set()


@asynccontextmanager
async def asked(deadline_s: float = _DEADLINE_S) -> AsyncIterator[None]:
    """Around whatever is asked of the broker. Raises `TimeoutError` behind the deadline, or what the library raises, but no cancellation that is none.

    A connection that is given up answers everything that is under way on it with a cancellation; it is one only if this task was cancelled.
    """
    try:
        async with asyncio.timeout(deadline_s):
            yield
    except asyncio.CancelledError:
        if not goes_on():
            raise
        raise ConnectionError("the connection to RabbitMQ was given up") from None


@asynccontextmanager
async def connected(url: URL, queues: Queues) -> AsyncIterator[AmqpLink]:
    """For the time of the block. Raises what the library raises, or `TimeoutError`."""
    # Not by `aio_pika.connect`: a connection that could not be made would be closed by the collector, on whatever loop runs then.
    connection = aio_pika.Connection(url.update_query(heartbeat=_HEARTBEAT_S))
    try:
        async with asked(_CONNECT_S):
            await connection.connect()
            await _declare(connection, queues)
            # Without the second, a letter that no queue takes would come back as if it had been kept.
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            link = AmqpLink(connection, channel.default_exchange)
        connection.close_callbacks.add(lambda *_: link.give_up())
        channel.close_callbacks.add(lambda *_: link.give_up())
        yield link
    finally:
        # A broker that does not answer any more does not answer the farewell either.
        with suppress(TimeoutError, *CONNECTION_EXCEPTIONS):
            async with asked(_CLOSE_S):
                await connection.close()


async def _declare(connection: AbstractConnection, queues: Queues) -> None:
    try:
        async with connection.channel() as channel:
            # A classic queue: what stands in it is looked at and put back, which a quorum queue would count as deliveries.
            await channel.declare_queue(queues.dead, durable=True)
            await channel.declare_queue(queues.name, durable=True, arguments=queues.arguments)
    except ChannelPreconditionFailed:
        # Declared earlier with other settings, or by a policy: it is used as it is.
        _log.warning("bus.declared_otherwise", queue=queues.name)
        async with connection.channel() as channel:
            for name in (queues.dead, queues.name):
                await channel.declare_queue(name, passive=True)
