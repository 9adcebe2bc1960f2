"""One run: a table under load, one fault after the other in an order of chance, and what is left of the session at the end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2

from tests.acceptance.table import facts_of
from tests.chaos.faults import FAULTS
from tests.chaos.invariants import ENDED, Evidence, Told, closure, violations
from tests.chaos.load import Load
from tests.chaos.table import Table, left, table
from tests.waiting import until

RECOVERED_S: Final = 10.0
"""Promised, from the end of a fault to the end of an answer."""
_GIVEN_UP_S: Final = 40.0
_REST_S: Final = 90.0
"""The outbox sends again what nobody has settled for 30 s."""
_WRITERS: Final = ("ann", "bob")


@dataclass(slots=True)
class Report:
    """What a run has shown."""

    seed: int
    faults: list[str] = field(default_factory=list)
    """In the order in which they came."""
    recovered_s: dict[str, float] = field(default_factory=dict)
    """From the end of the fault to the end of the first turn behind it."""
    acknowledged: int = 0
    facts: int = 0
    corrections: int = 0
    violations: list[str] = field(default_factory=list)


async def run(seed: int, faults: Sequence[str], folder: Path) -> Report:
    """Everything by `seed`: order, moments, lengths."""
    chance = random.Random(seed)
    report = Report(seed, chance.sample(list(faults), len(faults)))
    async with table(folder) as here:
        load = Load(here.url, here.session, random.Random(seed + 1))
        working = [asyncio.create_task(load.write(name), name=name) for name in _WRITERS]
        working.append(asyncio.create_task(load.direct(), name="director"))
        watching = [asyncio.create_task(load.read("reader"), name="reader"), asyncio.create_task(load.play("player"), name="player")]
        try:
            await until(lambda: here.answers(f"first-{seed}", 10), 30, "the first answer")
            for fault in report.faults:
                await FAULTS[fault](here, load, chance)
                report.recovered_s[fault] = await _recovery(here, f"probe-{seed}-{len(report.recovered_s)}")
            load.over.set()
            async with asyncio.timeout(_REST_S):
                await asyncio.gather(*working)
            head = await _at_rest(here, load)
            await until(lambda: all(seen and seen[-1].seq >= head for seen in load.shown.values()), _REST_S, "the last fact at every reader")
            corrections = await load.corrections()
        finally:
            for task in (*working, *watching):
                task.cancel()
            await asyncio.gather(*working, *watching, return_exceptions=True)
        await here.program.stop()
        stream, archive = await left(here.redis, here.program.data, here.session)
    evidence = Evidence(stream=stream, archive=archive, acknowledged=load.acknowledged, shown=load.shown, corrections=corrections)
    report.acknowledged, report.facts, report.corrections = len(load.acknowledged), len(archive), len(corrections)
    report.violations = [*violations(evidence), *(f"refused {answer}" for answer in load.refused)]
    return report


async def _recovery(here: Table, key: str) -> float:
    began = time.monotonic()
    tries = 0

    async def answers() -> bool:
        nonlocal tries
        tries += 1
        return await here.answers(f"{key}-{tries}", RECOVERED_S)

    await until(answers, _GIVEN_UP_S, "an answer after the fault")
    return time.monotonic() - began


async def _at_rest(here: Table, load: Load) -> int:
    """Nothing is open and nothing waits; the seq of the last fact."""
    head = 0

    async def rests() -> bool:
        nonlocal head
        with suppress(httpx2.HTTPError):
            facts = await facts_of(here.url, here.session)
            head = facts[-1]["seq"]
            waiting = [row for row in (await load.corrections()).values() if row.state not in ENDED]
            return not waiting and not list(closure([Told.of(fact) for fact in facts]))
        return False

    await until(rests, _REST_S, "rest")
    return head
