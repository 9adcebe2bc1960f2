"""The load generator, a process of its own: `python -m bench.load` reads a `Load` as JSON and answers with a `Measured`."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import psutil
import uvloop

from bench.caller import PATIENCE_S, Caller, Tally
from bench.cores import PROGRAM
from bench.peers.caller import RawCaller
from bench.probe import appends
from bench.script import ENERGY
from bench.speech import said

SPREAD_S: Final = 1.2
"""Over which the callers begin: turn ends lie closer together than by chance."""
WARM_UP_S: Final = 2.0
_CONNECTING: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to do to whom."""

    url: str
    redis_url: str = ""
    """Of the store whose appends are timed meanwhile; empty = none."""
    pid: int
    sessions: int
    seconds: float
    binary: bool = True
    interrupts: bool = False
    model: str = "npc/mirelle"
    rest_s: float = 0.0
    """From the beginning of a reply to the next speech, if the reply is over by then."""
    vad: str = ENERGY
    """What is said: something that a detector of this kind hears."""
    raw: bool = False
    """Another system, with nothing but PCM on its socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of it; milliseconds unless it says otherwise."""

    turns: list[tuple[float, float]]
    """(stop window to first sound, detector's own windows)."""
    missing: int
    interruptions: list[tuple[float, float]]
    """(confirmed onset to last sound, first frame of speech to last sound); negative = the last sound came before."""
    lateness: list[float]
    appends: list[float]
    cpu_percent: float
    """Of one core; the program with all its children."""
    redis_percent: float
    """Of it, the store."""
    others_percent: float
    """Of the program's core, used by anybody else."""
    rss_mb: float
    parts: list[dict[str, float]] = field(default_factory=list)
    """Of each turn, as the program itself measured them."""
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Use:
    """Processor seconds at one moment."""

    at: float
    program: float
    redis: float
    core: float
    rss: int


def use_of(pid: int) -> Use:
    """What the program has used until now, with all its children."""
    total = redis = 0.0
    rss = 0
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        times, memory = one.cpu_times(), one.memory_info()
        total += times.user + times.system
        rss += memory.rss
        redis += times.user + times.system if "redis" in one.name() else 0.0
    core: Any = psutil.cpu_times(percpu=True)[PROGRAM]
    return Use(time.monotonic(), total, redis, sum(core) - core.idle - core.iowait - core.guest - core.guest_nice, rss)


async def run(load: Load) -> Measured:
    """Connect everybody, let them talk, count what falls into the window."""
    tally = Tally()
    dice = random.Random(1)  # the same phases in every run
    speech = said(load.vad)
    callers = [_caller(load, tally, speech, dice) for _ in range(load.sessions)]
    try:
        for first in range(0, len(callers), _CONNECTING):
            await asyncio.gather(*(caller.connect() for caller in callers[first : first + _CONNECTING]))
        gc.collect()
        gc.freeze()
        gc.disable()
        begin = time.monotonic() + 0.1
        for place, caller in enumerate(callers):
            caller.begin(begin + SPREAD_S * place / len(callers) + dice.uniform(0, 0.02))
        probe: AbstractAsyncContextManager[list[tuple[float, float]]] = appends(load.redis_url) if load.redis_url else nullcontext([])
        async with probe as latencies:
            since, until = await _window(load, begin)
            await asyncio.wait([caller.finish() for caller in callers], timeout=PATIENCE_S + 2)
    finally:
        for caller in callers:
            caller.close()
    return _measured(tally, since, until, [1000 * took for at, took in latencies if since.at <= at < until.at])


def _caller(load: Load, tally: Tally, speech: Sequence[bytes], dice: random.Random) -> Caller:
    address = load.url.replace("http", "ws", 1)
    if load.raw:
        return RawCaller(f"{address}/", tally, speech, interrupts=load.interrupts, dice=dice, rest_s=load.rest_s)
    address = f"{address}/v1/realtime?model={load.model}&name=Caller"
    return Caller(address, tally, speech, binary=load.binary, interrupts=load.interrupts, dice=dice, rest_s=load.rest_s)


async def _window(load: Load, begin: float) -> tuple[Use, Use]:
    await asyncio.sleep(begin + SPREAD_S + WARM_UP_S - time.monotonic())
    since = use_of(load.pid)
    await asyncio.sleep(load.seconds)
    return since, use_of(load.pid)


def _measured(tally: Tally, since: Use, until: Use, latencies: list[float]) -> Measured:
    seconds = until.at - since.at
    program = until.program - since.program

    def inside(at: float) -> bool:
        return since.at <= at < until.at

    return Measured(
        turns=[(1000 * (sound - stop), grid) for stop, sound, grid in tally.turns if inside(stop)],
        missing=sum(inside(stop) for stop in tally.missing),
        interruptions=[(1000 * (last - onset), 1000 * (last - spoken)) for onset, spoken, last in tally.interruptions if inside(onset)],
        lateness=[1000 * late for due, late in tally.lateness if inside(due)],
        appends=latencies,
        cpu_percent=100 * program / seconds,
        redis_percent=100 * (until.redis - since.redis) / seconds,
        others_percent=max(0.0, 100 * (until.core - since.core - program) / seconds),
        rss_mb=until.rss / 1e6,
        parts=[parts for at, parts in tally.parts if inside(at)],
        failures=tally.failures,
    )


def main() -> int:
    """Read, run, write."""
    load = Load(**json.load(sys.stdin))
    json.dump(asdict(uvloop.run(run(load))), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
