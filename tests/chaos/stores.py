"""What is done to the store, to the way there, and to the archive."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import psutil

from services.compose import redis_client
from tests.chaos.load import Load
from tests.chaos.processes import still
from tests.chaos.proxy import Mode
from tests.chaos.table import Table


async def killed(table: Table, load: Load, chance: random.Random) -> None:
    """The store dies and comes back with everything."""
    table.redis.kill()
    await asyncio.sleep(chance.uniform(0, 1.0))
    await asyncio.to_thread(table.redis.start)


async def stopped(table: Table, load: Load, chance: random.Random) -> None:
    """The store stands still."""
    async with still(psutil.Process(table.redis.pid)):
        await asyncio.sleep(chance.uniform(1.0, 4.0))


async def tail_cut(table: Table, load: Load, chance: random.Random) -> None:
    """The store comes back without its last moments, which it had acknowledged."""
    table.redis.kill()
    files = sorted(Path(table.redis.folder).rglob("*.aof"), key=lambda path: path.stat().st_mtime)
    with files[-1].open("r+b") as tail:
        size = tail.seek(0, 2)
        tail.truncate(max(size // 2, size - chance.randrange(300, 4_000)))
    await asyncio.to_thread(table.redis.start)


async def full(table: Table, load: Load, chance: random.Random) -> None:
    """The store has no memory left and refuses whatever is written."""
    client = redis_client(table.redis.url)
    try:
        await client.config_set("maxmemory", "1mb")
        await asyncio.sleep(chance.uniform(1.0, 4.0))
    finally:
        await client.config_set("maxmemory", "0")
        await client.aclose()


async def way(mode: Mode, table: Table, load: Load, chance: random.Random) -> None:
    """The way between program and store."""
    async with table.proxy.fault(mode):
        await asyncio.sleep(chance.uniform(1.0, 3.0))


async def archive_locked(table: Table, load: Load, chance: random.Random) -> None:
    """Somebody else writes the archive and does not come to an end."""
    with closing(sqlite3.connect(table.program.data / "archive.sqlite3", isolation_level=None, timeout=20)) as other:
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(chance.uniform(3.0, 6.0))
        other.execute("ROLLBACK")
