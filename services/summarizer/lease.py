"""What all instances share about a session: who works for it, what it has spent, and how far its memories go."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from ulid import ULID

from services.core.clock import Clock
from services.core.errors import Overloaded
from services.transcript.store import store_errors

_SLOT_S: Final = 300
_SLOTS: Final = 12
"""An hour."""
_MARK_S: Final = 90 * 86_400
_FOLDER: Final = Path(__file__).parent


class BudgetSpent(Overloaded):
    """This session has used up its tokens for advice; the hour goes on."""


class Leases:
    """Who works for which session. Losing one is harmless: what is told twice is written once."""

    def __init__(self, redis: Redis) -> None:
        """A holder of its own."""
        self._redis = redis
        self._holder = str(ULID())

    async def hold(self, sid: str, seconds: float) -> bool:
        """Take or prolong it; False while another instance has it."""
        return bool(await _run(self._redis, "lease", [_key(sid, "lease")], [self._holder, int(seconds * 1000)]))

    async def release(self, sid: str) -> None:
        """Give it up, if it is ours."""
        async with store_errors():
            if await self._redis.get(_key(sid, "lease")) == self._holder.encode():
                await self._redis.delete(_key(sid, "lease"))


class Marks:
    """Up to which fact a session has been remembered, and up to which its memories accord with what was done to the past."""

    def __init__(self, redis: Redis) -> None:
        """Outlives this process."""
        self._redis = redis

    async def remembered(self, sid: str) -> int:
        """Everything heard up to here was remembered; 0 = nothing yet."""
        return await self._get(sid, "remembered")

    async def remember(self, sid: str, seq: int) -> None:
        """Everything up to here is now."""
        await self._set(sid, "remembered", seq)

    async def settled(self, sid: str) -> int:
        """Whatever strikes, retcons and corrections up to here ask of memories was done."""
        return await self._get(sid, "settled")

    async def settle(self, sid: str, seq: int) -> None:
        """It is done up to here now."""
        await self._set(sid, "settled", seq)

    async def _get(self, sid: str, name: str) -> int:
        async with store_errors():
            return int(cast(bytes | None, await self._redis.get(_key(sid, name))) or 0)

    async def _set(self, sid: str, name: str, seq: int) -> None:
        async with store_errors():
            await self._redis.set(_key(sid, name), seq, ex=_MARK_S)


class Budget:
    """Tokens per session and hour: reserved before a call, settled behind it."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        """Counts by the wall clock, since instances share it."""
        self._redis = redis
        self._clock = clock

    async def reserve(self, sid: str, tokens: int, most: int) -> int:
        """Set `tokens` aside; the slot to settle. Raises `BudgetSpent`."""
        slot = self._clock.wall_ms() // (_SLOT_S * 1000)
        if await _run(self._redis, "reserve", [_key(sid, "spent")], [slot, slot - _SLOTS + 1, tokens, most]) < 0:
            raise BudgetSpent
        return slot

    async def settle(self, sid: str, slot: int, reserved: int, used: int) -> None:
        """Give back what was not used, or book what was used beyond."""
        async with store_errors():
            await self._redis.hincrby(_key(sid, "spent"), str(slot), used - reserved)


def _key(sid: str, name: str) -> str:
    return f"{{{sid}}}:summarizer:{name}"


async def _run(redis: Redis, name: str, keys: list[str], arguments: list[Any]) -> int:
    async with store_errors():
        return int(await AsyncScript(redis, _source(name))(keys=keys, args=arguments))


@cache
def _source(name: str) -> bytes:
    return (_FOLDER / f"{name}.lua").read_bytes()
