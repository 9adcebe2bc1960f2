"""A session read from the stream and, where that has been trimmed or lost, from the archive."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from services.core.errors import InvalidRequest, NotFound
from services.core.model.fact import Author
from services.core.model.facts import Joined, Said
from services.core.model.principal import Principal
from services.gateway.history import History
from services.gateway.principals import LOCAL
from services.transcript.archive import Archive
from services.transcript.log import TranscriptLog
from services.transcript.view import DIRECTOR
from tests.integration.gateway.tables import Table

_SID = "01table"


@pytest_asyncio.fixture
async def history(redis: Redis, tmp_path: Path) -> AsyncIterator[History]:
    """Five facts, the first four of them archived."""
    log, archive = TranscriptLog(redis), await Archive.open(f"sqlite+aiosqlite:///{tmp_path}/archive.sqlite3")
    table = Table(log)
    await table.write(_SID, Joined(member="p-1", role="player", name="Ada"), by=Author("player", "guest-a", "Ada"))
    for text in ("one", "two", "three"):
        await table.write(_SID, Said(utterance=text, text=text), by=Author("player", "p-1", "Ada"))
    await archive.store(_SID, await log.entries(_SID))
    await table.write(_SID, Said(utterance="four", text="four"), by=Author("player", "p-1", "Ada"))
    yield History(log, archive)
    await archive.close()


async def _seqs(history: History, after: int = 0, limit: int | None = None) -> list[int]:
    return [fact.seq for fact in await history.facts(_SID, after, limit)]


async def test_asking_for_sessions_that_are_not_there_costs_no_memory(history: History) -> None:
    """Whatever is asked for."""
    for sid in ("nowhere", "x" * 500, "a b"):
        with pytest.raises((NotFound, InvalidRequest)):
            await history.table(sid)
    await history.table(_SID)
    gc.collect()
    assert not history._locks


async def test_trimmed_facts_come_from_the_archive(history: History) -> None:
    """Without a gap and without a repeat, in pages too."""
    assert await _seqs(history) == [1, 2, 3, 4, 5]
    await history.log.trim(_SID, 4)
    assert await _seqs(history) == [1, 2, 3, 4, 5]
    assert await _seqs(history, 1, 2) == [2, 3]
    assert await _seqs(history, 4) == [5]
    assert await _seqs(history, 5) == []


async def test_a_lost_stream_leaves_what_was_archived(history: History, redis: Redis) -> None:
    """A session is readable before its owner has restored it; one that never was is not found."""
    await redis.flushall()
    assert await _seqs(history) == [1, 2, 3, 4]
    with pytest.raises(NotFound):
        await history.facts("nothing")


async def test_the_tail_goes_from_the_archive_into_the_live_stream(history: History) -> None:
    """What was trimmed, what is there and what comes, each once."""
    await history.log.trim(_SID, 4)
    table = Table(history.log)
    seen = []
    async with asyncio.timeout(10), aclosing(history.tail(_SID, 0)) as facts:
        async for fact in facts:
            seen.append(fact.seq)
            if fact.seq == 5:
                await table.write(_SID, Said(utterance="five", text="five"))
            if fact.seq == 6:
                break
    assert seen == [1, 2, 3, 4, 5, 6]


async def test_a_table_is_kept_and_advanced(history: History) -> None:
    """The second look costs only what is new, and shows it."""
    first = await history.table(_SID)
    assert await history.table(_SID) == first
    await Table(history.log).write(_SID, Said(utterance="five", text="five"))
    assert (await history.table(_SID)).view.seq == 6


async def test_who_reads_is_who_joined(history: History) -> None:
    """The director reads everything, a player as its member, a stranger finds nothing."""
    assert await history.reader(_SID, LOCAL) == DIRECTOR
    reader = await history.reader(_SID, Principal("guest-a", "player"))
    assert (reader.role, reader.member) == ("player", "p-1")
    with pytest.raises(NotFound):
        await history.reader(_SID, Principal("guest-b", "player"))
