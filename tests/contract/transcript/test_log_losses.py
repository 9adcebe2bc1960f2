"""The log's contract on what is gone from the store: trimmed, lost and put back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from services.core.errors import Conflict, NotFound, Recovering, StaleFence
from services.transcript.log import TranscriptLog
from services.transcript.store import Entry
from tests.unit.services.transcript.drafts import said

ME = "unix:/tmp/stage-a.sock"
OTHER = "unix:/tmp/stage-b.sock"


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


@pytest.mark.parametrize("source", ["archive", "memory"])
async def test_a_large_loss_goes_back_in_parts(log: TranscriptLog, store: Redis, source: str) -> None:
    """However long the facts, no script call holds the store for more than a batch's worth of them."""
    fence = await log.claim("s", ME, 60)
    await log.append("s", [said(f"u{number}", "x" * 1_900_000) for number in range(8)], fence)
    kept = await log.entries("s")
    # The server's first sight of the script is a call more.
    await log.restore("s", kept)
    await store.delete("{s}:t", "{s}:i")
    before = await _script_calls(store)
    assert await (log.restore("s", kept) if source == "archive" else log.replay("s")) == 8
    assert await _script_calls(store) - before == 2
    assert await log.entries("s") == kept


async def _script_calls(store: Redis) -> int:
    return int((await store.info("commandstats"))["cmdstat_evalsha"]["calls"])


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


async def _written(log: TranscriptLog, count: int) -> int:
    """Some facts; the fence that they were written under."""
    fence = await log.claim("s", ME, 60)
    await log.append("s", [said(f"u{number}") for number in range(1, count + 1)], fence)
    return fence


@pytest.mark.parametrize("lost", ["tail", "claim", "everything"])
async def test_an_owner_gives_back_what_the_store_lost(log: TranscriptLog, store: Redis, lost: str) -> None:
    """A store that came back with less than it acknowledged takes nothing, until the owner has written what it holds under the old numbers and keys."""
    fence = await _written(log, 5)
    before = await log.entries("s")
    if lost == "tail":
        await _cut(store, log, 3)
    elif lost == "claim":
        await store.set("{s}:fence", fence - 1)
        await store.delete("{s}:owner")
    else:
        await store.flushall()
    with pytest.raises(Recovering):
        await log.append("s", [said("u6")], fence)
    with pytest.raises(Recovering):
        await log.renew("s", 60)
    again = await log.regain("s", 60)
    assert again > fence
    assert await log.replay("s") == {"tail": 2, "claim": 0, "everything": 5}[lost]
    assert await log.entries("s") == before
    assert [fact.seq for fact in await log.append("s", [said("u4"), said("u6")], again)] == [4, 6]


async def test_a_renewal_does_not_disturb_an_owner_that_gives_back(log: TranscriptLog, store: Redis) -> None:
    """Whenever it comes: on its way while the session is claimed anew, or before everything is back. It keeps the lease alive until then."""
    await _written(log, 5)
    await _cut(store, log, 3)
    with pytest.raises(Recovering):
        await log.append("s", [said("u6")])
    answers = await asyncio.gather(
        *(log.renew("s", 60) for _ in range(10)), log.regain("s", 60), *(log.renew("s", 60) for _ in range(10)), return_exceptions=True
    )
    assert [answer for answer in answers if isinstance(answer, StaleFence)] == []
    with pytest.raises(Recovering):
        await log.renew("s", 90)
    assert await store.pttl("{s}:owner") > 60_000
    assert await log.replay("s") == 2
    await log.renew("s", 60)
    assert [fact.seq for fact in await log.append("s", [said("u4"), said("u6")])] == [4, 6]


async def test_what_is_archived_is_not_kept(log: TranscriptLog, store: Redis) -> None:
    """It comes from the archive; without that there is a gap, and that is said."""
    await _written(log, 5)
    before = await log.entries("s")
    log.archived("s", 3)
    await _cut(store, log, 2)
    await log.regain("s", 60)
    with pytest.raises(Conflict):
        await log.replay("s")
    assert await log.restore("s", before[2:3]) == 1
    assert await log.replay("s") == 2
    assert await log.entries("s") == before


async def test_a_word_told_twice_is_kept_as_it_was_first_told(log: TranscriptLog, store: Redis) -> None:
    """A key that was known already is replayed with the words that stand there."""
    await _written(log, 1)
    other = TranscriptLog(store)
    again = await other.claim("s", ME, 60)
    assert [fact.seq for fact in await other.append("s", [replace(said("u1"), body={"text": "other words"}), said("u2")], again)] == [1, 2]
    before = await log.entries("s")
    await store.flushall()
    await other.regain("s", 60)
    assert await other.replay("s") == 2
    assert await log.entries("s") == before


async def test_somebody_who_never_claimed_regains_nothing(log: TranscriptLog) -> None:
    """There is nothing to go on from."""
    with pytest.raises(StaleFence):
        await log.regain("s", 60)


async def _cut(store: Redis, log: TranscriptLog, upto: int) -> None:
    """As an append-only file without its last moments."""
    for entry in await log.entries("s", upto):
        await store.xdel("{s}:t", f"{entry.seq}-0")
        await store.hdel("{s}:i", f"k:{entry.key}")
    await store.execute_command(  # type: ignore[no-untyped-call]
        "XSETID", "{s}:t", f"{upto}-0"
    )
    await store.hset("{s}:i", "head", upto)


async def test_who_is_the_owner_no_more_gives_nothing_back(log: TranscriptLog, store: Redis) -> None:
    """It stood still while the store lost its tail and another one took the session: what it still has is not what happened since."""
    await _written(log, 5)
    kept = await log.entries("s")
    await _cut(store, log, 3)
    other = TranscriptLog(store)
    fence = await other.claim("s", OTHER, 60, dead=ME)
    [new] = await other.append("s", [said("new")], fence)
    for gives_back in (log.replay("s"), log.restore("s", kept)):
        with pytest.raises(StaleFence):
            await gives_back
    assert [entry.seq for entry in await other.entries("s")] == [1, 2, 3, new.seq]
    assert (await other.append("s", [said("next")], fence))[0].seq == new.seq + 1


async def test_a_new_owner_answers_for_what_the_one_before_had_written(log: TranscriptLog, store: Redis) -> None:
    """It has shown all that to its listeners: a store that loses it afterwards gets it back from there."""
    await _written(log, 5)
    other = TranscriptLog(store)
    await other.claim("s", OTHER, 60, dead=ME)
    before = await other.entries("s")
    other.hold("s", before, 2)
    await _cut(store, other, 3)
    with pytest.raises(Recovering):
        await other.append("s", [said("u6")])
    fence = await other.regain("s", 60)
    assert await other.replay("s") == 2
    assert await other.entries("s") == before
    assert [fact.seq for fact in await other.append("s", [said("u6")], fence)] == [6]
