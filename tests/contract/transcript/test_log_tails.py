"""The log's contract on who reads along."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from services.core.errors import NotFound
from services.core.model.fact import Fact
from services.transcript.log import TranscriptLog
from tests.unit.services.transcript.drafts import said

ME = "unix:/tmp/stage-a.sock"


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


async def _next(tail: AsyncIterator[Fact]) -> Fact:
    return await asyncio.wait_for(anext(tail), 5)
