"""Measured: processor time and memory of every service in a process of its own, per talking table."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.overhead import FAST_MS, Plan, loaded
from bench.program import Program, running
from bench.script import settings
from services.catalog import SERVICES

STORE: Final = "redis"
_SETTLE_S: Final = 5.0
_AROUND_S: Final = 5.0
"""Before and behind the window: warm-up, and the turns that are brought to their end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one service."""

    cpu_ms_per_turn: float
    """Everything it does for a talking table, divided by the turns: audio both ways, facts, prompt."""
    cpu_share_per_table: float
    """Of one core, for a table that talks without pause (a turn about every three seconds)."""
    base_mb: float
    """Resident before anybody came."""
    table_mb: float
    """More for each table."""


@dataclass(frozen=True, slots=True)
class _Use:
    cpu_s: float
    rss_mb: float


async def measured_costs(tables: int, seconds: float) -> dict[str, Cost]:
    """By service; with the idle time of each taken off."""
    with tempfile.TemporaryDirectory(prefix="souffleur-bench-") as folder:
        async with running(Path(folder), settings(FAST_MS), pinned=False, options=["--processes"]) as program:
            # Whoever is measured has loaded everything.
            await loaded(program, Plan(sessions=1, seconds=3, runs=1))
            await asyncio.sleep(_SETTLE_S)
            idle = _used(program)
            await asyncio.sleep(_SETTLE_S)
            before = _used(program)
            resting = {name: (before[name].cpu_s - idle[name].cpu_s) / _SETTLE_S for name in before}
            watching = asyncio.create_task(_peak(program))
            run = await loaded(program, Plan(sessions=tables, seconds=seconds, runs=1))
            after, peak = _used(program), await _ended(watching)
    # The window in which turns are counted lies between a beginning and an end in which they are not.
    talked_s = seconds + _AROUND_S
    turns = (len(run.turns) + run.missing) * talked_s / seconds
    found = {}
    for name in (*SERVICES, STORE):
        spent = after[name].cpu_s - before[name].cpu_s - resting[name] * talked_s
        found[name] = Cost(
            cpu_ms_per_turn=max(0.0, 1000 * spent / turns),
            cpu_share_per_table=max(0.0, spent / talked_s / tables),
            base_mb=before[name].rss_mb,
            table_mb=max(0.0, (peak[name] - before[name].rss_mb) / tables),
        )
    return found


async def _peak(program: Program) -> dict[str, float]:
    peak: dict[str, float] = {}
    try:
        while True:
            for name, use in _used(program).items():
                peak[name] = max(peak.get(name, 0.0), use.rss_mb)
            await asyncio.sleep(1.0)
    except asyncio.CancelledError:
        return peak


async def _ended(watching: asyncio.Task[dict[str, float]]) -> dict[str, float]:
    watching.cancel()
    return await watching


def _used(program: Program) -> Mapping[str, _Use]:
    found = {}
    for child in psutil.Process(program.pid).children(recursive=True):
        command, times = child.cmdline(), child.cpu_times()
        name = STORE if "redis" in child.name() else command[-1] if "services" in command else ""
        if name:
            found[name] = _Use(times.user + times.system, child.memory_info().rss / 1e6)
    return found
