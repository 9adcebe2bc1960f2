"""Every service in a process of its own, as on as many machines: own data and runtime folders, TCP addresses, and nothing shared but the configured stores."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from services.catalog import SERVICES
from tests.acceptance.program import START_S, Program, runtime_folder, scrubbed, toml
from tests.waiting import until

BY_MODULE = ("stt", "llm", "tts")
"""These are started by `python -m services`, the others by `souffleur up --services`."""


@dataclass(slots=True)
class Scattered:
    """The running processes by service; `gateway` is the one that outsiders know."""

    folder: Path
    shared: Mapping[str, Any]
    processes: dict[str, Program] = field(default_factory=dict)

    async def start(self, name: str) -> Program:
        """Start one, for the first time or after its death."""
        self.processes[name] = await _started(name, self.folder / name, self.shared, f"http://127.0.0.1:{self.shared['gateway']['port']}")
        return self.processes[name]

    async def ready(self) -> None:
        """Wait until a turn is possible."""
        await until(lambda: _ready(self), START_S, "every service")

    @property
    def gateway(self) -> Program:
        """Where to connect."""
        return self.processes["gateway"]

    async def stop(self) -> dict[str, int]:
        """All politely, the last started first; their exit statuses."""
        return {name: await self.processes[name].stop() for name in reversed(self.processes)}

    def complaints(self) -> list[str]:
        """Of all logs."""
        return [f"{name}: {line}" for name, program in self.processes.items() for line in program.complaints()]


@asynccontextmanager
async def scattered(folder: Path, settings: Mapping[str, Any], redis_url: str) -> AsyncIterator[Scattered]:
    """Start every service, wait until a turn is possible, and end what is still running."""
    *ports, front = _free_ports(len(SERVICES))
    endpoints = {name: f"127.0.0.1:{port}" for name, port in zip((name for name in SERVICES if name != "gateway"), ports, strict=True)}
    databases = {name: f"sqlite+aiosqlite:///{folder / name}.sqlite3" for name in ("application", "archive")}
    shared = {
        "offline": True,
        "redis": {"url": redis_url},
        "database": databases,
        "endpoints": endpoints,
        "gateway": {"port": front},
        **settings,
    }
    house = Scattered(folder, shared)
    try:
        for name in SERVICES:
            await house.start(name)
        await house.ready()
        yield house
    finally:
        for program in house.processes.values():
            if program.process.returncode is None:
                await program.kill()


async def _started(name: str, folder: Path, shared: Mapping[str, Any], url: str) -> Program:
    folder.mkdir(parents=True, exist_ok=True)
    own = {"data_dir": str(folder / "data"), "runtime_dir": str(runtime_folder())}
    (folder / "souffleur.toml").write_text(toml({**own, **shared}), encoding="utf-8")
    by_module, by_command = [sys.executable, "-m", "services", name], [str(Path(sys.executable).parent / "souffleur"), "up", "--services", name]
    log = folder / "log.txt"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(by_module if name in BY_MODULE else by_command), stdout=output, stderr=output, env=scrubbed(), cwd=folder
        )
    return Program(process, url, folder / "data", log)


async def _ready(house: Scattered) -> bool:
    for name, program in house.processes.items():
        if program.process.returncode is not None:
            raise RuntimeError(f"{name} ended with {program.process.returncode}: {program.log.read_text(errors='replace')[-4000:]}")
    try:
        async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
            return bool((await client.get(f"{house.gateway.url}/readyz")).is_success)
    except httpx2.HTTPError:
        return False


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(server.getsockname()[1]) for server in held]
    finally:
        for server in held:
            server.close()
