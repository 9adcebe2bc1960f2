"""How a session's length weighs: turns, appends, joining and memory in one that grows to ten thousand facts; the last thousand beside the first."""

from __future__ import annotations

import asyncio
import json
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
from redis.asyncio import Redis
from websockets.asyncio.client import connect

from bench.figures import number, table
from bench.program import running
from bench.script import settings
from bench.use import resident_mb
from services.compose import redis_client

FACTS: Final = 10_000
_STEP: Final = 1_000
_EVERY: Final = 10
"""Turns from one join and one roll of dice to the next."""


@dataclass(slots=True)
class Thousand:
    """Seconds, and MB."""

    turn: list[float] = field(default_factory=list)
    append: list[float] = field(default_factory=list)
    join: list[float] = field(default_factory=list)
    program_mb: float = math.nan
    """Resident at its end, without the store."""
    store_mb: float = math.nan
    """What the store uses by its own account."""


async def growth_table(facts: int = FACTS) -> str:
    """Of one session that grows so far."""
    return table_of(await _grown(facts))


def table_of(thousands: Sequence[Thousand]) -> str:
    """Medians in milliseconds per thousand facts, and the last row over the first one; memory at the end of each thousand."""
    rows = [
        [f"{_STEP * at + 1} to {_STEP * (at + 1)}", *map(number, _medians(one)), f"{one.program_mb:.1f}", f"{one.store_mb:.1f}"]
        for at, one in enumerate(thousands)
    ]
    first, last = _medians(thousands[0]), _medians(thousands[-1])
    rows.append(["last / first", *(f"{after / before:.2f}" for before, after in zip(first, last, strict=True)), "", ""])
    return table(("facts", "typed turn, ms", "append (a roll), ms", "join behind the last fact, ms", "program, MB", "store, MB"), rows)


def _medians(one: Thousand) -> list[float]:
    return [statistics.median(values) * 1000 for values in (one.turn, one.append, one.join)]


async def _grown(facts: int) -> list[Thousand]:
    base = settings(0)
    llm: dict[str, Any] = {
        "chain": ["scripted"],
        "engines": {"scripted": {"replies": ["The ferry leaves at noon.", "Nobody has paid twice.", "Ask the smith."]}},
    }
    with tempfile.TemporaryDirectory(prefix="souffleur-bench-") as folder:
        async with (
            running(Path(folder), base | {"SOUFFLEUR__LLM": json.dumps(llm)}, pinned=False) as program,
            httpx2.AsyncClient(base_url=program.url, timeout=60, trust_env=False) as client,
            redis_client(program.redis_url) as redis,
        ):
            sid = str((await client.post("/api/sessions", json={"cast": ["mirelle"]})).raise_for_status().json()["id"])
            thousands = [Thousand() for _ in range(facts // _STEP)]
            head = turns = 0
            while head < facts:
                here, end = thousands[head // _STEP], _STEP * (head // _STEP + 1)
                here.turn.append(await _timed(_turn(client, sid)))
                turns += 1
                if turns % _EVERY == 0:
                    here.append.append(await _timed(_roll(client, sid)))
                    head = await _head(client, sid)
                    here.join.append(await _timed(_join(program.url, sid, head)))
                    head = await _head(client, sid)
                    if head >= end:
                        here.program_mb, here.store_mb = resident_mb(program.pid), await _used_mb(redis)
            return thousands


async def _used_mb(redis: Redis) -> float:
    used: dict[str, Any] = await redis.info("memory")
    return float(used["used_memory"]) / 1e6


async def _timed(what: Any) -> float:
    began = time.perf_counter()
    await what
    return time.perf_counter() - began


async def _turn(client: httpx2.AsyncClient, sid: str) -> None:
    answer = await client.post(f"/api/sessions/{sid}/messages", json={"text": "When does the ferry leave?"}, headers={"Accept": "text/event-stream"})
    assert "event: line_closed" in answer.text


async def _roll(client: httpx2.AsyncClient, sid: str) -> None:
    (await client.post(f"/api/sessions/{sid}/rolls", json={"expression": "1d20"})).raise_for_status()


async def _head(client: httpx2.AsyncClient, sid: str) -> int:
    return int((await client.get(f"/api/sessions/{sid}")).raise_for_status().json()["head"])


async def _join(url: str, sid: str, after: int) -> None:
    """As a player's page comes back: connected, attached, and told who is there."""
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime?model=npc/mirelle&session={sid}&monitor=1&after_seq={after}"
    async with connect(address, proxy=None) as socket:
        while json.loads(await asyncio.wait_for(socket.recv(), 30))["type"] != "souffleur.attached":
            pass
