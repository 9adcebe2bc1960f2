"""Presence: every running service says who and where it is, in the store that all share; silence for a while means it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.core.clock import Clock
from services.core.ending import goes_on

_PREFIX: Final = "souffleur:presence:"
_LIFE_MS: Final = 15_000
_RENEW_S: Final = 5.0
_FAREWELL_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """One instance of a service."""

    service: str
    pid: int
    host: str
    address: str
    """`unix:<path>`, `host:port`, or the URL of an HTTP server."""
    started_at_ms: int


@asynccontextmanager
async def present(redis: Redis, clock: Clock, service: str, address: str) -> AsyncIterator[None]:
    """Announce this process as an instance of `service` for the time of the block."""
    mine = Presence(service=service, pid=os.getpid(), host=socket.gethostname(), address=address, started_at_ms=clock.wall_ms())
    # By address and not by pid: whoever listens there now replaces one that was killed there a moment ago.
    key = f"{_PREFIX}{service}:{mine.host}:{address}"
    await _say(redis, key, mine)
    renewal = asyncio.create_task(_renew(redis, key, mine), name=f"presence-{service}")
    try:
        yield
    finally:
        renewal.cancel()
        # Not awaited itself: its cancellation would look like one of our own, and the other way round.
        await asyncio.wait([renewal])
        # A dead store forgets it by itself.
        with contextlib.suppress(RedisError, OSError):
            async with asyncio.timeout(_FAREWELL_S):
                await redis.delete(key)


async def everybody(redis: Redis) -> list[Presence]:
    """All instances that were heard of lately, by service and then by age."""
    keys = [key async for key in redis.scan_iter(match=f"{_PREFIX}*", count=500)]
    values = await redis.mget(keys) if keys else []
    found = [Presence(**json.loads(value)) for value in values if value is not None]
    return sorted(found, key=lambda item: (item.service, item.started_at_ms))


async def _say(redis: Redis, key: str, mine: Presence) -> None:
    await redis.set(key, json.dumps(asdict(mine)), px=_LIFE_MS)


async def _renew(redis: Redis, key: str, mine: Presence) -> None:
    while goes_on():
        await asyncio.sleep(_RENEW_S)
        with contextlib.suppress(RedisError, OSError):
            await _say(redis, key, mine)
