"""One consumer of a stream of letters: reads, keeps what it has in hand, takes over what others died with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from ulid import ULID

from services.core.bus.corrections import PREFETCH, Handler, Letter, Link, Verdict, verdict_of
from services.core.bus.hands import Hands
from services.core.ending import goes_on
from services.core.errors import InvalidRequest, Unavailable

DEADLINE_S: Final = 5.0
_GROUP: Final = "corrections"
_BLOCK_MS: Final = 1_000
"""Well below the socket timeout of `compose.redis_client`."""
_BEAT_S: Final = 1.0
"""How often a consumer says that it is still at the letters in its hand, and looks for those of others."""
_MOST_DEAD: Final = 10_000
"""Letters that are put aside; the oldest go first."""
_GONE_MS: Final = 600_000
_RETRY_S: Final = 0.5
_NO_GROUP: Final = "NOGROUP"

_log = structlog.get_logger(__name__)
_Fields = dict[bytes, bytes]
T = TypeVar("T")


class StreamReader:
    """Delivers letters of one stream to one handler."""

    def __init__(self, redis: Redis, stream: str, dead: str, handler: Handler, link: Link, *, limit: int, abandoned_ms: int) -> None:
        """Reads within `running`."""
        self._redis = redis
        self._stream = stream
        self._dead = dead
        self._handler = handler
        self._link = link
        self._limit = limit
        self._abandoned_ms = abandoned_ms
        self._name = str(ULID()).lower()
        self._hands: Hands[str] = Hands(PREFETCH)

    @asynccontextmanager
    async def running(self, drain_s: float) -> AsyncIterator[None]:
        """For the time of the block. Leaving: no new letters, `drain_s` for those in hand."""
        reading = asyncio.create_task(self._read(), name="bus-read")
        tending = asyncio.create_task(self._tend(), name="bus-tend")
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.wait([reading])
            # The tending goes on meanwhile: nobody else shall take what is still in hand.
            await self._hands.drain(drain_s)
            tending.cancel()
            await asyncio.wait([tending])
            with suppress(TimeoutError):
                async with asyncio.timeout(DEADLINE_S):
                    await self._leave()

    async def _read(self) -> None:
        while goes_on():
            await self._hands.free()
            try:
                streams = cast(Any, {self._stream: ">"})
                answer: Any = await self._redis.xreadgroup(_GROUP, self._name, streams, count=self._hands.room, block=_BLOCK_MS)
            except (RedisError, OSError) as error:
                await self._after(error)
                continue
            self._link.up()
            for _, entries in answer or []:
                for entry, fields in entries:
                    self._take(entry.decode(), fields, 1)

    async def _after(self, error: Exception) -> None:
        """The group is not there yet, or no longer, or the store does not answer."""
        if str(error).startswith(_NO_GROUP):
            try:
                await self._redis.xgroup_create(self._stream, _GROUP, id="0", mkstream=True)
            except (RedisError, OSError) as other:
                error = other
            # Made by us or, in the same moment, by somebody else.
            if str(error).startswith((_NO_GROUP, "BUSYGROUP")):
                return
        _log.warning("bus.unavailable", error=type(error).__name__)
        self._link.down()
        await asyncio.sleep(_RETRY_S)

    def _take(self, entry: str, fields: _Fields, attempt: int) -> None:
        if entry not in self._hands:
            self._hands.take(entry, self._handled(entry, fields, attempt))

    async def _handled(self, entry: str, fields: _Fields, attempt: int) -> None:
        """Until it is acknowledged or dead. Without a store it is let go, and comes again."""
        try:
            try:
                letter = Letter.from_bytes(fields.get(b"letter", b""))
            except InvalidRequest:
                await self._bury(entry, fields, attempt, "unreadable")
                return
            while attempt <= self._limit:
                verdict = await verdict_of(self._handler, letter, attempt)
                if verdict is Verdict.DONE:
                    await self._done(entry)
                    return
                if verdict is Verdict.DEAD:
                    await self._bury(entry, fields, attempt, "refused")
                    return
                # Counted in the store: whoever takes it over knows how often it was tried.
                await answered(self._redis.xclaim(self._stream, _GROUP, self._name, 0, [entry]))
                attempt += 1
            await self._bury(entry, fields, attempt - 1, "delivery limit")
        except Unavailable:
            self._link.down()

    async def _done(self, entry: str) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xack(self._stream, _GROUP, entry)
            pipe.xdel(self._stream, entry)
            await answered(pipe.execute())

    async def _bury(self, entry: str, fields: _Fields, attempts: int, reason: str) -> None:
        about = {b"letter": fields.get(b"letter", b""), b"attempts": attempts, b"reason": reason, b"at_ms": time.time_ns() // 1_000_000}
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(self._dead, cast(Any, about), maxlen=_MOST_DEAD, approximate=False)
            pipe.xack(self._stream, _GROUP, entry)
            pipe.xdel(self._stream, entry)
            await answered(pipe.execute())

    async def _tend(self) -> None:
        while goes_on():
            await asyncio.sleep(_BEAT_S)
            try:
                if held := list(self._hands):
                    # Says that they are in hand, without counting as a delivery.
                    await self._redis.xclaim(self._stream, _GROUP, self._name, 0, cast(Any, held), justid=True)
                if self._hands.room:
                    await self._adopt()
            except (RedisError, OSError) as error:
                if not str(error).startswith(_NO_GROUP):
                    _log.warning("bus.not_tended", error=type(error).__name__)

    async def _adopt(self) -> None:
        """Letters of those who died with them in their hands."""
        answer: Any = await self._redis.xautoclaim(self._stream, _GROUP, self._name, self._abandoned_ms, "0-0", count=self._hands.room)
        for entry, fields in answer[1]:
            if entry is not None and fields is not None:
                known: Any = await self._redis.xpending_range(self._stream, _GROUP, entry, entry, 1)
                self._take(entry.decode(), fields, int(known[0]["times_delivered"]) if known else 1)

    async def _leave(self) -> None:
        """Whoever leaves with nothing in hand need not be remembered; others who ended without saying so neither."""
        try:
            consumers: Any = await self._redis.xinfo_consumers(self._stream, _GROUP)
            for consumer in consumers:
                its = consumer["name"].decode()
                if not consumer["pending"] and (its == self._name or consumer["idle"] > _GONE_MS):
                    await self._redis.xgroup_delconsumer(self._stream, _GROUP, its)
        except (RedisError, OSError) as error:
            _log.info("bus.consumer_stays", error=type(error).__name__)


async def answered(asked: Awaitable[T]) -> T:
    """What the store answers. Raises `Unavailable`."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await asked
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable("the store of corrections does not answer") from error
