"""From a director's click to the fact in the transcript, over Redis streams and over RabbitMQ: everything real, nothing else going on."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2

from bench.cores import hurry
from bench.figures import percentile, spread, table
from bench.overhead import FAST_MS
from bench.program import running
from bench.script import settings
from tests.rabbitmq_server import RabbitServer, rabbitmq_script

CLICKS: Final = 100
"""By each director, in each run."""
_PACE_S: Final = 0.1
_WARM_UP: Final = 10
_WAIT_S: Final = 20.0
_HEAD: Final = ("bus", "directors", "clicks", "accepted p50", "accepted p95", "applied p50", "applied p95", "applied p99", "slowest")


@dataclass(slots=True)
class Run:
    """What one run measured, in milliseconds."""

    accepted: list[float] = field(default_factory=list)
    applied: list[float] = field(default_factory=list)


async def corrections_table(runs: int, *, urgent: bool = False) -> str:
    """Milliseconds from the request's start to its 202, and to the moment at which a watcher of the session has read the fact."""
    rows = []
    if urgent:
        hurry(os.getpid())
    async with _rabbit() as rabbit:
        if rabbit and urgent:
            hurry(rabbit.pid)
        for name, bus in (("Redis streams", {}), *([(f"RabbitMQ {_version()}", {"url": rabbit.url})] if rabbit else [])):
            for directors in (1, 5):
                found = [await _run(bus, directors, urgent=urgent) for _ in range(runs)]
                accepted = [str(spread([percentile(run.accepted, share) for run in found])) for share in (50, 95)]
                applied = [str(spread([percentile(run.applied, share) for run in found])) for share in (50, 95, 99, 100)]
                rows.append([name, str(directors), str(sum(len(run.applied) for run in found)), *accepted, *applied])
    said = "" if rabbit else "\n\nRabbitMQ is not installed here: its rows are missing."
    return table(_HEAD, rows) + said


async def _run(bus: dict[str, str], directors: int, *, urgent: bool) -> Run:
    environment = settings(FAST_MS) | {"SOUFFLEUR__BUS": json.dumps(bus)}
    with tempfile.TemporaryDirectory(prefix="souffleur-bench-") as folder:
        async with running(Path(folder), environment, urgent=urgent) as program, _client(program.url) as client:
            await _connected(client)
            run = Run()
            await asyncio.gather(*(_director(client, run, number) for number in range(directors)))
            return run


def _client(url: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=url, timeout=_WAIT_S, trust_env=False)


async def _connected(client: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(_WAIT_S):
        while not (await client.get("/api/bus")).json()["connected"]:  # noqa: ASYNC110 - another process: it can only be asked
            await asyncio.sleep(0.05)


async def _director(client: httpx2.AsyncClient, run: Run, number: int) -> None:
    """One session, one watcher of its facts, one click after the other."""
    sid = (await client.post("/api/sessions", json={"title": f"Bench {number}", "cast": ["mirelle"]})).json()["id"]
    seen: dict[str, asyncio.Future[float]] = {}
    watching = asyncio.create_task(_watch(client, sid, seen))
    try:
        for click in range(_WARM_UP + CLICKS):
            text = f"Note {click}."
            seen[text] = asyncio.get_running_loop().create_future()
            began = time.perf_counter()
            answer = await client.post(f"/api/sessions/{sid}/corrections", json={"kind": "note", "text": text, "scope": "once"})
            accepted = time.perf_counter()
            answer.raise_for_status()
            async with asyncio.timeout(_WAIT_S):
                applied = await seen[text]
            if click >= _WARM_UP:
                run.accepted.append((accepted - began) * 1000)
                run.applied.append((applied - began) * 1000)
            await asyncio.sleep(_PACE_S)
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _watch(client: httpx2.AsyncClient, sid: str, seen: dict[str, asyncio.Future[float]]) -> None:
    async with client.stream("GET", f"/api/sessions/{sid}/facts", headers={"Accept": "text/event-stream"}, timeout=None) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data:") and (fact := json.loads(line[5:])).get("kind") == "noted":
                seen[fact["body"]["text"]].set_result(time.perf_counter())


@asynccontextmanager
async def _rabbit() -> AsyncIterator[RabbitServer | None]:
    script = rabbitmq_script()
    if script is None:
        yield None
        return
    server = RabbitServer(script)
    try:
        await asyncio.to_thread(server.start)
        yield server
    finally:
        await asyncio.to_thread(server.close)


def _version() -> str:
    """Of the package; the server itself tells it only to clients that ask in its own way."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    if found:
        return found[-1].name.partition("-")[2]
    control = shutil.which("rabbitmqctl")
    return subprocess.run([control, "version"], capture_output=True, text=True, check=False).stdout.strip() if control else ""
