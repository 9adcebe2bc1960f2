"""The log: one Redis stream per session, written by its owner alone, read by everybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final, Protocol, cast

import structlog
from redis.asyncio import Redis

from services.core.errors import Conflict, NotFound, NotOwner, Recovering, StaleFence, Unavailable
from services.core.model.fact import Draft, Fact
from services.transcript import tailing
from services.transcript.claims import Claims, Orphan
from services.transcript.kept import Kept
from services.transcript.rewriting import Rewriting
from services.transcript.store import Entry, entry_of, keys_of, run_script, spliced, store_errors

_PAGE: Final = 500
_BATCH_BYTES: Final = 8 * 1024 * 1024
"""One script call holds the store for everybody; more than this goes in several."""

_AGAIN_S: Final = 0.5
"""Between two looks for what the archive alone has, while it is away."""

_FOR_EVER: Final = -1
"""What the store answers where a key does not expire."""

_log = structlog.get_logger(__name__)


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
        self._claims = Claims(redis)
        self._rewriting = Rewriting(redis)
        self._held: dict[str, Kept] = {}

    async def claim(self, sid: str, address: str, lease_s: float, *, dead: str = "") -> int:
        """Become the owner for `lease_s` seconds; the fence to append under.

        The same address may claim again, which raises the fence. Raises `NotOwner` while another address' lease is alive,
        unless that address is `dead`: found to refuse connections.
        """
        fence = await self._granted(sid, address, lease_s, dead)
        self._held[sid] = Kept(address, fence)
        return fence

    async def _granted(self, sid: str, address: str, lease_s: float, dead: str = "") -> int:
        keys = keys_of(sid)
        granted, value = await run_script(self._redis, "claim", [keys.owner, keys.fence, keys.stream, keys.index], [address, _ms(lease_s), dead])
        if not granted:
            raise NotOwner(cast(bytes, value).decode())
        # Before anything is written: what is written and not listed would be nobody's after its owner's death.
        await self._claims.note([sid], _ms(lease_s))
        return int(value)

    async def regain(self, sid: str, lease_s: float) -> int:
        """After `Recovering`: claim again; the fence to go on under, once `restore` and `replay` have given back what is missing."""
        held = self._held.get(sid)
        if held is None:
            raise StaleFence
        held.fence = 0
        held.fence = await self._granted(sid, held.address, lease_s)
        return held.fence

    async def replay(self, sid: str) -> int:
        """Write what was acknowledged here and is not archived back under its own seq and key; how many facts the stream lacked.

        Raises `Conflict` if that leaves a gap, or if others stand there by now.
        """
        written, held = 0, self._held.get(sid)
        while held is not None and (missing := held.entries(await self.newest(sid))[:_PAGE]):
            written += await self.restore(sid, missing)
        return written

    def hold(self, sid: str, entries: Sequence[Entry], mark: int) -> None:
        """What former owners wrote counts as acknowledged to this one; what is behind `mark`, and so not archived, is kept to be given back."""
        if (held := self._held.get(sid)) is not None:
            held.take_over(entries, mark)

    def kept(self, sid: str, after: int = 0) -> list[Entry]:
        """What was acknowledged here, is not archived and has a greater seq, whatever the store has of it by now; empty where nobody here holds the session."""
        held = self._held.get(sid)
        return [] if held is None else held.entries(after)

    def archived(self, sid: str, mark: int) -> None:
        """The archive has everything up to `mark`: that needs no replaying."""
        if (held := self._held.get(sid)) is not None:
            held.archived(mark)

    async def renew(self, sid: str, lease_s: float) -> None:
        """Prolong the lease of what this process has claimed. Say so for all of them with `renewed`.

        Raises `StaleFence` if somebody else claimed the session since, `Recovering` if the store has lost facts, or the claim itself.
        """
        held = self._held.get(sid)
        if held is None:
            raise StaleFence
        if (fence := held.fence) == 0:
            # It is being claimed anew, which prolongs the lease as well.
            return
        keys = keys_of(sid)
        answer = await run_script(self._redis, "renew", [keys.owner, keys.fence, keys.index], [fence, held.address, _ms(lease_s), held.floor])
        if self._held.get(sid) is not held or held.fence != fence:
            # Given up or claimed anew while this was on its way: what it found says nothing of what is now.
            return
        if answer == 0:
            del self._held[sid]
            raise StaleFence
        if answer < 0:
            raise Recovering("the store came back with less than was written")

    async def renewed(self, sids: Sequence[str], lease_s: float) -> None:
        """Whoever looks for orphans need not look at these for so long."""
        await self._claims.note([sid for sid in sids if sid in self._held], _ms(lease_s))

    async def release(self, sid: str, *, forget_s: float = 0.0) -> None:
        """Give the lease up; nothing happens if it is somebody else's by now. Somebody still has to take care of the session.

        With `forget_s` nobody has to: all of it is closed and archived. The store may forget it after that time, and the next owner restores it.
        """
        # First: what this process counts as its own, no sweep of it ever looks at.
        held = self._held.pop(sid, None)
        if held is None:
            return
        keys = keys_of(sid)
        arguments = [held.fence, _ms(forget_s) if forget_s else 0]
        released = await run_script(self._redis, "release", [keys.owner, keys.fence, keys.stream, keys.index], arguments)
        if released and forget_s:
            await self.forget(sid)
        elif released:
            await self._claims.note([sid], 0)

    async def forgets_in_s(self, sid: str) -> float | None:
        """In how long the store forgets a session that was released as closed and archived; 0 = it has, None = it does not."""
        async with store_errors():
            left_ms = int(await self._redis.pttl(keys_of(sid).index))
        return None if left_ms == _FOR_EVER else max(0, left_ms) / 1000

    async def forget(self, sid: str) -> None:
        """Nothing of this session is open: nobody needs to take care of it, unless somebody has just claimed it."""
        await self._claims.strike(sid)
        async with store_errors():
            owned = await self._redis.exists(keys_of(sid).owner)
        if owned:
            # A claim is listed behind its grant: one that came before the strike is seen here, a later one lists itself.
            await self._claims.note([sid], 0)

    async def orphans(self, me: str = "", *, everything: bool = False) -> list[Orphan]:
        """Sessions that were claimed, are not closed and archived, and have no live owner.

        With `everything` all sessions of the store are looked at, and those of the address `me` count that this process does not hold:
        a former one of that address did, and its lease may still be alive.
        """
        found: dict[str, Orphan] = {}
        if everything:
            async for page in self._claims.every():
                found |= await self._without_owner(page, me)
        else:
            found = await self._without_owner(await self._claims.overdue(), me)
        return [orphan for sid, orphan in found.items() if sid not in self._held]

    async def _without_owner(self, listed: Sequence[str], me: str) -> dict[str, Orphan]:
        sids = [sid for sid in listed if sid not in self._held]
        async with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            for sid in sids:
                keys = keys_of(sid)
                pipe.get(keys.fence)
                pipe.hget(keys.owner, "address")
            answers = await pipe.execute()
        found = zip(sids, answers[::2], answers[1::2], strict=True)
        return {sid: Orphan(sid, int(fence or 0), mine=owner is not None) for sid, fence, owner in found if owner is None or owner.decode() == me}

    async def owner(self, sid: str) -> str | None:
        """Address of the owner whose lease is alive."""
        async with store_errors():
            address = cast(bytes | None, await self._redis.hget(keys_of(sid).owner, "address"))
        return None if address is None else address.decode()

    async def append(self, sid: str, drafts: Sequence[Draft], fence: int | None = None) -> list[Fact]:
        """Write `drafts` in order, in one round trip; the facts, in order, once they are durable.

        Under `fence`, or under the one that this process has claimed the session with. A key that was written before yields
        the fact that was written then. May be repeated whole after a failure.

        Raises:
            StaleFence: nothing is written, the session is somebody else's.
            Recovering: nothing is written, the store has lost facts; `regain` them.
            TooLarge, InvalidRequest: nothing is written, one of the drafts cannot be.
        """
        keys = keys_of(sid)
        facts: list[Fact] = []
        pending = [(draft, spliced(draft)) for draft in drafts]
        while pending:
            batch = pending[: _fitting([parts for _, parts in pending])]
            held = self._held.get(sid)
            claimed, floor = (0, 0) if held is None else (held.fence, held.floor)
            arguments = [claimed if fence is None else fence, floor, *(part for _, parts in batch for part in parts)]
            status, *answers = await run_script(self._redis, "append", [keys.stream, keys.index, keys.fence], arguments)
            if status != b"ok":
                raise self._refused(sid, floor, status, answers)
            facts += [_fact(draft, seq, known) for (draft, _), (seq, known) in zip(batch, answers, strict=True)]
            if held is not None:
                for (_, (key, before, behind)), (seq, known) in zip(batch, answers, strict=True):
                    held.add(seq, key, (before, str(seq).encode(), behind) if known is None else (known,))
            pending = pending[len(batch) :]
        return facts

    def _refused(self, sid: str, floor: int, status: bytes, answers: list[Any]) -> StaleFence | Recovering:
        if status == b"stale" or sid not in self._held:
            self._held.pop(sid, None)
            return StaleFence()
        _log.error("transcript.lost_facts", session=sid, acknowledged=floor, head=answers[0])
        return Recovering(f"the store came back with facts up to {answers[0]} only, {floor} were written")

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
            if head == 0 and self._older is not None:
                # Nobody has owned it for long: the store has forgotten it, or it never was.
                return [*found, *await self._older.entries(sid, cursor, upto, None if limit is None else limit - len(found))]
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
        """Facts behind `after` and then every new one, for ever; outlives restarts of the store and of the archive. Close the iterator when done.

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
                try:
                    page = await self.entries(sid, cursor, limit=_PAGE)
                except Unavailable as error:
                    _log.info("tail.interrupted", session=sid, after=cursor, detail=error.detail)
                    await asyncio.sleep(_AGAIN_S)
                    continue
                for entry in page:
                    cursor = entry.seq
                    yield entry.fact()

    async def newest(self, sid: str) -> int:
        """Seq of the last fact that the stream itself holds; less than `head` when the stream was lost or emptied by a trim."""
        async with store_errors():
            found = await self._redis.xrevrange(keys_of(sid).stream, count=1)
        return entry_of(found[0]).seq if found else 0

    async def restore(self, sid: str, entries: Sequence[Entry]) -> int:
        """Write archived entries back under their own seq and key, from `newest` + 1 on; how many were missing.

        For the owner, before its first append. Raises `Conflict` if they leave a gap or a key stands for another fact, `StaleFence` if
        the session is not this process' own any more.
        """
        keys, written = keys_of(sid), 0
        pending = [(b"%d" % entry.seq, entry.key.encode(), entry.envelope.encode()) for entry in entries]
        while pending:
            batch = pending[: _fitting(pending)]
            if (held := self._held.get(sid)) is None:
                raise StaleFence
            arguments = [held.fence, *(part for parts in batch for part in parts)]
            status, value = await run_script(self._redis, "restore", [keys.stream, keys.index, keys.fence], arguments)
            if status == b"stale":
                raise StaleFence
            if status != b"ok":
                raise Conflict(f"archive and transcript disagree at {value}: {status.decode()}")
            written += int(value)
            pending = pending[len(batch) :]
        return written

    async def trim(self, sid: str, below: int) -> None:
        """Drop the facts with a seq below `below` from the stream; numbering and keys stay. Only what is archived may be dropped."""
        async with store_errors():
            await self._redis.xtrim(keys_of(sid).stream, minid=f"{below}-0", approximate=False)

    async def bury(self, sid: str, upto: int) -> None:
        """Drop the facts up to `upto` from the stream so that nothing of them is left in it. Only what is archived may be dropped, and not the last fact.

        The store's file has them until `rewritten`. Raises `StaleFence` if the session is not this process' own any more.
        """
        keys, held = keys_of(sid), self._held.get(sid)
        if held is None:
            raise StaleFence
        async with store_errors():
            if not await self._redis.xrange(keys.stream, "-", f"{upto}-0", count=1):
                return
        # First: whoever dies after this has left word.
        await self._rewriting.ask()
        if await run_script(self._redis, "bury", [keys.stream, keys.fence], [held.fence, upto]) < 0:
            raise StaleFence
        # And again: a rewriting that somebody began in between still had it.
        await self._rewriting.ask()

    async def rewritten(self) -> bool:
        """See to it that the store's append-only file is written anew after something was buried; True when that is done, or nothing is to be done.

        For whoever archives, to be asked again as long as it says no. A store without such a file is left alone.
        """
        return await self._rewriting.done()


def _fitting(pending: Sequence[tuple[bytes, ...]]) -> int:
    """How many of them one script call may carry; one at least."""
    size = 0
    for count, parts in enumerate(pending):
        size += sum(map(len, parts))
        if count and size > _BATCH_BYTES:
            return count
    return len(pending)


def _fact(draft: Draft, seq: int, known: bytes | None) -> Fact:
    return draft.at(seq) if known is None else Fact.from_json(known)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
