"""What a program has used of the machine until now: as a whole, its store, and each of its services where they have processes of their own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psutil

from bench.cores import PROGRAM

STORE: Final = "redis"
"""How the store is called among the services."""


@dataclass(frozen=True, slots=True)
class Use:
    """Processor seconds at one moment."""

    at: float
    program: float
    redis: float
    core: float
    rss: int
    services: Mapping[str, tuple[float, float]]
    """Service -> (processor seconds, resident MB), of those that have a process of their own; the store is among them."""


def use_of(pid: int) -> Use:
    """What the program has used until now, with all its children."""
    total = redis = 0.0
    rss = 0
    services: dict[str, tuple[float, float]] = {}
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        times, memory = one.cpu_times(), one.memory_info()
        used, service = times.user + times.system, _service(one)
        total += used
        rss += memory.rss
        redis += used if service == STORE else 0.0
        if service:
            services[service] = (used, memory.rss / 1e6)
    core: Any = psutil.cpu_times(percpu=True)[PROGRAM]
    return Use(time.monotonic(), total, redis, sum(core) - core.idle - core.iowait - core.guest - core.guest_nice, rss, services)


def resident_mb(pid: int) -> float:
    """Of the program with all its children, its store's not among them."""
    process = psutil.Process(pid)
    mine = [one for one in (process, *process.children(recursive=True)) if _service(one) != STORE]
    return sum(one.memory_info().rss for one in mine) / 1e6


def _service(process: psutil.Process) -> str:
    if "redis" in process.name():
        return STORE
    command = process.cmdline()
    return command[-1] if "services" in command else ""
