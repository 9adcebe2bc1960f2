"""Corrections over Redis streams: the bus where no RabbitMQ is configured. One stream holds what is not yet acknowledged, a second one the dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.core.bus.corrections import DRAIN_S, LARGEST_PAGE, Counts, DeadLetter, Handler, Letter, Link
from services.core.bus.stream_reader import DEADLINE_S, StreamReader, answered
from services.core.ending import goes_on
from services.core.errors import InvalidRequest, NotFound

NAME: Final = "souffleur:corrections"
_BEAT_S: Final = 1.0
_ABANDONED_MS: Final = 4_000
"""A letter of which its consumer has not said for this long that it is at it belongs to whoever takes it."""

_Fields = dict[bytes, bytes]


class StreamsBus:
    """`CorrectionBus` in Redis."""

    kind = "redis"

    def __init__(self, redis: Redis, *, delivery_limit: int, name: str = NAME, abandoned_ms: int = _ABANDONED_MS) -> None:
        """`redis` as made by `compose.redis_client`; to be opened by `open`."""
        self.link = Link()
        self._redis = redis
        self._limit = delivery_limit
        self._abandoned_ms = abandoned_ms
        # One hash slot: a letter moves from one stream to the other in one transaction.
        self._stream, self._dead = f"{{{name}}}", f"{{{name}}}:dead"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[StreamsBus]:
        """Know whether the store answers, for the time of the block."""
        watch = asyncio.create_task(self._watch(), name="bus-watch")
        try:
            yield self
        finally:
            watch.cancel()
            await asyncio.wait([watch])

    async def publish(self, letter: Letter) -> None:
        """One entry; safe as far as the store's own durability goes."""
        await answered(self._redis.xadd(self._stream, {"letter": letter.to_bytes()}))

    @asynccontextmanager
    async def consuming(self, handler: Handler, drain_s: float = DRAIN_S) -> AsyncIterator[None]:
        """As a consumer of its own in the group."""
        reader = StreamReader(self._redis, self._stream, self._dead, handler, self.link, limit=self._limit, abandoned_ms=self._abandoned_ms)
        async with reader.running(drain_s):
            yield

    async def counts(self) -> Counts:
        """Lengths of both streams: an acknowledged entry is removed."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xlen(self._stream)
            pipe.xlen(self._dead)
            depth, dead = await answered(pipe.execute())
        return Counts(int(depth), int(dead))

    async def dead(self, limit: int = 100) -> list[DeadLetter]:
        """In the order in which they died."""
        return [_dead_letter(entry, fields) for entry, fields in await self._page("-", min(limit, LARGEST_PAGE))]

    async def retry(self, id: str) -> DeadLetter:  # noqa: A002 - its name
        """From the one stream to the other, in one transaction."""
        entry, found = await self._find(id)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(self._stream, {"letter": found.letter.to_bytes()})
            pipe.xdel(self._dead, entry)
            await answered(pipe.execute())
        return found

    async def drop(self, id: str) -> DeadLetter:  # noqa: A002 - its name
        """Remove the entry."""
        entry, found = await self._find(id)
        await answered(self._redis.xdel(self._dead, entry))
        return found

    async def _find(self, id: str) -> tuple[bytes, DeadLetter]:  # noqa: A002 - its name
        start = "-"
        while page := await self._page(start, LARGEST_PAGE):
            for entry, fields in page:
                if (letter := _dead_letter(entry, fields)).letter.id == id:
                    return entry, letter
            start = f"({page[-1][0].decode()}"
        raise NotFound("There is no dead letter of that id.")

    async def _page(self, start: str, count: int) -> list[tuple[bytes, _Fields]]:
        found: Any = await answered(self._redis.xrange(self._dead, min=start, count=count))
        return cast(list[tuple[bytes, _Fields]], found)

    async def _watch(self) -> None:
        while goes_on():
            try:
                async with asyncio.timeout(DEADLINE_S):
                    await self._redis.ping()
                self.link.up()
            except (RedisError, OSError, TimeoutError):
                self.link.down()
            await asyncio.sleep(_BEAT_S)


def _dead_letter(entry: bytes, fields: _Fields) -> DeadLetter:
    try:
        letter = Letter.from_bytes(fields.get(b"letter", b""))
    except InvalidRequest:
        letter = Letter(id=entry.decode(), session="", correction="")
    text = {key.decode(): value.decode(errors="replace") for key, value in fields.items() if key != b"letter"}
    return DeadLetter(letter, int(text.get("attempts", 0)), int(text.get("at_ms", 0)), text.get("reason", ""))
