"""The consumer of RabbitMQ's queue of corrections, over one link after the other."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from services.core.bus.amqp_link import AmqpLink, asked
from services.core.bus.corrections import PREFETCH, Handler, Letter, Verdict, verdict_of
from services.core.bus.hands import Hands
from services.core.errors import InvalidRequest

_log = structlog.get_logger(__name__)


class AmqpReader:
    """Delivers letters to one handler."""

    def __init__(self, queue: str, handler: Handler) -> None:
        """Reads when told to."""
        self._queue = queue
        self._handler = handler
        self._channel: AbstractChannel | None = None
        self._lost: Callable[..., None] = _nothing
        self.stopping = False
        self.hands: Hands[tuple[int, int]] = Hands(PREFETCH)

    async def read(self, link: AmqpLink) -> None:
        """Consume until the link breaks."""
        async with asked():
            channel = await link.connection.channel(publisher_confirms=False)
            self._lost = lambda *_: link.give_up()
            channel.close_callbacks.add(self._lost)
            await channel.set_qos(PREFETCH)
            queue = await channel.get_queue(self._queue)
            self._channel = channel
            await queue.consume(self._taken, consumer_tag=self._tag(channel))
        await link.broken.wait()
        self._channel = None

    async def stop(self) -> None:
        """No new letters; those in hand can still be acknowledged."""
        self.stopping = True
        if self._channel is not None:
            try:
                async with asked():
                    await (await self._channel.get_queue(self._queue, ensure=False)).cancel(self._tag(self._channel))
            except (*CONNECTION_EXCEPTIONS, TimeoutError) as error:
                _log.info("bus.not_cancelled", error=type(error).__name__)

    async def close(self) -> None:
        """What is still in hand goes back at once; the link stays."""
        if self._channel is not None:
            try:
                self._channel.close_callbacks.discard(self._lost)
                async with asked():
                    await self._channel.close()
            except (*CONNECTION_EXCEPTIONS, TimeoutError) as error:
                _log.info("bus.not_closed", error=type(error).__name__)

    @staticmethod
    def _tag(channel: AbstractChannel) -> str:
        return f"corrections-{id(channel)}"

    async def _taken(self, message: AbstractIncomingMessage) -> None:
        if not self.stopping:
            self.hands.take((id(message.channel), message.delivery_tag or 0), self._handled(message))

    async def _handled(self, message: AbstractIncomingMessage) -> None:
        """Until the broker is told what became of it; without a link it is let go, and comes again."""
        try:
            letter = Letter.from_bytes(message.body)
        except InvalidRequest:
            verdict = Verdict.DEAD
        else:
            verdict = await verdict_of(self._handler, letter, _attempt(message))
        try:
            async with asked():
                if verdict is Verdict.DONE:
                    await message.ack()
                else:
                    await message.reject(requeue=verdict is Verdict.RETRY)
        except (*CONNECTION_EXCEPTIONS, TimeoutError) as error:
            _log.info("bus.not_acknowledged", error=type(error).__name__)


def _nothing(*_: object) -> None:
    """Nobody listens to a channel that was never opened."""


def _attempt(message: AbstractIncomingMessage) -> int:
    counted = message.headers.get("x-delivery-count", 0)
    return (counted if isinstance(counted, int) else 0) + 1
