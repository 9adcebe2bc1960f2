"""`python -m bench.soak`: talking sessions for hours, and whether anything grows.

It runs in slices of five minutes with new sessions in each, all against one program; every sample is a line in a file. Behind each slice its
sessions are held against the promises of the delivery design. Interrupted, it goes on with the minutes that are missing; what grows is judged for
each run of the program by itself, since memory begins anew with it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil

from bench import document
from bench.figures import number, percentile, table
from bench.overhead import FAST_MS, Plan, loaded
from bench.program import Program, running
from bench.promises import Auditor, Kept, archive_url
from bench.script import settings
from services.compose import redis_client
from services.transcript.archive import Archive

_SLICE_S: Final = 300.0
_SAMPLE_S: Final = 10.0
_SAMPLES_A_SLICE: Final = 30
_WARM_UP_S: Final = 1500.0
"""Caches and pools fill, and views are kept for a quarter of an hour after somebody asked for them last; no growth is counted before."""
_STORE_WARM_UP_S: Final = 4500.0
"""The store forgets a session an hour after it was given up, which is five minutes after it fell silent; so is its growth.

What the program gathers behind that is told by itself: what it takes once is not what it takes by the hour.
"""
_LAG_S: Final = 30.0
_TASKS: Final = re.compile(r"^souffleur_tasks (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One moment of a run."""

    run: float
    """When the program was started: seconds since 1970."""
    at_s: float
    """Since then."""
    rss_mb: float
    redis_mb: float
    descriptors: int
    threads: int
    tasks: int
    lag_s: float
    """From the answer to a roll of dice until the archive has it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=120.0, help="altogether, earlier runs included (default: 120)")
    parser.add_argument("--sessions", type=int, default=20, help="that talk at the same time (default: 20)")
    parser.add_argument("--out", type=Path, default=Path("soak.jsonl"), help="the file of samples (default: soak.jsonl)")
    parser.add_argument("--no-write", action="store_true", help="print only, leave docs/benchmarks.md as it is")
    options = parser.parse_args(arguments)
    missing_s = options.minutes * 60 - sum(_lengths(_read(options.out)))
    if missing_s > 0:
        asyncio.run(_soak(options.out, options.sessions, missing_s))
    text = f"{report(_read(options.out))}\n\n{promises(_audits(options.out))}\n\n{document.stamp(f'python -m bench.soak --sessions {options.sessions}')}"
    sys.stdout.write(text + "\n")
    if not options.no_write:
        document.write("soak", text)
    return 0


def report(samples: Sequence[Sample]) -> str:
    """What grew, for each run of the program, in MB an hour after what it keeps for a while has begun to go."""
    rows = []
    for run in sorted({sample.run for sample in samples}):
        mine = [sample for sample in samples if sample.run == run]
        warm = [sample for sample in mine if sample.at_s >= _WARM_UP_S]
        if len(warm) > 1:
            flat = [f"{getattr(warm[0], name)} -> {getattr(warm[-1], name)}" for name in ("descriptors", "threads", "tasks")]
            store = [sample for sample in mine if sample.at_s >= _STORE_WARM_UP_S]
            late = [number(_slope(store, name)) if len(store) > 1 else "too short" for name in ("rss_mb", "redis_mb")]
            lag = percentile([sample.lag_s for sample in mine], 99)
            rows.append([number(mine[-1].at_s / 60), number(warm[-1].rss_mb), number(_slope(warm, "rss_mb")), *late, *flat, number(lag)])
    head = ("minutes", "program, MB", "growth, MB/h", "late, MB/h", "Redis, MB/h", "descriptors", "threads", "tasks", "archive lag p99, s")
    return table(head, rows)


def promises(audits: Sequence[Kept]) -> str:
    """What all looks at the sessions together have found."""
    broken = [promise for audit in audits for promise in audit.broken]
    checked = f"Sessions checked when they were at rest: {sum(audit.sessions for audit in audits)}, with {sum(audit.facts for audit in audits)} facts"
    return "\n".join((f"{checked}; broken promises: {len(broken)}.", *(f"- {promise}" for promise in broken)))


def _slope(samples: Sequence[Sample], name: str) -> float:
    """Least squares, in units an hour."""
    fit = statistics.linear_regression([sample.at_s / 3600 for sample in samples], [getattr(sample, name) for sample in samples])
    return fit.slope


async def _soak(out: Path, sessions: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="souffleur-soak-") as folder:
        async with running(Path(folder), settings(FAST_MS), pinned=False) as program, _archive(program, Path(folder) / "data") as (archive, auditor):
            run = time.time()
            sampling = asyncio.create_task(_sampled(program, archive, out, run))
            try:
                until = time.monotonic() + seconds
                while (left := until - time.monotonic()) > 0:
                    await loaded(program, Plan(sessions=sessions, seconds=min(_SLICE_S, left), runs=1))
                    _write(out, {"run": run, "kept": asdict(await auditor.look())})
            finally:
                sampling.cancel()
                with suppress(asyncio.CancelledError):
                    await sampling


@asynccontextmanager
async def _archive(program: Program, data: Path) -> AsyncIterator[tuple[Archive, Auditor]]:
    """What the program stores, read past it."""
    archive = await Archive.open(archive_url(data))
    redis = redis_client(program.redis_url)
    try:
        yield archive, Auditor(redis, archive)
    finally:
        await redis.aclose()
        await archive.close()


async def _sampled(program: Program, archive: Archive, out: Path, run: float) -> None:
    """A line every ten seconds, until cancelled."""
    process = psutil.Process(program.pid)
    redis = next(child for child in process.children(recursive=True) if "redis" in child.name())
    began = time.monotonic()
    async with httpx2.AsyncClient(base_url=program.url, timeout=30, trust_env=False) as client:
        for number in itertools.count():
            if number % _SAMPLES_A_SLICE == 0:
                # As the callers do: a session that only grows would be counted as the program's growth.
                sid = (await client.post("/api/sessions", json={"cast": ["mirelle"]})).raise_for_status().json()["id"]
            lag_s = await _lag(client, archive, sid)
            found = _TASKS.search((await client.get("/metrics")).text)
            sample = Sample(
                run=run,
                at_s=time.monotonic() - began,
                rss_mb=process.memory_info().rss / 1e6,
                redis_mb=redis.memory_info().rss / 1e6,
                descriptors=process.num_fds(),
                threads=process.num_threads(),
                tasks=int(float(found[1])) if found else 0,
                lag_s=lag_s,
            )
            _write(out, asdict(sample))
            await asyncio.sleep(_SAMPLE_S)


async def _lag(client: httpx2.AsyncClient, archive: Archive, sid: str) -> float:
    """Raises TimeoutError if the archive does not follow at all."""
    fact = (await client.post(f"/api/sessions/{sid}/rolls", json={"expression": "1d20"})).raise_for_status().json()
    written = time.monotonic()
    async with asyncio.timeout(_LAG_S):
        while await archive.mark(sid) < fact["seq"]:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.005)
    return time.monotonic() - written


def _write(out: Path, line: Mapping[str, Any]) -> None:
    with out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] if out.exists() else []


def _read(out: Path) -> list[Sample]:
    return [Sample(**line) for line in _lines(out) if "kept" not in line]


def _audits(out: Path) -> list[Kept]:
    return [Kept(**line["kept"]) for line in _lines(out) if "kept" in line]


def _lengths(samples: Sequence[Sample]) -> list[float]:
    return [max(sample.at_s for sample in samples if sample.run == run) for run in {sample.run for sample in samples}]


if __name__ == "__main__":
    sys.exit(main())
