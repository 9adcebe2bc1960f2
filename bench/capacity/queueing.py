"""How long turns wait for a core: a simulation of tables that talk, think and come back, fed with measured times. No input, no output."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass
from typing import Final

from bench.figures import percentile

_WARM_UP: Final = 0.1
"""Part of the turns that is not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Cores that do one service's work, in the order in which it comes."""

    cores: int
    turn_ms: float
    """Processor time of a turn that somebody waits for."""
    steady: float = 0.0
    """Part of a core that each table takes all the time, in small pieces: audio, events. It slows everything else down."""


def waits_ms(station: Station, tables: int, pause_s: float, turns: int, seed: int) -> list[float]:
    """What each turn waited for a core, beyond its own time. A table's next turn comes `pause_s` on average after its last one was done (exponential)."""
    chance = random.Random(seed)
    room = station.cores - tables * station.steady
    if room <= 0:
        return [float("inf")] * turns
    # Processor time shared with the steady work: each turn takes so much longer.
    stretch = station.cores / room
    free = [0.0] * station.cores
    arrivals = [(chance.expovariate(1 / pause_s), table) for table in range(tables)]
    heapq.heapify(arrivals)
    found: list[float] = []
    while len(found) < turns:
        at, table = heapq.heappop(arrivals)
        begins = max(at, heapq.heappop(free))
        # Turns differ: prompts and replies are of all lengths.
        ends = begins + station.turn_ms / 1000 * stretch * chance.uniform(0.5, 1.5)
        heapq.heappush(free, ends)
        found.append(1000 * (begins - at) + station.turn_ms * (stretch - 1))
        heapq.heappush(arrivals, (ends + chance.expovariate(1 / pause_s), table))
    return found[int(_WARM_UP * turns) :]


def most_tables(station: Station, pause_s: float, limit_ms: float, *, turns: int = 20_000, seed: int = 1) -> int:
    """The largest number of tables whose turns wait less than `limit_ms` at p95, by bisection."""
    low, high = 0, 1
    while high < 10**6 and percentile(waits_ms(station, high, pause_s, turns, seed), 95) < limit_ms:
        low, high = high, 2 * high
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        if percentile(waits_ms(station, middle, pause_s, turns, seed), 95) < limit_ms:
            low = middle
        else:
            high = middle
    return low
