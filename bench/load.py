"""The load generator, a process of its own: `python -m bench.load` reads a `Load` as JSON and answers with a `Measured`."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from typing import Final

import uvloop

from bench.caller import PATIENCE_S, Caller, Tally
from bench.peers.caller import RawCaller
from bench.probe import appends
from bench.script import ENERGY
from bench.speech import said
from bench.tables import client_of, correcting, facts_in, opened
from bench.use import Use, use_of

SPREAD_S: Final = 1.2
"""Over which the callers begin: turn ends lie closer together than by chance."""
WARM_UP_S: Final = 2.0
_CONNECTING: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to do to whom."""

    url: str
    redis_url: str = ""
    """Of the store; empty = it is not looked into."""
    probe: bool = True
    """Time appends to that store meanwhile."""
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
    model_ms: float = 0.0
    """The model's own time to its first full stop: no reply can be heard before."""
    raw: bool = False
    """Another system, with nothing but PCM on its socket."""
    cast: list[str] = field(default_factory=list)
    """Characters of each session, which is opened beforehand then; empty = each caller has one of its own with `model`."""
    people: int = 1
    """At each table, with a microphone each; the first one talks."""
    talks: bool = True
    """Or they keep silent before open microphones."""
    microphones: bool = True
    """Or they are connected and send nothing at all."""
    corrections_per_s: float = 0.0
    """Notes of a director, to one session after the other."""


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
    seconds: float = 0.0
    """That were counted."""
    services: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Service -> (processor seconds in the window, resident MB at its end), of those that have a process of their own."""
    facts: int = 0
    """That came to the sessions of a cast in the window."""
    corrections: int = 0
    """That were accepted in it."""


@dataclass(frozen=True, slots=True)
class _Window:
    """What counts."""

    since: Use
    until: Use
    facts: int

    def has(self, at: float) -> bool:
        """Did it happen in it?"""
        return self.since.at <= at < self.until.at


async def run(load: Load) -> Measured:
    """Connect everybody, let them talk, count what falls into the window."""
    tally = Tally()
    dice = random.Random(1)  # the same phases in every run
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(client_of(load.url))
        sids = await opened(client, load.cast, load.sessions) if load.cast else []
        callers = _callers(load, tally, dice, sids)
        stack.callback(_hang_up, callers)
        for first in range(0, len(callers), _CONNECTING):
            await asyncio.gather(*(caller.connect() for caller in callers[first : first + _CONNECTING]))
        gc.collect()
        gc.freeze()
        gc.disable()
        begin = time.monotonic() + 0.1
        for place, caller in enumerate(callers if load.microphones else []):
            caller.begin(begin + SPREAD_S * place / len(callers) + dice.uniform(0, 0.02))
        async with AsyncExitStack() as beside:
            latencies, corrections = list[tuple[float, float]](), list[float]()
            if load.redis_url and load.probe:
                latencies = await beside.enter_async_context(appends(load.redis_url))
            if load.corrections_per_s:
                corrections = await beside.enter_async_context(correcting(client, sids, load.corrections_per_s))
            window = await _counted(load, begin, sids)
            if load.microphones:
                await asyncio.wait([caller.finish() for caller in callers], timeout=PATIENCE_S + 2)
    return _measured(tally, window, [1000 * took for at, took in latencies if window.has(at)], sum(map(window.has, corrections)))


def _callers(load: Load, tally: Tally, dice: random.Random, sids: Sequence[str]) -> list[Caller]:
    speech = said(load.vad)
    places = [(table, place) for table in range(load.sessions) for place in range(load.people)]
    return [_caller(load, tally, speech, dice, sids[table] if sids else "", talks=load.talks and place == 0) for table, place in places]


def _caller(load: Load, tally: Tally, speech: Sequence[bytes], dice: random.Random, sid: str, *, talks: bool) -> Caller:
    address, earliest_s = load.url.replace("http", "ws", 1), load.model_ms / 1000
    if load.raw:
        return RawCaller(f"{address}/", tally, speech, interrupts=load.interrupts, dice=dice, rest_s=load.rest_s, earliest_s=earliest_s)
    address = f"{address}/v1/realtime?model={load.model}&name=Caller{f'&session={sid}' if sid else ''}"
    return Caller(
        address,
        tally,
        speech,
        binary=load.binary,
        interrupts=load.interrupts,
        dice=dice,
        rest_s=load.rest_s,
        earliest_s=earliest_s,
        talks=talks,
    )


def _hang_up(callers: Sequence[Caller]) -> None:
    for caller in callers:
        caller.close()


async def _counted(load: Load, begin: float, sids: Sequence[str]) -> _Window:
    await asyncio.sleep(begin + SPREAD_S + WARM_UP_S - time.monotonic())
    looked_into = sids if load.redis_url else []
    before = await facts_in(load.redis_url, looked_into)
    since = use_of(load.pid)
    await asyncio.sleep(load.seconds)
    until = use_of(load.pid)
    return _Window(since, until, await facts_in(load.redis_url, looked_into) - before)


def _measured(tally: Tally, window: _Window, latencies: list[float], corrections: int) -> Measured:
    since, until, inside = window.since, window.until, window.has
    seconds = until.at - since.at
    program = until.program - since.program
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
        seconds=seconds,
        services={name: (used - since.services[name][0], mb) for name, (used, mb) in until.services.items() if name in since.services},
        facts=window.facts,
        corrections=corrections,
    )


def main() -> int:
    """Read, run, write."""
    load = Load(**json.load(sys.stdin))
    json.dump(asdict(uvloop.run(run(load))), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
