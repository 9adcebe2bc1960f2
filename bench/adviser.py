"""What the adviser costs a turn: the same turns in the same run, without it and with one that is dead, slow or answers nonsense."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx2

from bench.figures import number, spread, table
from bench.overhead import FAST_MS
from bench.program import running
from bench.script import settings

_TURNS: Final = 5
_ROUNDS: Final = 6
_PATIENCE_S: Final = 1.0
_WORDS: Final = "Where is the silver key of Brackwater, and who promised me 12 horses?"
_ADVISERS: Final[dict[str, dict[str, Any]]] = {
    "dead": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "k", "model": "none"},
    "slow": {"kind": "scripted", "first_ms": 60_000},
    "nonsense": {"kind": "scripted", "replies": ["]]} [1, 2 %%% \u2603 lorem ipsum dolor sit amet"]},
    "well": {"kind": "scripted", "replies": ["Ann asked about the silver key of Brackwater and about 12 horses."]},
}


async def adviser_table(runs: int) -> str:
    """Median of a typed turn, from the request to the end of its line, on all cores; blocks with and without the adviser follow each other."""
    took = [await _run() for _ in range(runs)]
    rows = []
    for name in _ADVISERS:
        pairs = [run[name] for run in took]
        off, on = ([pair[at] * 1000 for pair in pairs] for at in (0, 1))
        rows.append([name, str(spread(off)), str(spread(on)), number(statistics.median(with_it - without for without, with_it in zip(off, on, strict=True)))])
    return table(("adviser", "turn without, ms", "turn with, ms", "difference, ms"), rows)


async def _run() -> dict[str, tuple[float, float]]:
    """Adviser -> median seconds of a turn without it and with it."""
    base = settings(FAST_MS)
    llm = json.loads(base["SOUFFLEUR__LLM"])
    llm["engines"] |= _ADVISERS
    environment = base | {
        "SOUFFLEUR__LLM": json.dumps(llm),
        "SOUFFLEUR__SUMMARIZER": json.dumps({"enabled": False, "every_turns": 1, "timeout_s": _PATIENCE_S, "tokens_per_hour": 100_000_000}),
    }
    with tempfile.TemporaryDirectory(prefix="souffleur-bench-") as folder:
        async with running(Path(folder), environment, pinned=False) as program, httpx2.AsyncClient(base_url=program.url, timeout=60, trust_env=False) as client:
            return await _measured(client)


async def _measured(client: httpx2.AsyncClient) -> dict[str, tuple[float, float]]:
    opened = await client.post("/api/sessions", json={"cast": ["mirelle"]})
    opened.raise_for_status()
    sid = str(opened.json()["id"])
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in _ADVISERS}
    await _block(client, sid)
    for _ in range(_ROUNDS):
        for name, (without, within) in found.items():
            await _switch(client, "")
            without.extend(await _block(client, sid))
            await _switch(client, name)
            # It is at work while the turns go on, and has ended before the next ones.
            wish = asyncio.create_task(client.post(f"/api/sessions/{sid}/advice", json={"what": "both"}))
            within.extend(await _block(client, sid))
            (await wish).raise_for_status()
    return {name: (statistics.median(without), statistics.median(within)) for name, (without, within) in found.items()}


async def _switch(client: httpx2.AsyncClient, name: str) -> None:
    chosen = [name] if name else []
    answer = await client.patch("/api/settings", json={"patch": {"summarizer": {"enabled": bool(name), "light": chosen, "strong": chosen}}})
    answer.raise_for_status()


async def _block(client: httpx2.AsyncClient, sid: str) -> list[float]:
    took = []
    for _ in range(_TURNS):
        began = time.perf_counter()
        answer = await client.post(f"/api/sessions/{sid}/messages", json={"text": _WORDS}, headers={"Accept": "text/event-stream"})
        answer.raise_for_status()
        took.append(time.perf_counter() - began)
    return took
