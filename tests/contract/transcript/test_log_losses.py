"""The log's contract on what is gone from the store: trimmed, lost and put back."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from services.core.errors import Conflict, NotFound, StaleFence
from services.transcript.log import TranscriptLog
from services.transcript.store import Entry
from tests.unit.services.transcript.drafts import said

ME = "unix:/tmp/stage-a.sock"


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


async def test_an_owner_notices_that_the_store_lost_facts(log: TranscriptLog, store: Redis) -> None:
    """If the store comes back with less than it acknowledged, the owner may not go on and give numbers out twice."""
    fence = await log.claim("s", ME, 6)
    await log.append("s", [said("u1"), said("u2")], fence)
    await store.hset("{s}:i", "head", 1)
    with pytest.raises(StaleFence, match="restore"):
        await log.append("s", [said("u3")], fence)
