"""The log: one Redis stream per session, written by its owner alone, read by everybody."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import structlog
from redis.asyncio import Redis

from services.core.errors import Conflict, NotFound, NotOwner, StaleFence
from services.core.model.fact import Draft, Fact
from services.transcript import tailing
from services.transcript.store import Entry, entry_of, keys_of, run_script, spliced, store_errors

_PAGE: Final = 500
_BATCH_BYTES: Final = 8 * 1024 * 1024
"""One script call holds the store for everybody; more than this goes in several."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Held:
    """What this process knows of a session it has claimed."""

    address: str
    floor: int = 0
    """Highest seq acknowledged to this owner; a store whose head is lower has lost facts."""


class Older(Protocol):
    """Where facts are that the stream has given up: the archive."""

    async def entries(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Entry]:
        """Entries with `after` < seq <= `upto`, at most `limit`."""
        ...


class TranscriptLog:
    """Facts of all sessions. Every method raises `Unavailable` when the store cannot be reached or refuses to write."""

    def __init__(self, redis: Redis, older: Older | None = None) -> None:
        """`redis` as made by `compose.redis_client`: replies are bytes, RESP2. With `older` trimmed facts are read from there."""
        self._redis = redis
        self._older = older
        self._held: dict[str, _Held] = {}

    async def claim(self, sid: str, address: str, lease_s: float, *, dead: str = "") -> int:
        """Become the owner for `lease_s` seconds; the fence to append under.

        The same address may claim again, which raises the fence. Raises `NotOwner` while another address' lease is alive,
        unless that address is `dead`: found to refuse connections.
        """
        keys = keys_of(sid)
        granted, value = await run_script(self._redis, "claim", [keys.owner, keys.fence], [address, _ms(lease_s), dead])
        if not granted:
            raise NotOwner(cast(bytes, value).decode())
        self._held[sid] = _Held(address)
        return int(value)

    async def renew(self, sid: str, fence: int, lease_s: float) -> None:
        """Prolong the lease. Raises `StaleFence` if somebody claimed the session since."""
        keys = keys_of(sid)
        held = self._held.get(sid)
        if not await run_script(self._redis, "renew", [keys.owner, keys.fence], [fence, held.address if held else "", _ms(lease_s)]):
            raise StaleFence

    async def release(self, sid: str, fence: int) -> None:
        """Give the session up; nothing happens if it is somebody else's by now."""
        keys = keys_of(sid)
        await run_script(self._redis, "release", [keys.owner, keys.fence], [fence])
        self._held.pop(sid, None)

    async def owner(self, sid: str) -> str | None:
        """Address of the owner whose lease is alive."""
        async with store_errors():
            address = cast(bytes | None, await self._redis.hget(keys_of(sid).owner, "address"))
        return None if address is None else address.decode()

    async def append(self, sid: str, drafts: Sequence[Draft], fence: int) -> list[Fact]:
        """Write `drafts` in order, in one round trip; the facts, in order, once they are durable.

        A key that was written before yields the fact that was written then. May be repeated whole after a failure. Raises `StaleFence`
        (nothing is written: claim again), and before anything is written `TooLarge` or `InvalidRequest` if one of the drafts cannot be.
        """
        keys = keys_of(sid)
        facts: list[Fact] = []
        pending = [(draft, spliced(draft)) for draft in drafts]
        while pending:
            batch = _batch(pending)
            floor = self._held[sid].floor if sid in self._held else 0
            arguments = [fence, floor, *(part for _, parts in batch for part in parts)]
            status, *answers = await run_script(self._redis, "append", [keys.stream, keys.index, keys.fence], arguments)
            if status != b"ok":
                raise self._refused(sid, fence, floor, status, answers)
            facts += [_fact(draft, seq, known) for (draft, _), (seq, known) in zip(batch, answers, strict=True)]
            if sid in self._held:
                self._held[sid].floor = max(self._held[sid].floor, *(fact.seq for fact in facts))
            pending = pending[len(batch) :]
        return facts

    def _refused(self, sid: str, fence: int, floor: int, status: bytes, answers: list[Any]) -> StaleFence:
        self._held.pop(sid, None)
        if status == b"stale":
            return StaleFence()
        _log.error("transcript.lost_facts", session=sid, fence=fence, acknowledged=floor, head=answers[0])
        return StaleFence(f"the store came back with facts up to {answers[0]} only, {floor} were written; claim and restore the session")

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        """Facts with `after` < seq <= `upto`, at most `limit`, without a gap. Raises `NotFound` if some are trimmed and there is no `older`."""
        return [entry.fact() for entry in await self.entries(sid, after, upto, limit)]

    async def entries(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Entry]:
        """As `read`, but as they stand in the stream."""
        found: list[Entry] = []
        cursor = after
        while limit is None or len(found) < limit:
            count = _PAGE if limit is None else min(_PAGE, limit - len(found))
            page, head = await self._page(sid, cursor, upto, count)
            first = page[0].seq if page else min(head, head if upto is None else upto) + 1
            if first > cursor + 1:
                page = await self._trimmed(sid, cursor, first - 1, count)
            elif len(page) < count:
                return [*found, *page]
            found += page
            cursor = found[-1].seq
        return found

    async def _page(self, sid: str, after: int, upto: int | None, count: int) -> tuple[list[Entry], int]:
        """What the stream has of a range, and the head. In one transaction: a fact appended between the two would look like a trimmed one."""
        keys = keys_of(sid)
        async with store_errors(), self._redis.pipeline(transaction=True) as pipe:
            pipe.xrange(keys.stream, f"{after + 1}-0", "+" if upto is None else f"{upto}-0", count=count)
            pipe.hget(keys.index, "head")
            page, head = await pipe.execute()
        return [entry_of(item) for item in page], int(head or 0)

    async def _trimmed(self, sid: str, after: int, upto: int, count: int) -> list[Entry]:
        """The first of the facts that the stream lacks."""
        found = [] if self._older is None else await self._older.entries(sid, after, upto, count)
        if [entry.seq for entry in found] != list(range(after + 1, min(upto, after + count) + 1)):
            raise NotFound(f"facts {after + 1} to {upto} are only in the archive")
        return found

    async def one(self, sid: str, seq: int) -> Fact | None:
        """The fact at `seq`; None if there is none, or if it is trimmed and there is no `older`."""
        if seq < 1:
            return None
        async with store_errors():
            answer = await self._redis.xrange(keys_of(sid).stream, f"{seq}-0", f"{seq}-0", count=1)
        found = [entry_of(item) for item in answer or ()]
        if not found and self._older is not None:
            found = await self._older.entries(sid, seq - 1, seq, 1)
        return found[0].fact() if found else None

    async def seq_of(self, sid: str, key: str) -> int:
        """Seq of the fact with this idempotency key; 0 if there is none."""
        async with store_errors():
            return int(cast(bytes | None, await self._redis.hget(keys_of(sid).index, f"k:{key}")) or 0)

    async def head(self, sid: str) -> int:
        """Seq of the last fact; 0 if there is none."""
        async with store_errors():
            return int(cast(bytes | None, await self._redis.hget(keys_of(sid).index, "head")) or 0)

    async def tail(self, sid: str, after: int) -> AsyncGenerator[Fact, None]:
        """Facts behind `after` and then every new one, for ever; outlives restarts of the store. Close the iterator when done.

        Raises `NotFound` if the next one is trimmed and there is no `older`, `Recovering` if the store has come back with less than was seen.
        """
        cursor = after
        while True:
            try:
                async with aclosing(tailing.follow(self._redis, sid, cursor)) as entries:
                    async for entry in entries:
                        cursor = entry.seq
                        yield entry.fact()
            except tailing.Trimmed:
                for entry in await self.entries(sid, cursor, limit=_PAGE):
                    cursor = entry.seq
                    yield entry.fact()

    async def newest(self, sid: str) -> int:
        """Seq of the last fact that the stream itself holds; less than `head` when the stream was lost or emptied by a trim."""
        async with store_errors():
            found = await self._redis.xrevrange(keys_of(sid).stream, count=1)
        return entry_of(found[0]).seq if found else 0

    async def restore(self, sid: str, entries: Sequence[Entry]) -> int:
        """Write archived entries back under their own seq and key, from `newest` + 1 on; how many were missing.

        For the owner, before its first append. Raises `Conflict` if they leave a gap or a key stands for another fact.
        """
        keys = keys_of(sid)
        arguments = [part for entry in entries for part in (entry.seq, entry.key, entry.envelope)]
        status, value = await run_script(self._redis, "restore", [keys.stream, keys.index], arguments)
        if status != b"ok":
            raise Conflict(f"archive and transcript disagree at {value}: {status.decode()}")
        return int(value)

    async def trim(self, sid: str, below: int) -> None:
        """Drop the facts with a seq below `below` from the stream; numbering and keys stay. Only what is archived may be dropped."""
        async with store_errors():
            await self._redis.xtrim(keys_of(sid).stream, minid=f"{below}-0", approximate=False)


def _batch(pending: Sequence[tuple[Draft, tuple[bytes, bytes, bytes]]]) -> list[tuple[Draft, tuple[bytes, bytes, bytes]]]:
    size = 0
    for count, (_, parts) in enumerate(pending):
        size += sum(map(len, parts))
        if count and size > _BATCH_BYTES:
            return list(pending[:count])
    return list(pending)


def _fact(draft: Draft, seq: int, known: bytes | None) -> Fact:
    return draft.at(seq) if known is None else Fact.from_json(known)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
