"""One run: a table under load, one fault after the other in an order of chance, and what is left of the session at the end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil

from tests.acceptance.table import facts_of
from tests.chaos.closure import unfinished
from tests.chaos.evidence import Evidence, Told
from tests.chaos.faults import BROKERED, FAULTS
from tests.chaos.invariants import ENDED, violations
from tests.chaos.lateness import Lateness, measured
from tests.chaos.load import PLAYER, Load
from tests.chaos.probes import works
from tests.chaos.report import RECOVERED_S, Report
from tests.chaos.table import DEADLINE_S, Table, left, table
from tests.waiting import until

_GIVEN_UP_S: Final = 40.0
_REST_S: Final = 90.0
"""The outbox sends again what nobody has settled for 30 s."""
_CALM_LINES: Final = 2
"""Lines between two faults that none of them has touched."""
_AGAIN_S: Final = 0.1
_LOOK_S: Final = 0.5
_WRITERS: Final = ("ann", "bob")
_BREAKS: Final = (AssertionError, TimeoutError, OSError, RuntimeError, httpx2.HTTPError, psutil.Error)


async def run(seed: int, faults: Sequence[str], folder: Path) -> Report:
    """Everything by `seed`: order, moments, lengths. A state that never came is a result like any other."""
    chance = random.Random(seed)
    report = Report(seed, chance.sample(list(faults), len(faults)))
    try:
        with measured() as lateness:
            await _session(report, chance, lateness, folder)
    except _BREAKS as error:
        behind = list(report.recovered_s)[-1:] or ["the beginning"]
        report.violations.append(f"broken off behind {behind[0]}: {type(error).__name__}: {error}")
    return report


async def _session(report: Report, chance: random.Random, lateness: Lateness, folder: Path) -> None:
    async with table(folder, brokered=any(name in BROKERED for name in report.faults)) as here:
        load = Load(here.url, here.session, random.Random(report.seed + 1))
        watched = {"reader": load.read("reader"), PLAYER: load.seat.sit(), "gateway": load.gateway.watch()}
        watching = [asyncio.create_task(work, name=name) for name, work in watched.items()]
        working: list[asyncio.Task[None]] = []
        try:
            # Whoever writes before somebody sits there is a second person at the table, and with two of them nobody is answered who names nobody.
            await until(lambda: any(fact.kind == "joined" and fact.body["role"] == "player" for fact in load.shown[PLAYER]), _GIVEN_UP_S, "a player")
            working += [asyncio.create_task(load.write(name), name=name) for name in _WRITERS]
            working.append(asyncio.create_task(load.direct(), name="director"))
            calm = [await _calm(load, await _answered(here, f"first-{report.seed}"))]
            for number, fault in enumerate(report.faults):
                died = await FAULTS[fault](here, load, chance)
                healed = time.monotonic()
                began = healed if died is None else died
                end = await _answered(here, f"probe-{report.seed}-{number}")
                await works(fault, here, load, healed)
                report.recovered_s[fault] = time.monotonic() - began
                report.machine_late_s[fault], report.crowd[fault] = lateness.longest_s(began), lateness.crowd(began)
                calm.append(await _calm(load, end))
            load.over.set()
            await ended(working, _REST_S)
            head = await _at_rest(here, load)
            await until(lambda: all(_is_told(name, load, head) for name in load.shown), _REST_S, "the last fact at every reader", _AGAIN_S)
            corrections = await load.corrections()
        finally:
            for task in (*working, *watching):
                task.cancel()
            await asyncio.gather(*working, *watching, return_exceptions=True)
        await here.program.stop()
        stream, archive = await left(here.redis, here.program.data, here.session)
    told: dict[str, Any] = {"asked": load.asked, "acknowledged": load.acknowledged, "shown": load.shown, "corrections": corrections}
    evidence = Evidence(stream=stream, archive=archive, players={PLAYER}, calm=calm, deadline_s=DEADLINE_S, **told)
    report.resumed_s = load.seat.resumed_s
    report.acknowledged, report.facts, report.corrections = len(load.acknowledged), len(archive), len(corrections)
    report.violations = [*violations(evidence), *(f"refused {answer}" for answer in load.refused)]


def _is_told(reader: str, load: Load, head: int) -> bool:
    """Of everything; a player of everything that was said."""
    if reader == PLAYER:
        said = [fact.seq for fact in load.shown["reader"] if fact.kind == "said"]
        return not said or any(fact.seq == said[-1] for fact in load.shown[PLAYER])
    return bool(load.shown[reader]) and load.shown[reader][-1].seq >= head


async def _answered(here: Table, key: str) -> int:
    """The seq of the end of the first line of which something was heard."""
    tries = 0

    async def answers() -> int:
        nonlocal tries
        tries += 1
        return await here.answers(f"{key}-{tries}", RECOVERED_S)

    return int(await until(answers, _GIVEN_UP_S, "an answer of which something is heard", _AGAIN_S))


async def _calm(load: Load, behind: int) -> tuple[int, int]:
    """Wait until some lines behind this fact have come and gone with nothing wrong; from which fact to which one that was."""
    facts = load.shown[PLAYER]
    await until(lambda: _lines(facts, behind) >= _CALM_LINES, _GIVEN_UP_S, "lines in a calm", _AGAIN_S)
    return behind, load.seen


def _lines(facts: Sequence[Told], behind: int) -> int:
    """How many were opened behind this fact, and are over."""
    later = [fact for fact in facts if fact.seq > behind]
    opened = {fact.body["line"] for fact in later if fact.kind == "line_opened"}
    return sum(fact.kind == "line_closed" and fact.body["line"] in opened for fact in later)


async def ended(working: Sequence[asyncio.Task[None]], within_s: float) -> None:
    """Everybody has done what they began: the last words of each are acknowledged."""
    done, waiting = await asyncio.wait(working, timeout=within_s)
    for task in done:
        task.result()
    assert not waiting, f"never acknowledged: the last words of {', '.join(sorted(task.get_name() for task in waiting))}"


async def _at_rest(here: Table, load: Load) -> int:
    """Nothing is open and nothing waits; the seq of the last fact."""
    head = 0

    async def rests() -> bool:
        nonlocal head
        with suppress(httpx2.HTTPError):
            if any(row.state not in ENDED for row in (await load.corrections()).values()):
                return False
            facts = await facts_of(here.url, here.session)
            head = facts[-1]["seq"]
            return not list(unfinished([Told.of(fact) for fact in facts]))
        return False

    await until(rests, _REST_S, "rest", _LOOK_S)
    return head
