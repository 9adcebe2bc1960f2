"""Seeing to it that what was taken out of a stream leaves the store's append-only file as well, whoever dies over it."""

from __future__ import annotations

from typing import Final, cast

from redis.asyncio import Redis
from ulid import ULID

from services.transcript.store import run_script, store_errors

_MARK: Final = "souffleur:rewrite"
"""There while the file still has something: by whom its rewriting was asked for, or in which run of the store it has begun."""


class Rewriting:
    """Of one store, for all its sessions."""

    def __init__(self, redis: Redis) -> None:
        """`redis` as `TranscriptLog` has it."""
        self._redis = redis

    async def ask(self) -> None:
        """Something is taken out just now."""
        async with store_errors():
            await self._redis.set(_MARK, f"asked for {ULID()}")

    async def done(self) -> bool:
        """Nothing is left to be done; else what comes next is. A store without such a file is left alone. Raises `Unavailable`."""
        async with store_errors():
            if (wanted := cast(bytes | None, await self._redis.get(_MARK))) is None:
                return True
            state = await self._redis.info("persistence")
            if not state.get("aof_enabled"):
                return await self._mark(wanted)
            if state.get("aof_rewrite_in_progress") or state.get("aof_rewrite_scheduled") or state.get("rdb_bgsave_in_progress"):
                return False
            # A store that ended in the middle of it says of itself, once it is back, that nothing is amiss.
            run = str((await self._redis.info("server"))["run_id"])
            begun = f"begun in {run} ".encode()
            if wanted.startswith(begun) and state.get("aof_last_bgrewrite_status") == "ok":
                return await self._mark(wanted)
            await self._redis.bgrewriteaof()
        await self._mark(wanted, begun + wanted.rpartition(b" ")[2])
        return False

    async def _mark(self, before: bytes, then: bytes = b"") -> bool:
        """Say how far it is (empty = done), unless it has been asked for anew since."""
        return bool(await run_script(self._redis, "mark", [_MARK], [before, then]))
