"""The log's contract on who may write: one owner at a time, under a fence that only rises."""

from __future__ import annotations

import asyncio
import signal
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from services.core.errors import NotOwner, StaleFence, Unavailable
from services.transcript.claims import Orphan
from services.transcript.log import TranscriptLog
from services.transcript.store import Entry
from tests.redis_server import RedisServer
from tests.unit.services.transcript.drafts import said
from tests.waiting import until

ME = "unix:/tmp/stage-a.sock"
OTHER = "127.0.0.1:7001"


async def test_a_stale_fence_writes_nothing(store: Redis) -> None:
    """Once somebody else has claimed the session, the former owner can neither append nor renew."""
    old, new = TranscriptLog(store), TranscriptLog(store)
    stale = await old.claim("s", ME, 0.02)
    await old.append("s", [said("u1")], stale)
    fence = await _claim_when_free(new, "s", OTHER)
    assert fence > stale
    with pytest.raises(StaleFence):
        await old.append("s", [said("u2"), said("u3")], stale)
    with pytest.raises(StaleFence):
        await old.renew("s", 6)
    await old.release("s")
    assert await new.owner("s") == OTHER
    assert [fact.seq for fact in await new.append("s", [said("u4")], fence)] == [2]
    assert [fact.body["utterance"] for fact in await new.read("s")] == ["u1", "u4"]


async def test_nobody_appends_without_a_claim(log: TranscriptLog, store: Redis) -> None:
    """A fence that was never handed out is refused, whether too low or too high."""
    for fence in (0, 1, 2**52):
        with pytest.raises(StaleFence):
            await log.append("s", [said("u")], fence)
    fence = await log.claim("s", ME, 6)
    with pytest.raises(StaleFence):
        await TranscriptLog(store).append("s", [said("u")], fence + 1)
    assert await log.head("s") == 0


async def test_a_live_lease_keeps_others_out(store: Redis) -> None:
    """While a lease is alive another address learns who the owner is, and the owner itself may claim again."""
    log = TranscriptLog(store)
    fence = await log.claim("s", ME, 6)
    with pytest.raises(NotOwner) as refusal:
        await TranscriptLog(store).claim("s", OTHER, 6)
    assert refusal.value.address == ME
    again = await log.claim("s", ME, 6)
    assert again > fence
    with pytest.raises(StaleFence):
        await log.append("s", [said("u")], fence)
    assert await log.owner("s") == ME


async def test_a_dead_owner_is_replaced_at_once(store: Redis) -> None:
    """An owner that refuses connections loses its lease to whoever names it dead; another's lease is not touched by that."""
    fence = await TranscriptLog(store).claim("s", ME, 60)
    with pytest.raises(NotOwner):
        await TranscriptLog(store).claim("s", OTHER, 6, dead="127.0.0.1:1")
    assert await TranscriptLog(store).claim("s", OTHER, 6, dead=ME) > fence
    assert await TranscriptLog(store).owner("s") == OTHER


async def test_a_fence_does_not_come_back(store: Redis) -> None:
    """A store that lost everything does not hand out a fence that a former owner may still hold."""
    old = TranscriptLog(store)
    former = await old.claim("s", ME, 60)
    await store.flushall()
    new = TranscriptLog(store)
    fence = await new.claim("s", OTHER, 60)
    assert fence > former
    with pytest.raises(StaleFence):
        await old.append("s", [said("u")], former)


async def test_what_was_claimed_and_not_closed_is_known(store: Redis) -> None:
    """Once its lease has run out or was given up it is an orphan; one that is owned, closed and archived, or only forgotten is none."""
    log, other = TranscriptLog(store), TranscriptLog(store)
    for sid in ("owned", "archived", "forgotten", "orphan", "released"):
        await log.claim(sid, ME, 60)
    await log.release("archived", forget_s=60)
    await log.release("released")
    await store.delete("{forgotten}:owner", "{orphan}:owner")
    await log.forget("forgotten")
    assert _named(await other.orphans(everything=True)) == {"orphan": False, "released": False}
    assert _named(await log.orphans(ME, everything=True)) == {"released": False}
    assert _named(await other.orphans(ME, everything=True)) == {"orphan": False, "owned": True, "released": False}
    await other.claim("orphan", OTHER, 60)
    await log.release("orphan", forget_s=60)
    await store.delete("{orphan}:owner")
    assert _named(await TranscriptLog(store).orphans(everything=True)) == {"orphan": False, "released": False}


async def test_only_what_is_overdue_is_looked_at(store: Redis) -> None:
    """Given up at once, a lease that has run out when it has; a renewal takes it off again, and what is owned all the same is no orphan."""
    log, other = TranscriptLog(store), TranscriptLog(store)
    await log.claim("later", ME, 60)
    await log.claim("released", ME, 60)
    await log.release("released")
    await log.claim("soon", ME, 0.05)
    await log.claim("unsaid", ME, 0.05)
    await log.renew("unsaid", 60)
    found = await until(lambda: _when(other, 2), what="two overdue sessions")
    assert found == {"released": False, "soon": False}
    await log.renew("soon", 60)
    await log.renewed(["soon", "unsaid", "never claimed here"], 60)
    assert _named(await other.orphans()) == {"released": False}
    assert set(await store.zrange("souffleur:claims", 0, -1)) == {b"later", b"released", b"soon", b"unsaid"}


async def test_a_list_of_any_length_is_looked_at_whole(store: Redis) -> None:
    """More sessions than come in one answer of the store, each once."""
    log = TranscriptLog(store)
    await log.claim("owned", ME, 60)
    await store.zadd("souffleur:claims", {f"s{number}": 1 for number in range(1200)})
    for everything in (False, True):
        found = await TranscriptLog(store).orphans(everything=everything)
        assert sorted(orphan.sid for orphan in found) == sorted(f"s{number}" for number in range(1200))


async def test_a_session_that_is_claimed_again_stays_known(store: Redis) -> None:
    """Whoever is done with it does not take it off the list for the next owner, however close the two come."""
    log = TranscriptLog(store)
    await log.claim("s", OTHER, 60)
    await TranscriptLog(store).forget("s")
    await store.delete("{s}:owner")
    assert _named(await TranscriptLog(store).orphans()) == {"s": False}


async def test_what_is_given_up_is_not_counted_as_held(server: RedisServer, store: Redis) -> None:
    """Whoever learns at a renewal that it is somebody else's, or cannot even give the lease back, sees it as an orphan later like anybody."""
    log, other = TranscriptLog(store), TranscriptLog(store)
    for sid in ("taken", "unreachable"):
        await log.claim(sid, ME, 60)
    await other.claim("taken", OTHER, 60, dead=ME)
    with pytest.raises(StaleFence):
        await log.renew("taken", 60)
    server.kill(signal.SIGTERM)
    try:
        with pytest.raises(Unavailable):
            await log.release("unreachable", forget_s=60)
    finally:
        server.start()
    await store.delete("{taken}:owner")
    assert _named(await log.orphans(ME, everything=True)) == {"taken": False, "unreachable": True}


async def test_an_orphan_is_known_by_the_fence_of_its_last_owner(store: Redis) -> None:
    """Whoever looks twice sees whether somebody has had it in between."""
    log = TranscriptLog(store)
    fences = [await log.claim("s", ME, 60)]
    await log.release("s")
    once = await log.orphans()
    assert await log.orphans() == once
    fences.append(await log.claim("s", ME, 60))
    await log.release("s")
    assert [orphan.fence for orphan in [*once, *await log.orphans()]] == fences


async def _when(log: TranscriptLog, count: int) -> dict[str, bool] | None:
    found = _named(await log.orphans())
    return found if len(found) == count else None


def _named(orphans: list[Orphan]) -> dict[str, bool]:
    return {orphan.sid: orphan.mine for orphan in orphans}


async def test_releasing_frees_the_session_and_keeps_the_fence_rising(store: Redis) -> None:
    """After a release anybody may claim, under a higher fence."""
    log = TranscriptLog(store)
    fence = await log.claim("s", ME, 60)
    await log.release("s")
    assert await log.owner("s") is None
    assert await TranscriptLog(store).claim("s", OTHER, 6) > fence


async def test_renewing_outlives_the_first_lease(log: TranscriptLog, store: Redis) -> None:
    """A renewed lease lasts; one that ran out unclaimed is taken up again, since nobody wrote meanwhile."""
    fence = await log.claim("s", ME, 60)
    await log.renew("s", 90)
    assert await store.pttl("{s}:owner") > 60_000
    await store.delete("{s}:owner")
    await log.renew("s", 90)
    assert await log.owner("s") == ME
    assert await store.pttl("{s}:owner") > 60_000
    assert len(await log.append("s", [said("u")], fence)) == 1


async def _claim_when_free(log: TranscriptLog, sid: str, address: str) -> int:
    async with asyncio.timeout(5):
        while True:
            try:
                return await log.claim(sid, address, 6)
            except NotOwner:
                await asyncio.sleep(0.01)


async def test_what_was_given_up_archived_may_be_forgotten(store: Redis) -> None:
    """The store lets it go after a while, unless somebody takes the session up before; afterwards it is read from the archive, and taken up from there."""
    log = TranscriptLog(store)
    fence = await log.claim("s", ME, 60)
    await log.append("s", [said("u1"), said("u2")], fence)
    archived = await log.entries("s")
    await log.release("s", forget_s=60)
    assert await store.ttl("{s}:t") > 0
    fence = await log.claim("s", ME, 60)
    assert [await store.ttl(f"{{s}}:{name}") for name in "ti"] == [-1, -1]
    await log.release("s")
    assert await store.ttl("{s}:t") == -1, "it may not be archived"
    fence = await log.claim("s", ME, 60)
    await log.release("s", forget_s=0.001)

    async def forgotten() -> bool:
        return not await store.exists("{s}:t", "{s}:i", "{s}:fence")

    await until(forgotten, 10, "the end of what nobody needs")
    reader = TranscriptLog(store, _Archive(archived))
    assert await reader.entries("s") == archived
    assert await reader.entries("s", 1, limit=1) == archived[1:]
    assert [fact.seq for fact in await reader.read("s", 2)] == []
    async with aclosing(reader.tail("s", 2)) as tail:
        coming = asyncio.ensure_future(anext(tail))
        again = await log.claim("s", OTHER, 60)
        assert again > fence
        assert await log.restore("s", archived) == 2
        assert [fact.seq for fact in await log.append("s", [said("u1"), said("u3")], again)] == [1, 3]
        assert (await asyncio.wait_for(coming, 10)).seq == 3


class _Archive:
    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries

    async def entries(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Entry]:
        assert sid == "s"
        return [entry for entry in self._entries if entry.seq > after and (upto is None or entry.seq <= upto)][:limit]
