"""Souffleur, Pipecat and LiveKit Agents under the same callers, one after the other at every size: the tables of the section `peers`."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bench.figures import LATE_MS, ONSET_MS, number, percentile, spread, table
from bench.load import Load
from bench.overhead import SLOW_MS, Plan, Row, generated, measured
from bench.peers import servers
from bench.peers.environments import LIVEKIT, PIPECAT, SOUFFLEUR, Peer, ready
from bench.peers.fakes import ONSET_WINDOWS, WINDOW_MS
from bench.peers.size import Weight, weighed
from bench.script import SILERO, first_stop_ms
from services.gateway.hearing.vad import EnergyVad

SESSIONS: Final = (1, 10, 25, 50)
HEAD: Final = ("system", "ms a token", "sessions", "turns", "missing", "p50", "p95", "p99", "CPU %", "RSS MB", "timers late", "others %")
BAR_MS: Final = 100.0
"""A size at which the p95 of the overhead is below this, and every turn was answered, is held."""
_HOPELESS_MS: Final = 1000.0
"""Above this p95 no larger size is tried."""
_REST_S: Final = 3.0
"""Our replies last longer than the others', for the pauses between their sentences: everybody has to answer as often."""
_INTERRUPTED: Final = 10
_IMPORTS: Final = 5


@dataclass(slots=True)
class Found:
    """All that was measured of one system."""

    rows: list[Row] = field(default_factory=list)
    slow: Row | None = None
    barge_in: Row | None = None
    weight: Weight | None = None


async def peers_tables(sessions: Sequence[int], seconds: float, runs: int, *, urgent: bool) -> str:
    """Both tables: a row for each system and size, and a column for each system."""
    common: dict[str, Any] = {"seconds": seconds, "runs": runs, "rest_s": _REST_S, "urgent": urgent}
    found = await _sizes(sessions, common)
    for peer, so_far in found.items():
        so_far.slow = await _row(peer, Plan(sessions=sessions[0], token_ms=SLOW_MS, **common))
        so_far.barge_in = await _row(peer, Plan(sessions=_INTERRUPTED, interrupts=True, **common))
        if await asyncio.to_thread(ready, peer):
            so_far.weight = await asyncio.to_thread(weighed, peer, _IMPORTS)
    return f"{rows_table(found)}\n\n{columns_table(found)}\n\n{_versions(found)}"


async def silero_table(sessions: Sequence[int], seconds: float, runs: int, *, urgent: bool) -> str:
    """The rows once more, each system with its own build of the Silero model, and a caller who speaks."""
    found = await _sizes(sessions, {"seconds": seconds, "runs": runs, "rest_s": _REST_S, "urgent": urgent, "vad": SILERO})
    most = table(("figure", *(peer.title for peer in found)), [_most(found)])
    return f"{rows_table(found)}\n\n{most}\n\n{_versions(found)}"


async def _sizes(sessions: Sequence[int], common: Mapping[str, Any]) -> dict[Peer, Found]:
    """Every system that can be had, size by size, until it is hopeless."""
    others = [peer for peer in (PIPECAT, LIVEKIT) if await asyncio.to_thread(ready, peer)]
    found = {peer: Found() for peer in (SOUFFLEUR, *others)}
    for count in sessions:
        for peer, so_far in found.items():
            if not so_far.rows or not _hopeless(so_far.rows[-1]):
                so_far.rows.append(await _row(peer, Plan(sessions=count, **common)))
    return found


def _versions(found: Iterable[Peer]) -> str:
    return f"{'; '.join(peer.versions() for peer in found if peer is not SOUFFLEUR) or 'no other system could be installed'}."


async def _row(peer: Peer, plan: Plan) -> Row:
    kind = ", interrupted" if plan.interrupts else ""
    sys.stderr.write(f"{peer.title}: {plan.runs} x {plan.seconds:.0f} s, {plan.sessions} sessions, {plan.token_ms:.0f} ms a token, {plan.vad}{kind}\n")
    try:
        return await (measured(plan) if peer is SOUFFLEUR else _measured(peer, plan))
    except (RuntimeError, TimeoutError) as error:
        # At this size it gives up; what the others can do is still to be told.
        sys.stderr.write(f"{peer.title}: {error or 'nothing more was heard of it'}\n")
        return Row(plan, [])


async def _measured(peer: Peer, plan: Plan) -> Row:
    async with servers.voice(peer, plan.token_ms, plan.vad, urgent=plan.urgent) as server:
        common: dict[str, Any] = {"sessions": plan.sessions, "seconds": plan.seconds, "interrupts": plan.interrupts, "rest_s": plan.rest_s}
        load = Load(url=server.url, pid=server.pid, vad=plan.vad, model_ms=first_stop_ms(plan.token_ms), raw=True, **common)
        return Row(plan, [await generated(load, urgent=plan.urgent) for _ in range(plan.runs)])


def _hopeless(row: Row) -> bool:
    middle = row.over_runs(95, less_windows=False).middle
    return not middle <= _HOPELESS_MS


def rows_table(found: Mapping[Peer, Found]) -> str:
    """Size by size, and the slower model at the end."""
    counts = sorted({row.plan.sessions for one in found.values() for row in one.rows})
    rows = [_cells(peer, row) for count in counts for peer, one in found.items() for row in one.rows if row.plan.sessions == count]
    rows += [_cells(peer, one.slow) for peer, one in found.items() if one.slow is not None]
    return table(HEAD, rows)


def _cells(peer: Peer, row: Row) -> list[str]:
    use = [str(spread([getattr(run, name) for run in row.runs])) for name in ("cpu_percent", "rss_mb", "others_percent")]
    latency = [str(row.over_runs(share, less_windows=False)) for share in (50, 95, 99)]
    counts = [str(sum(len(run.turns) for run in row.runs)), str(sum(run.missing for run in row.runs))]
    return [peer.title, f"{row.plan.token_ms:.0f}", str(row.plan.sessions), *counts, *latency, *use[:2], _late(row), use[2]]


def _late(row: Row | None) -> str:
    """The load generator's own timers, p99 of the worst run."""
    late = max((percentile(run.lateness, 99) for run in (row.runs if row is not None else [])), default=math.nan)
    return f"{number(late)}{' LATE' if late > LATE_MS else ''}"


def columns_table(found: Mapping[Peer, Found]) -> str:
    """Figure by figure."""
    lines: list[list[str]] = [
        _most(found),
        ["CPU % per session, at the most of them", *(_cpu(one.rows) for one in found.values())],
        ["memory per session, MB", *(_memory(one.rows) for one in found.values())],
        ["speech that is an onset, ms", *(_onset(peer) for peer in found)],
        ["confirmed onset to last sound, p50 / p95 / max, ms", *(_barge_in(one.barge_in, 0, (50, 95, 100)) for one in found.values())],
        ["first frame of speech to last sound, p50 / p95, ms", *(_barge_in(one.barge_in, 1, (50, 95)) for one in found.values())],
        ["timers late in that run", *(_late(one.barge_in) for one in found.values())],
        ["import, s", *(_weight(one.weight, "import_s") for one in found.values())],
        ["memory after import, MB", *(_weight(one.weight, "rss_mb") for one in found.values())],
        ["installed, MiB (packages)", *(_disk(one.weight) for one in found.values())],
    ]
    return table(("figure", *(peer.title for peer in found)), lines)


def _most(found: Mapping[Peer, Found]) -> list[str]:
    return [f"most sessions with p95 below {BAR_MS:.0f} ms, no turn missing", *(held(one.rows) for one in found.values())]


def held(rows: Sequence[Row]) -> str:
    """The largest size below which none failed, and the next one, which did."""
    most = "none"
    for row in rows:
        if not _holds(row):
            return f"{most}, not {row.plan.sessions}"
        most = str(row.plan.sessions)
    return f"{most}, no more tried"


def _holds(row: Row) -> bool:
    # A percentile knows of answered turns only.
    return row.over_runs(95, less_windows=False).middle < BAR_MS and not any(run.missing for run in row.runs)


def _cpu(rows: Sequence[Row]) -> str:
    holding = [row for row in rows if _holds(row)]
    if not holding:
        return "-"
    last = holding[-1]
    return f"{spread([run.cpu_percent for run in last.runs]).middle / last.plan.sessions:.2f}"


def _memory(rows: Sequence[Row]) -> str:
    """The slope from the fewest sessions to the most."""
    rows = [row for row in rows if row.runs]
    if len(rows) < 2:
        return "-"
    least, most = (spread([run.rss_mb for run in row.runs]).middle for row in (rows[0], rows[-1]))
    return f"{(most - least) / (rows[-1].plan.sessions - rows[0].plan.sessions):.2f}"


def _onset(peer: Peer) -> str:
    window = EnergyVad.window_ms
    return str(ONSET_MS // window * window if peer is SOUFFLEUR else ONSET_WINDOWS * WINDOW_MS)


def _barge_in(row: Row | None, which: int, shares: Sequence[float]) -> str:
    after = [pair[which] for run in row.runs for pair in run.interruptions] if row is not None else []
    return " / ".join(number(percentile(after, share)) for share in shares)


def _weight(weight: Weight | None, name: str) -> str:
    return "-" if weight is None else f"{getattr(weight, name).middle:.2f}" if name == "import_s" else number(getattr(weight, name).middle)


def _disk(weight: Weight | None) -> str:
    return "-" if weight is None else f"{weight.disk_mib:.0f} ({weight.distributions})"
