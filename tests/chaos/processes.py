"""What is done to the processes of a table: killed at any moment or at a named point, or made to stand still."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import psutil

from tests.chaos.hooked.sitecustomize import POINTS
from tests.chaos.load import Load
from tests.chaos.table import Table
from tests.waiting import until

_BACK_S: Final = 20.0
_LOOK_S: Final = 0.1
"""To look through all processes of a machine costs something."""
_HEARD_S: Final = 30.0


async def killed(service: str, table: Table, load: Load, chance: random.Random) -> float:
    """The process of a service, at any moment; the manager starts another one. When it died."""
    await asyncio.sleep(chance.uniform(0, 0.5))
    victim = await _there(table, service)
    died = time.monotonic()
    victim.kill()
    await _another(table, service, victim)
    return died


async def killed_at(point: str, table: Table, load: Load, chance: random.Random) -> float:
    """The process of a service, when it next comes to this point."""
    await asyncio.sleep(chance.uniform(0, 0.5))
    service = POINTS[point].service
    victim = await _there(table, service)
    file = table.points / point
    file.touch()
    try:
        if point == "behind a claim":
            # Sessions are claimed when they are first asked for.
            await load.open_another()
        await until(lambda: not file.exists(), _BACK_S, f"a {service} {point}", 0.01)
    finally:
        file.unlink(missing_ok=True)
    died = time.monotonic()
    await _another(table, service, victim)
    return died


async def killed_while_it_hears(table: Table, load: Load, chance: random.Random) -> float:
    """Recognition dies in the middle of what the player says; it is understood all the same."""
    victim = await _there(table, "stt")
    saying = asyncio.create_task(load.seat.speak(_HEARD_S, once=True))
    try:
        await asyncio.sleep(chance.uniform(0.2, 0.6))
        died = time.monotonic()
        victim.kill()
        await saying
        await _another(table, "stt", victim)
    finally:
        saying.cancel()
    return died


async def stopped(service: str, table: Table, load: Load, chance: random.Random) -> None:
    """It stands still, longer than its lease, and goes on as if nothing had happened."""
    victim = await _there(table, service)
    async with still(victim):
        await asyncio.sleep(chance.uniform(3.5, 5.0))


@asynccontextmanager
async def still(process: psutil.Process) -> AsyncIterator[None]:
    """It does nothing for the time of the block."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


async def _there(table: Table, service: str) -> psutil.Process:
    found: psutil.Process = await until(lambda: table.child(service), _BACK_S, f"a {service}", _LOOK_S)
    return found


async def _another(table: Table, service: str, victim: psutil.Process) -> None:
    await until(lambda: (child := table.child(service)) is not None and child.pid != victim.pid, _BACK_S, f"another {service}", _LOOK_S)
