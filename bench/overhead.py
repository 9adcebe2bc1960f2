"""What the program adds to a turn, and how fast it falls silent: runs of the load generator, summed up as tables."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.cores import LOAD, hurry, on_core
from bench.figures import LATE_MS, Spread, number, percentile, spread, table
from bench.load import SPREAD_S, WARM_UP_S, Load, Measured
from bench.program import Program, running
from bench.script import ENERGY, HANG_OVER_MS, first_stop_ms, settings

_SLACK_S: Final = 60.0
FAST_MS: Final = 5.0
SLOW_MS: Final = 20.0
HEAD: Final = ("audio as", "ms a token", "sessions", "turns", "missing", "p50", "p95", "p99", "p50 less windows", "p95 less windows")
COST: Final = ("audio as", "ms a token", "sessions", "CPU %", "of it Redis", "RSS MB", "append p50", "append p95", "timers late", "others %")
BARGE_IN: Final = ("sessions", "interruptions", "confirmed p50", "p95", "p99", "max", "first frame p50", "of it p95")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One row: how many callers, on which wire, with how fast a model, how often."""

    sessions: int
    seconds: float
    runs: int
    token_ms: float = FAST_MS
    binary: bool = True
    interrupts: bool = False
    vad: str = ENERGY
    rest_s: float = 0.0
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A plan and what each of its runs measured."""

    plan: Plan
    runs: list[Measured]

    def over_runs(self, share: float, *, less_windows: bool) -> Spread:
        """A percentile of the overhead, in ms."""
        stop = first_stop_ms(self.plan.token_ms)
        return spread([percentile([took - stop - (grid if less_windows else 0) for took, grid in run.turns], share) for run in self.runs])

    @property
    def name(self) -> list[str]:
        """The first cells."""
        return ["PCM" if self.plan.binary else "JSON", f"{self.plan.token_ms:.0f}", str(self.plan.sessions)]

    def latency(self) -> list[str]:
        """Cells under `HEAD`."""
        cells = [str(self.over_runs(share, less_windows=False)) for share in (50, 95, 99)]
        cells += [str(self.over_runs(share, less_windows=True)) for share in (50, 95)]
        return [*self.name, str(sum(len(run.turns) for run in self.runs)), str(sum(run.missing for run in self.runs)), *cells]

    def cost(self) -> list[str]:
        """Cells under `COST`."""
        late = max(percentile(run.lateness, 99) for run in self.runs)
        use = [spread([getattr(run, field) for run in self.runs]) for field in ("cpu_percent", "redis_percent", "rss_mb")]
        written = [spread([percentile(run.appends, share) for run in self.runs]) for share in (50, 95)]
        others = spread([run.others_percent for run in self.runs])
        return [*self.name, *map(str, (*use, *written)), f"{number(late)}{' LATE' if late > LATE_MS else ''}", str(others)]

    def parts(self) -> list[str]:
        """p50 / p95 of the parts, as the program measures them, without the silence and the model's own time."""
        found = [parts for run in self.runs for parts in run.parts if {"end_of_turn_delay", "first_sentence", "tts_ttfa", "e2e"} <= parts.keys()]
        named: list[list[float]] = [
            [parts["end_of_turn_delay"] - HANG_OVER_MS for parts in found],
            [parts["e2e"] - parts["end_of_turn_delay"] - parts["first_sentence"] - parts["tts_ttfa"] for parts in found],
            [parts["first_sentence"] - first_stop_ms(self.plan.token_ms) for parts in found],
            [parts["tts_ttfa"] for parts in found],
        ]
        return [*self.name, *(f"{number(percentile(values, 50))} / {number(percentile(values, 95))}" for values in named)]

    def barge_in(self) -> list[str]:
        """Cells of the barge-in table."""
        confirmed = [after for run in self.runs for after, _ in run.interruptions]
        first = [after for run in self.runs for _, after in run.interruptions]
        cells = [number(percentile(confirmed, share)) for share in (50, 95, 99, 100)] + [number(percentile(first, share)) for share in (50, 95)]
        return [str(self.plan.sessions), str(len(confirmed)), *cells]


async def measured(plan: Plan) -> Row:
    """Start a fresh program and run the load against it, again and again."""
    with tempfile.TemporaryDirectory(prefix="souffleur-bench-") as folder:
        async with running(Path(folder), settings(plan.token_ms, plan.vad), urgent=plan.urgent) as program:
            return Row(plan, [await loaded(program, plan) for _ in range(plan.runs)])


async def loaded(program: Program, plan: Plan) -> Measured:
    """Run the load of a plan once against a program that runs already."""
    load = Load(
        url=program.url,
        redis_url=program.redis_url,
        pid=program.pid,
        sessions=plan.sessions,
        seconds=plan.seconds,
        binary=plan.binary,
        interrupts=plan.interrupts,
        vad=plan.vad,
        rest_s=plan.rest_s,
        model_ms=first_stop_ms(plan.token_ms),
    )
    return await generated(load, urgent=plan.urgent)


async def generated(load: Load, *, urgent: bool) -> Measured:
    """Run the load generator once. Raises `RuntimeError` if it failed."""
    async with _generator(urgent=urgent) as process, asyncio.timeout(SPREAD_S + WARM_UP_S + load.seconds + _SLACK_S):
        output, _ = await process.communicate(json.dumps(asdict(load)).encode())
    if process.returncode:
        raise RuntimeError("the load generator failed")
    found = Measured(**json.loads(output))
    for failure in dict.fromkeys(found.failures):
        sys.stderr.write(f"{load.sessions} sessions: {failure}\n")
    return found


@asynccontextmanager
async def _generator(*, urgent: bool) -> AsyncIterator[asyncio.subprocess.Process]:
    """The load generator on its own core; ended if it is still there."""
    pipe = asyncio.subprocess.PIPE
    with on_core(LOAD):
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.load", stdin=pipe, stdout=pipe, start_new_session=True)
    try:
        if urgent:
            hurry(process.pid)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def plans(sessions: Sequence[int], seconds: float, runs: int, *, urgent: bool) -> list[Plan]:
    """The rows of the overhead tables."""
    common: dict[str, Any] = {"seconds": seconds, "urgent": urgent}
    return [
        *(Plan(sessions=number_of, runs=runs, **common) for number_of in sessions),
        Plan(sessions=sessions[0], runs=runs, token_ms=SLOW_MS, **common),
        *(Plan(sessions=number_of, runs=1, binary=False, **common) for number_of in sessions),
    ]


def overhead_tables(rows: Sequence[Row]) -> str:
    """All that is said about the overhead."""
    texts = [table(HEAD, [row.latency() for row in rows]), table(COST, [row.cost() for row in rows])]
    wheres = ("audio as", "ms a token", "sessions", "decision", "text and floor", "prompt and sentence", "append and voice")
    texts.append("Parts of it, p50 / p95, as the program itself measures them:\n\n" + table(wheres, [row.parts() for row in rows]))
    alike = [row for row in rows if row.plan.binary and row.plan.token_ms == FAST_MS]
    if len(alike) > 1:
        least, most = alike[0], alike[-1]
        grown = spread([run.rss_mb for run in most.runs]).middle - spread([run.rss_mb for run in least.runs]).middle
        per_session = grown / max(1, most.plan.sessions - least.plan.sessions)
        texts.append(f"Memory per session, from {least.plan.sessions} to {most.plan.sessions}: {per_session:.2f} MB.")
    return "\n\n".join(texts)


def barge_in_table(rows: Sequence[Row]) -> str:
    """Last sound after the onset was confirmed, and after speech began."""
    return table(BARGE_IN, [row.barge_in() for row in rows])
