"""What is done to a table. Each fault begins, lasts and is healed before it returns; chance comes from the seed alone."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import httpx2
import psutil

from tests.chaos.load import Load
from tests.chaos.proxy import Mode
from tests.chaos.slow import slow_readers
from tests.chaos.table import MISBEHAVIOURS, Table, engine_of
from tests.waiting import until

Fault = Callable[[Table, Load, random.Random], Awaitable[None]]
_BACK_S: Final = 20.0
_LOOK_S: Final = 0.1
"""To look through all processes of a machine costs something."""
_RESENDS: Final = 20


async def _killed(service: str, table: Table, load: Load, chance: random.Random) -> None:
    """The process of a service, at any moment; the manager starts another one."""
    await asyncio.sleep(chance.uniform(0, 0.5))
    victim = await _there(table, service)
    victim.kill()
    await until(lambda: (child := table.child(service)) is not None and child.pid != victim.pid, _BACK_S, f"another {service}", _LOOK_S)


async def _stopped(service: str, table: Table, load: Load, chance: random.Random) -> None:
    """It stands still, longer than its lease, and goes on as if nothing had happened."""
    victim = await _there(table, service)
    async with _still(victim):
        await asyncio.sleep(chance.uniform(3.5, 5.0))


async def _store_killed(table: Table, load: Load, chance: random.Random) -> None:
    """The store dies and comes back with everything."""
    table.redis.kill()
    await asyncio.sleep(chance.uniform(0, 1.0))
    await asyncio.to_thread(table.redis.start)


async def _store_stopped(table: Table, load: Load, chance: random.Random) -> None:
    """The store stands still."""
    async with _still(psutil.Process(table.redis.pid)):
        await asyncio.sleep(chance.uniform(1.0, 4.0))


async def _tail_cut(table: Table, load: Load, chance: random.Random) -> None:
    """The store comes back without its last moments, which it had acknowledged."""
    table.redis.kill()
    files = sorted(Path(table.redis.folder).rglob("*.aof"), key=lambda path: path.stat().st_mtime)
    with files[-1].open("r+b") as tail:
        size = tail.seek(0, 2)
        tail.truncate(max(size // 2, size - chance.randrange(300, 4_000)))
    await asyncio.to_thread(table.redis.start)


async def _way(mode: Mode, table: Table, load: Load, chance: random.Random) -> None:
    """The way between program and store."""
    async with table.proxy.fault(mode):
        await asyncio.sleep(chance.uniform(1.0, 3.0))


async def _model(table: Table, load: Load, chance: random.Random) -> None:
    """The model answers wrongly, slowly or not at all; another engine stands behind it."""
    await table.set_chain([engine_of(chance.choice(MISBEHAVIOURS)), "scripted"])
    await asyncio.sleep(chance.uniform(1.5, 3.0))
    await table.set_chain(["scripted"])


async def _resends(table: Table, load: Load, chance: random.Random) -> None:
    """The same message many times at once, and once more later."""
    key = f"resend-{chance.randrange(10**9)}"
    async with httpx2.AsyncClient(base_url=table.url, trust_env=False, timeout=10) as client:
        await asyncio.gather(*(load.say(client, key, "Once is enough.") for _ in range(_RESENDS)))
        await load.say(client, key, "Once is enough.")


FAULTS: Final[dict[str, Fault]] = {
    "stage killed": partial(_killed, "stage"),
    "gateway killed": partial(_killed, "gateway"),
    "roleplay killed": partial(_killed, "llm"),
    "voice killed": partial(_killed, "tts"),
    "corrections killed": partial(_killed, "corrections"),
    "store killed": _store_killed,
    "store without its tail": _tail_cut,
    "store silent": partial(_way, "silent"),
    "store cut off": partial(_way, "cut"),
    "model misbehaves": _model,
    "messages sent again": _resends,
    "stage stands still": partial(_stopped, "stage"),
    # The twelve above are tried every day.
    "summarizer killed": partial(_killed, "summarizer"),
    "hearing killed": partial(_killed, "stt"),
    "manager killed": partial(_killed, "manager"),
    "roleplay stands still": partial(_stopped, "llm"),
    "corrections stands still": partial(_stopped, "corrections"),
    "gateway stands still": partial(_stopped, "gateway"),
    "store stands still": _store_stopped,
    "store deaf": partial(_way, "deaf"),
    "readers do not read": slow_readers,
}
DAILY: Final = tuple(FAULTS)[:12]


async def _there(table: Table, service: str) -> psutil.Process:
    found: psutil.Process = await until(lambda: table.child(service), _BACK_S, f"a {service}", _LOOK_S)
    return found


@asynccontextmanager
async def _still(process: psutil.Process) -> AsyncIterator[None]:
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)
