"""The log's contract, on every Redis that this program may find itself with: what is appended is read."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from services.compose import redis_client
from services.core.errors import InvalidRequest, TooLarge, Unavailable
from services.core.model.fact import Author, Draft
from services.transcript.log import TranscriptLog
from services.transcript.store import FACT_BYTES, Entry
from tests.unit.services.transcript.drafts import said

ME = "unix:/tmp/stage-a.sock"


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
