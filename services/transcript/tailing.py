"""Following a session's stream: blocks in Redis, outlives its restarts, never skips or repeats a fact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, cast

import structlog
from redis.asyncio import ConnectionPool, Redis

from services.core.errors import NotFound, Recovering, Unavailable
from services.transcript.store import Entry, entry_of, keys_of, store_errors

_BLOCK_MS: Final = 4000
_COUNT: Final = 200
_PATIENCE_S: Final = 10.0
"""How long an owner has to give the store back what it lost."""
_BACKOFF_S: Final = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)

_log = structlog.get_logger(__name__)


class Trimmed(NotFound):
    """The next facts are only in the archive."""


async def follow(redis: Redis, sid: str, after: int) -> AsyncGenerator[Entry, None]:
    """Every entry behind `after`, and then each new one, for ever.

    Raises `Trimmed` when the next entry has been trimmed (the archive has it), and `Recovering` when the store came back
    with less than the caller has seen, and nobody gave it back.
    """
    keys = keys_of(sid)
    cursor = after
    own = _own_connection(redis)
    checked = False
    failures = 0
    patience_s = _PATIENCE_S
    try:
        while not _cancelled():
            try:
                if not checked:
                    await _check_head(own, keys.index, cursor)
                    checked = True
                entries = await _next(own, keys.stream, cursor)
                failures, patience_s = 0, _PATIENCE_S
            except Recovering:
                # Its owner gives it back what is missing.
                if patience_s <= 0:
                    raise
                patience_s -= _BACKOFF_S[-1]
                await asyncio.sleep(_BACKOFF_S[-1])
                continue
            except Unavailable as error:
                if failures == 0:
                    _log.warning("tail.interrupted", session=sid, after=cursor, detail=error.detail)
                checked = False
                await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                failures += 1
                continue
            for entry in entries:
                if entry.seq != cursor + 1:
                    raise Trimmed(f"facts {cursor + 1} to {entry.seq - 1} are only in the archive")
                cursor = entry.seq
                yield entry
    finally:
        await own.aclose()


def _cancelled() -> bool:
    """redis-py may swallow a cancellation that arrives together with an answer (Python 3.11's `wait_for`): look for it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _own_connection(redis: Redis) -> Redis:
    # A blocked reader keeps its connection busy: taken from the shared pool, many readers would starve the appends.
    shared = redis.connection_pool
    options = dict(shared.connection_kwargs)
    if (patience_s := options.get("socket_timeout")) is not None:
        # As long as it was told to wait for, nothing has to come over it.
        options["socket_timeout"] = patience_s + _BLOCK_MS / 1000
    return Redis.from_pool(ConnectionPool(connection_class=shared.connection_class, max_connections=1, **options))


async def _check_head(redis: Redis, index: str, cursor: int) -> None:
    async with store_errors():
        head = int(cast(bytes | None, await redis.hget(index, "head")) or 0)
    # None at all: nobody owns it, and the store has forgotten it. Whoever takes it up restores it first.
    if 0 < head < cursor:
        raise Recovering(f"the transcript ends at {head}, before {cursor}; read it again from the archive")


async def _next(redis: Redis, stream: str, cursor: int) -> list[Entry]:
    async with store_errors():
        answer = cast(list[tuple[bytes, list[object]]], await redis.xread({stream: f"{cursor}-0"}, count=_COUNT, block=_BLOCK_MS) or [])
    return [entry_of(item) for _, items in answer for item in items]
