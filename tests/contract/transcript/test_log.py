"""The log's contract, on every Redis that this program may find itself with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from services.compose import redis_client
from services.core.errors import Conflict, InvalidRequest, NotFound, NotOwner, StaleFence, TooLarge, Unavailable
from services.core.model.fact import Author, Draft, Fact
from services.transcript.log import TranscriptLog
from services.transcript.store import FACT_BYTES, Entry
from tests.redis_server import RedisServer, path_binary, wheel_binary
from tests.unit.services.transcript.drafts import said

ME = "unix:/tmp/stage-a.sock"
OTHER = "127.0.0.1:7001"
SERVERS = {"path": path_binary, "wheel": wheel_binary}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """One of the servers."""
    binary = SERVERS[request.param]()
    if binary is None:
        pytest.skip(f"no Redis server from {request.param}")
    running = RedisServer(binary)
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest_asyncio.fixture
async def store(server: RedisServer) -> AsyncIterator[Redis]:
    """A client to that server, emptied."""
    client = redis_client(server.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def log(store: Redis) -> TranscriptLog:
    """The log under test."""
    return TranscriptLog(store)


async def test_numbers_facts_densely_and_gives_them_back(log: TranscriptLog) -> None:
    """Facts are numbered from 1 in the order given, and reading yields exactly what appending returned."""
    fence = await log.claim("s", ME, 6)
    first = await log.append("s", [said("u1"), said("u2", 'Или «нет»?\n"seq":0,', audience=("p-1", "mirelle"), cause=1, place="bar")], fence)
    second = await log.append("s", [said("u3", "好")], fence)
    assert [fact.seq for fact in [*first, *second]] == [1, 2, 3]
    assert await log.read("s") == [*first, *second]
    assert await log.head("s") == 3
    assert await log.one("s", 2) == first[1]
    assert await log.one("s", 4) is None
    assert await log.one("s", 0) is None


async def test_reads_ranges(log: TranscriptLog) -> None:
    """`after`, `upto` and `limit` bound what is read."""
    fence = await log.claim("s", ME, 6)
    await log.append("s", [said(f"u{number}") for number in range(1, 11)], fence)
    assert [fact.seq for fact in await log.read("s", after=3, upto=7)] == [4, 5, 6, 7]
    assert [fact.seq for fact in await log.read("s", after=3, limit=2)] == [4, 5]
    assert [fact.seq for fact in await log.read("s", after=8, upto=99, limit=9)] == [9, 10]
    assert await log.read("s", after=10) == []
    assert await log.read("nobody") == []
    assert await log.head("nobody") == 0


async def test_reads_more_than_a_page(log: TranscriptLog) -> None:
    """A long session is read whole."""
    fence = await log.claim("s", ME, 6)
    await log.append("s", [said(f"u{number}") for number in range(1201)], fence)
    assert [fact.seq for fact in await log.read("s")] == list(range(1, 1202))


async def test_a_known_key_keeps_its_fact(log: TranscriptLog) -> None:
    """Telling twice, in one call or in two, yields the fact that was written first."""
    fence = await log.claim("s", ME, 6)
    (first,) = await log.append("s", [said("u1", "first wording")], fence)
    again = await log.append("s", [said("u2"), said("u1", "second wording"), said("u2")], fence)
    assert [fact.seq for fact in again] == [2, 1, 2]
    assert again[1] == first
    assert await log.head("s") == 2


async def test_a_key_named_like_the_head_is_only_a_key(log: TranscriptLog) -> None:
    """A client's message id may be any word, even one that the store uses itself."""
    fence = await log.claim("s", ME, 6)
    facts = await log.append("s", [said("head"), said("k:head"), said("fence"), said("head")], fence)
    assert [fact.seq for fact in facts] == [1, 2, 3, 1]
    assert await log.head("s") == 3


@pytest.mark.parametrize("key", ["", "x" * 257, "a\0b", "\ud800"])
async def test_refuses_bad_keys(log: TranscriptLog, key: str) -> None:
    """A key must be short, non-empty text; nothing is written otherwise, not even what stood before it."""
    fence = await log.claim("s", ME, 6)
    with pytest.raises(InvalidRequest):
        await log.append("s", [said("fine"), said(key)], fence)
    assert await log.head("s") == 0


async def test_refuses_what_is_no_json(log: TranscriptLog) -> None:
    """A body that cannot be written as UTF-8 JSON is refused before anything is written."""
    fence = await log.claim("s", ME, 6)
    odd = Draft(key="k", kind="said", at_ms=0, by=Author("player"), body={"text": {1, 2}})
    for refused in (odd, said("u", "\ud83d")):
        with pytest.raises(InvalidRequest):
            await log.append("s", [refused], fence)
    assert await log.head("s") == 0


@pytest.mark.parametrize("sid", ["", "a}{b", "a b", "s" * 129, "ü"])
async def test_refuses_ids_that_leave_their_hash_tag(log: TranscriptLog, sid: str) -> None:
    """A session id cannot reach another session's keys."""
    with pytest.raises(InvalidRequest):
        await log.claim(sid, ME, 6)
    with pytest.raises(InvalidRequest):
        await log.read(sid)


async def test_bounds_the_size_of_a_fact(log: TranscriptLog) -> None:
    """The largest fact is written, one byte more is refused."""
    fence = await log.claim("s", ME, 6)
    rest = len(said("u", "").at(0).to_json())
    with pytest.raises(TooLarge):
        await log.append("s", [said("u", "x" * (FACT_BYTES - rest + 1))], fence)
    (fact,) = await log.append("s", [said("u", "x" * (FACT_BYTES - rest))], fence)
    assert await log.one("s", 1) == fact


async def test_large_batches_go_in_parts(log: TranscriptLog) -> None:
    """A batch beyond what one script call should carry is still written whole and in order."""
    fence = await log.claim("s", ME, 6)
    facts = await log.append("s", [said(f"u{number}", str(number) * 1_500_000) for number in range(8)], fence)
    assert [fact.seq for fact in facts] == list(range(1, 9))
    assert [fact.body["utterance"] for fact in await log.read("s")] == [f"u{number}" for number in range(8)]


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
        await old.renew("s", stale, 6)
    await old.release("s", stale)
    assert await new.owner("s") == OTHER
    assert [fact.seq for fact in await new.append("s", [said("u4")], fence)] == [2]
    assert [fact.body["utterance"] for fact in await new.read("s")] == ["u1", "u4"]


async def test_nobody_appends_without_a_claim(log: TranscriptLog) -> None:
    """A fence that was never handed out is refused, whether too low or too high."""
    for fence in (0, 1, 2**52):
        with pytest.raises(StaleFence):
            await log.append("s", [said("u")], fence)
    fence = await log.claim("s", ME, 6)
    with pytest.raises(StaleFence):
        await log.append("s", [said("u")], fence + 1)
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


async def test_releasing_frees_the_session_and_keeps_the_fence_rising(store: Redis) -> None:
    """After a release anybody may claim, under a higher fence."""
    log = TranscriptLog(store)
    fence = await log.claim("s", ME, 60)
    await log.release("s", fence)
    assert await log.owner("s") is None
    assert await TranscriptLog(store).claim("s", OTHER, 6) > fence


async def test_renewing_outlives_the_first_lease(log: TranscriptLog, store: Redis) -> None:
    """A renewed lease lasts; one that ran out unclaimed is taken up again, since nobody wrote meanwhile."""
    fence = await log.claim("s", ME, 60)
    await log.renew("s", fence, 90)
    assert await store.pttl("{s}:owner") > 60_000
    await store.delete("{s}:owner")
    await log.renew("s", fence, 90)
    assert await log.owner("s") == ME
    assert await store.pttl("{s}:owner") > 60_000
    assert len(await log.append("s", [said("u")], fence)) == 1


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plans=st.lists(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=4), max_size=5), min_size=2, max_size=5))
async def test_concurrent_appends_stay_dense_and_single(store: Redis, plans: list[list[list[int]]]) -> None:
    """Whatever several tasks append at once, repeated keys included: every key has one fact and the numbers have no gap."""
    log = TranscriptLog(store)
    sid = uuid4().hex
    fence = await log.claim(sid, ME, 60)
    seqs: dict[str, set[int]] = {}

    async def append(plan: list[list[int]]) -> None:
        for keys in plan:
            facts = await log.append(sid, [said(f"u{key}") for key in keys], fence)
            for key, fact in zip(keys, facts, strict=True):
                assert fact.body["utterance"] == f"u{key}"
                seqs.setdefault(f"u{key}", set()).add(fact.seq)

    async with asyncio.TaskGroup() as group:
        for plan in plans:
            group.create_task(append(plan))
    facts = await log.read(sid)
    assert [fact.seq for fact in facts] == list(range(1, len(seqs) + 1))
    assert {key: {fact.seq} for fact in facts for key in [fact.body["utterance"]]} == seqs


async def test_entries_are_the_envelopes_that_were_written(log: TranscriptLog, store: Redis) -> None:
    """The stream holds one readable field per fact: the whole envelope with its seq, under the idempotency key."""
    fence = await log.claim("s", ME, 6)
    nested = Draft(key="n1", kind="portal", at_ms=1, by=Author('"seq":0,'), body={"seq": 0, "deep": {"seq": 0, "x": 1}})
    facts = await log.append("s", [said("u1", "Ünïcode «да» 好"), nested], fence)
    assert await log.entries("s") == [Entry(1, "u1", facts[0].to_json()), Entry(2, "n1", facts[1].to_json())]
    assert await store.xrange("{s}:t", count=1) == [(b"1-0", {b"u1": facts[0].to_json().encode()})]


async def test_appending_after_a_trim_keeps_numbers_and_keys(log: TranscriptLog, store: Redis) -> None:
    """A trim frees memory only: numbering goes on, old keys are still known, and reading what is gone says so."""
    fence = await log.claim("s", ME, 6)
    await log.append("s", [said(f"u{number}") for number in range(1, 6)], fence)
    await log.trim("s", 4)
    assert [fact.seq for fact in await log.read("s", after=3)] == [4, 5]
    assert await log.one("s", 3) is None
    for after, upto in ((0, None), (1, 2), (2, None)):
        with pytest.raises(NotFound):
            await log.read("s", after=after, upto=upto)
    assert [fact.seq for fact in await log.append("s", [said("u2"), said("u6")], fence)] == [2, 6]
    await log.trim("s", 100)
    assert await store.xlen("{s}:t") == 0
    assert [fact.seq for fact in await log.append("s", [said("u7")], fence)] == [7]
    assert await log.head("s") == 7


async def test_restores_a_lost_stream(log: TranscriptLog, store: Redis) -> None:
    """Entries written back have their old seq, key and envelope; the numbering goes on behind them."""
    fence = await log.claim("s", ME, 6)
    await log.append("s", [said(f"u{number}") for number in range(1, 6)], fence)
    kept = await log.entries("s")
    for lost in (["{s}:t", "{s}:i", "{s}:fence", "{s}:owner"], ["{s}:t"]):
        await store.delete(*lost)
        fence = await log.claim("s", ME, 6)
        assert await log.newest("s") == 0
        assert await log.restore("s", kept[:2]) == 2
        assert await log.restore("s", kept) == 3
        assert await log.restore("s", kept) == 0
        assert await log.entries("s") == kept
        assert [fact.seq for fact in await log.append("s", [said("u3")], fence)] == [3]
    assert [fact.seq for fact in await log.append("s", [said("u6")], fence)] == [6]


async def test_restores_an_emptied_stream(log: TranscriptLog) -> None:
    """A stream that was trimmed to nothing takes its old numbers again."""
    fence = await log.claim("s", ME, 6)
    await log.append("s", [said(f"u{number}") for number in range(1, 4)], fence)
    kept = await log.entries("s")
    await log.trim("s", 4)
    assert await log.restore("s", kept) == 3
    assert await log.entries("s") == kept


async def test_restoring_refuses_gaps_and_clashes(log: TranscriptLog) -> None:
    """What does not continue the stream, or would give a key a second fact, is refused."""
    fence = await log.claim("s", ME, 6)
    await log.append("s", [said("u1"), said("u2")], fence)
    envelope = said("x").at(4).to_json()
    with pytest.raises(Conflict):
        await log.restore("s", [Entry(4, "x", envelope)])
    with pytest.raises(Conflict):
        await log.restore("s", [Entry(3, "u1", envelope)])
    assert await log.head("s") == 2


async def test_an_owner_notices_that_the_store_lost_facts(log: TranscriptLog, store: Redis) -> None:
    """If the store comes back with less than it acknowledged, the owner may not go on and give numbers out twice."""
    fence = await log.claim("s", ME, 6)
    await log.append("s", [said("u1"), said("u2")], fence)
    await store.hset("{s}:i", "head", 1)
    with pytest.raises(StaleFence, match="restore"):
        await log.append("s", [said("u3")], fence)


async def test_tail_yields_what_is_there_and_what_comes(log: TranscriptLog) -> None:
    """A tail begins behind `after`, then yields each new fact as it is written."""
    fence = await log.claim("s", ME, 6)
    await log.append("s", [said("u1"), said("u2")], fence)
    async with aclosing(log.tail("s", 1)) as tail:
        assert (await _next(tail)).seq == 2
        waiting = asyncio.ensure_future(anext(tail))
        await log.append("s", [said("u3"), said("u4")], fence)
        assert (await asyncio.wait_for(waiting, 5)).seq == 3
        assert (await _next(tail)).seq == 4


async def test_tail_waits_for_a_session_that_has_no_fact_yet(log: TranscriptLog) -> None:
    """Whoever tails before the first fact gets it."""
    async with aclosing(log.tail("s", 0)) as tail:
        waiting = asyncio.ensure_future(anext(tail))
        await log.append("s", [said("u1")], await log.claim("s", ME, 6))
        assert (await asyncio.wait_for(waiting, 5)).seq == 1


async def test_tail_reports_trimmed_facts_instead_of_skipping(log: TranscriptLog) -> None:
    """A tail that would have to skip facts fails and says where they are."""
    fence = await log.claim("s", ME, 6)
    await log.append("s", [said(f"u{number}") for number in range(1, 5)], fence)
    await log.trim("s", 3)
    async with aclosing(log.tail("s", 0)) as tail:
        with pytest.raises(NotFound):
            await _next(tail)


async def test_many_tails_do_not_starve_appends(store: Redis) -> None:
    """Blocked readers have connections of their own, so appends go on whatever their number."""
    log = TranscriptLog(store)
    fence = await log.claim("s", ME, 60)
    tails = [log.tail("s", 0) for _ in range(300)]
    waiting = [asyncio.ensure_future(anext(tail)) for tail in tails]
    try:
        async with asyncio.timeout(20):
            while (await store.info("clients"))["blocked_clients"] < 300:
                await asyncio.sleep(0.01)
        await log.append("s", [said("u1")], fence)
        facts = await asyncio.wait_for(asyncio.gather(*waiting), 30)
        assert [fact.seq for fact in facts] == [1] * 300
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for tail in tails:
            await tail.aclose()


async def test_a_store_that_cannot_be_reached_is_unavailable() -> None:
    """No server behind the address: every method says `Unavailable`, with nothing personal in it."""
    client = redis_client("unix:///tmp/nobody-listens-here")
    log = TranscriptLog(client)
    try:
        for call in (log.head("s"), log.read("s"), log.owner("s"), log.claim("s", ME, 6), log.append("s", [said("u", "secret")], 1)):
            with pytest.raises(Unavailable) as failure:
                await call
            assert "secret" not in failure.value.detail
    finally:
        await client.aclose()


async def _next(tail: AsyncIterator[Fact]) -> Fact:
    return await asyncio.wait_for(anext(tail), 5)


async def _claim_when_free(log: TranscriptLog, sid: str, address: str) -> int:
    async with asyncio.timeout(5):
        while True:
            try:
                return await log.claim(sid, address, 6)
            except NotOwner:
                await asyncio.sleep(0.01)
