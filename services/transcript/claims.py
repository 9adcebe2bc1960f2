"""The list of sessions that somebody has claimed and nobody has closed and archived since.

It is ordered by the end of their leases, so that whoever looks for what a dead owner has left behind asks for what is overdue, and not for
every session that there is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from redis.asyncio import Redis

from services.transcript.store import run_script, store_errors

_LIST: Final = "souffleur:claims"
_AT_A_TIME: Final = 500


@dataclass(frozen=True, slots=True)
class Orphan:
    """A session that somebody has to take care of and nobody does, as one look found it."""

    sid: str
    fence: int
    """Of its last owner; another one means that it has had an owner since."""
    mine: bool
    """Its lease is alive under the address of whoever looks: a former process there had it, which is gone."""


class Claims:
    """Every method raises `Unavailable` when the store cannot be reached."""

    def __init__(self, redis: Redis) -> None:
        """One list for all sessions of the store."""
        self._redis = redis

    async def note(self, sids: Sequence[str], lease_ms: int) -> None:
        """These are cared for until so long from now."""
        for first in range(0, len(sids), _AT_A_TIME):
            await run_script(self._redis, "list", [_LIST], [lease_ms, *sids[first : first + _AT_A_TIME]])

    async def strike(self, sid: str) -> None:
        """Nobody need care for it any more."""
        async with store_errors():
            await self._redis.zrem(_LIST, sid)

    async def overdue(self) -> list[str]:
        """Those whose time is over, the longest first."""
        return [name.decode() for name in cast(list[bytes], await run_script(self._redis, "overdue", [_LIST], []))]

    async def every(self) -> AsyncIterator[list[str]]:
        """All of them, in pages; one that comes or goes meanwhile may be missing, and one may come twice."""
        cursor = -1
        while cursor:
            async with store_errors():
                cursor, page = await self._redis.zscan(_LIST, max(cursor, 0), count=_AT_A_TIME)
            yield [cast(bytes, name).decode() for name, _ in page]
