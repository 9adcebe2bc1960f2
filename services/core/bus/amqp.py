"""Corrections over RabbitMQ: a quorum queue, publisher's confirms, a limit of deliveries, and a queue for the dead. Nothing takes its place when it is down."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, PublishError
from yarl import URL

from services.core.bus.amqp_dead import buried, dead_letter
from services.core.bus.amqp_link import NAME, AmqpLink, Queues, asked, connected
from services.core.bus.amqp_reader import AmqpReader
from services.core.bus.corrections import DRAIN_S, LARGEST_PAGE, Counts, DeadLetter, Handler, Letter, Link
from services.core.ending import goes_on
from services.core.errors import NotFound, SettingsRejected, Unavailable

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 3.0
_SEARCHED: Final = 10_000
"""Dead letters that are looked through for one."""
FAILURES: Final = (*CONNECTION_EXCEPTIONS, TimeoutError)

_log = structlog.get_logger(__name__)


class AmqpBus:
    """`CorrectionBus` in RabbitMQ."""

    kind = "amqp"

    def __init__(self, url: str, *, delivery_limit: int, name: str = NAME) -> None:
        """`url` is amqp:// or amqps://; to be opened by `open`. Raises `SettingsRejected`."""
        try:
            self._url = URL(url)
        except ValueError:
            self._url = URL()
        if self._url.scheme not in ("amqp", "amqps") or not self._url.host:
            raise SettingsRejected("bus.url: amqp://user:password@host:5672/vhost, or empty for streams in Redis")
        self.link = Link()
        self._queues = Queues(name, f"{name}.dead", delivery_limit)
        self._open: AmqpLink | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AmqpBus]:
        """Connected, whenever that is possible, for the time of the block."""
        keeping = asyncio.create_task(self._keep(), name="bus-link")
        try:
            yield self
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    async def publish(self, letter: Letter) -> None:
        """Confirmed by the queue, which has it on disk."""
        link = self._linked()
        message = aio_pika.Message(
            letter.to_bytes(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT, message_id=letter.id, content_type="application/json", type="correction"
        )
        try:
            async with asked():
                await link.exchange.publish(message, self._queues.name, mandatory=True)
        except PublishError as error:
            # The queue is gone: only a new link declares it again.
            link.give_up()
            raise Unavailable("the queue of corrections is not there") from error
        except FAILURES as error:
            # A broker that takes letters and confirms none is no better than none: whoever waits for it is told when it is back.
            link.give_up()
            raise Unavailable("RabbitMQ did not confirm the letter") from error

    @asynccontextmanager
    async def consuming(self, handler: Handler, drain_s: float = DRAIN_S) -> AsyncIterator[None]:
        """Over as many links as it takes."""
        reader = AmqpReader(self._queues.name, handler)
        reading = asyncio.create_task(self._read(reader), name="bus-read")
        try:
            yield
        finally:
            try:
                await reader.stop()
                await reader.hands.drain(drain_s)
            finally:
                reading.cancel()
                await asyncio.wait([reading])
                await reader.close()

    async def counts(self) -> Counts:
        """What waits; RabbitMQ does not tell here how many are in hand."""
        async with self._channel() as channel:
            depth = (await channel.declare_queue(self._queues.name, passive=True)).declaration_result.message_count
            dead = (await channel.declare_queue(self._queues.dead, passive=True)).declaration_result.message_count
        return Counts(depth or 0, dead or 0)

    async def dead(self, limit: int = 100) -> list[DeadLetter]:
        """Looked at and put back."""
        async with self._channel() as channel:
            return [dead_letter(message, self._queues.limit) async for message in buried(channel, self._queues.dead, min(limit, LARGEST_PAGE))]

    async def retry(self, id: str) -> DeadLetter:  # noqa: A002 - its name
        """Published anew, and then taken from the dead."""
        async with self._channel() as channel:
            message, found = await self._find(channel, id)
            await self.publish(found.letter)
            await message.ack()
        return found

    async def drop(self, id: str) -> DeadLetter:  # noqa: A002 - its name
        """Taken from the dead."""
        async with self._channel() as channel:
            message, found = await self._find(channel, id)
            await message.ack()
        return found

    async def _find(self, channel: AbstractChannel, id: str) -> tuple[AbstractIncomingMessage, DeadLetter]:  # noqa: A002 - its name
        async for message in buried(channel, self._queues.dead, _SEARCHED):
            if (found := dead_letter(message, self._queues.limit)).letter.id == id:
                return message, found
        raise NotFound("There is no dead letter of that id.")

    # The link.

    def _linked(self) -> AmqpLink:
        if self._open is None:
            raise Unavailable("RabbitMQ cannot be reached")
        return self._open

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        """One for a single question: what is not acknowledged when it closes goes back to its place."""
        link = self._linked()
        try:
            async with asked(), link.connection.channel(publisher_confirms=False) as channel:
                yield channel
        except FAILURES as error:
            raise Unavailable("RabbitMQ does not answer") from error

    async def _keep(self) -> None:
        """Connect, and when the link breaks, again; the pauses grow while nobody answers."""
        # It would say so with every attempt; we say so once.
        logging.getLogger("aiormq.connection").setLevel(logging.CRITICAL)
        pause, silent = _FIRST_PAUSE_S, False
        while goes_on():
            try:
                async with connected(self._url, self._queues) as link:
                    _log.info("bus.connected", kind=self.kind)
                    self._open = link
                    self.link.up()
                    pause, silent = _FIRST_PAUSE_S, False
                    await link.broken.wait()
            except FAILURES as error:
                if not silent:
                    _log.warning("bus.unavailable", kind=self.kind, error=type(error).__name__)
                silent = True
            finally:
                self._open = None
                self.link.down()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - only so that not all come at once
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _read(self, reader: AmqpReader) -> None:
        seen = 0
        while goes_on() and not reader.stopping:
            seen = await self.link.next_up(seen)
            if (link := self._open) is None:
                continue
            try:
                await reader.read(link)
            except FAILURES as error:
                _log.warning("bus.not_read", error=type(error).__name__)
            # A reader that ended while the link stands would never be told to begin again.
            link.give_up()
