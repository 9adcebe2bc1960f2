"""The program under test: `souffleur up` in a process of its own, with its own store, on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

from bench.cores import PROGRAM, hurry, on_core
from manager import runfile

_START_S: Final = 60.0
_STOP_S: Final = 30.0
_POLL_S: Final = 0.01
_SOUFFLEUR: Final = Path(sys.executable).parent / "souffleur"


@dataclass(frozen=True, slots=True)
class Program:
    """A running one."""

    pid: int
    url: str
    redis_url: str
    ready_after_s: float
    """From the start of the process until `/readyz` said that a turn is possible."""


@asynccontextmanager
async def running(
    folder: Path,
    settings: Mapping[str, str],
    *,
    pinned: bool = True,
    urgent: bool = False,
    options: Sequence[str] = (),
    command: Sequence[str] = (str(_SOUFFLEUR),),
) -> AsyncIterator[Program]:
    """Start it with its data in `folder`, wait until a turn is possible, end it. Raises `RuntimeError` with its last words.

    `settings` go into its environment; `command` is what stands in its place.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sf-", dir="/tmp") as sockets:
        environment = scrubbed() | {"SOUFFLEUR__RUNTIME_DIR": sockets} | dict(settings)
        log = folder / "log.txt"
        began = time.monotonic()
        process = _spawned(folder, log, environment, [*command, "up", *options], pinned=pinned)
        try:
            run = await _ready(process, Path(sockets), log)
            took = time.monotonic() - began
            if urgent:
                hurry(process.pid)
            yield Program(process.pid, run.url, run.redis_url, took)
        finally:
            await asyncio.to_thread(_end, process)


def _spawned(folder: Path, log: Path, environment: Mapping[str, str], start: Sequence[str], *, pinned: bool) -> subprocess.Popen[bytes]:
    command = [*start, "--port", "0", "--no-download", "--data", str(folder / "data")]
    with log.open("ab") as output, on_core(PROGRAM) if pinned else contextlib.nullcontext():
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=folder, start_new_session=True)


def scrubbed() -> dict[str, str]:
    """The environment without anything that configures the program, names a provider or keeps Python from caching what it compiled."""
    dropped = ("SOUFFLEUR", "OPENAI", "ANTHROPIC", "HF_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(dropped)}


async def _ready(process: subprocess.Popen[bytes], sockets: Path, log: Path) -> runfile.Run:
    try:
        async with asyncio.timeout(_START_S), httpx2.AsyncClient(timeout=10, trust_env=False) as client:
            while process.poll() is None:
                run = runfile.read(sockets)
                if run is not None:
                    with contextlib.suppress(httpx2.HTTPError):
                        if (await client.get(f"{run.url}/readyz")).is_success:
                            return run
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        pass
    raise RuntimeError(f"souffleur did not get ready:\n{log.read_text(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
