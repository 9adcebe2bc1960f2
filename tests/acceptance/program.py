"""The whole program as a user starts it: `souffleur up` in a process of its own, on a free port, with its own data."""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx2

START_S = 60.0
SOUFFLEUR = Path(sys.executable).parent / "souffleur"


@dataclass(slots=True)
class Program:
    """A running `souffleur up`."""

    process: asyncio.subprocess.Process
    url: str
    data: Path
    log: Path

    @property
    def websocket(self) -> str:
        """The realtime base URL as the `openai` client wants it."""
        return self.url.replace("http", "ws", 1) + "/v1"

    async def kill(self) -> None:
        """As if the power went: no time to say goodbye."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """Politely; the exit status."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                await self.process.wait()
        assert self.process.returncode is not None
        return self.process.returncode

    def complaints(self) -> list[str]:
        """Tracebacks and errors in the log."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return [line for line in text.splitlines() if re.search(r'Traceback|"level": ?"error"|\[error', line)]


def scrubbed() -> dict[str, str]:
    """The environment without anything that configures us or names a provider."""
    dropped = ("SOUFFLEUR", "OPENAI", "ANTHROPIC", "HF_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return {key: value for key, value in os.environ.items() if not key.upper().startswith(dropped)} | {"HF_HUB_OFFLINE": "1"}


def toml(table: Mapping[str, Any], path: str = "") -> str:
    """Settings as TOML."""
    scalars = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = [f"[{path}]"] if path else []
    lines += [f"{key} = {_literal(value)}" for key, value in scalars.items()]
    for key, value in table.items():
        if isinstance(value, Mapping):
            quoted = f'"{key}"' if not re.fullmatch(r"[A-Za-z0-9_]+", key) else key
            lines.append(toml(value, f"{path}.{quoted}" if path else quoted))
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_literal(item) for item in value)}]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


@asynccontextmanager
async def running(
    folder: Path,
    settings: Mapping[str, Any],
    *,
    environment: Mapping[str, str] | None = None,
    services: Sequence[str] = (),
    port: int = 0,
    options: Sequence[str] = (),
) -> AsyncIterator[Program]:
    """Start it, wait until a turn is possible, and stop it; `folder` keeps data and log, so that it can be started again. `port` 0 = any."""
    program = await started(folder, settings, environment=environment, services=services, port=port, options=options)
    try:
        yield program
    finally:
        if program.process.returncode is None:
            with suppress(TimeoutError):
                await program.stop()
        if program.process.returncode is None:
            await program.kill()


async def started(
    folder: Path,
    settings: Mapping[str, Any],
    *,
    environment: Mapping[str, str] | None = None,
    services: Sequence[str] = (),
    port: int = 0,
    options: Sequence[str] = (),
) -> Program:
    """As `running`; whoever calls it ends it."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "souffleur.toml"
    runtime = runtime_folder()
    config.write_text(toml({"offline": True, "runtime_dir": str(runtime), **settings}), encoding="utf-8")
    log = folder / "log.txt"
    arguments = ["up", "--port", str(port), "--data", str(folder / "data"), "--config", str(config)]
    arguments += options
    if services:
        arguments += ["--services", ",".join(services)]
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            str(SOUFFLEUR), *arguments, stdout=output, stderr=output, env=scrubbed() | dict(environment or {}), cwd=folder
        )
    program = Program(process, "", folder / "data", log)
    try:
        async with asyncio.timeout(START_S):
            program.url = await _ready(process, runtime)
    except (TimeoutError, RuntimeError) as error:
        if process.returncode is None:
            await program.kill()
        raise RuntimeError(f"souffleur did not get ready: {log.read_text(errors='replace')[-4000:]}") from error
    return program


def runtime_folder() -> Path:
    """A new folder with a short path, as sockets need it; gone when the tests end."""
    return Path(tempfile.mkdtemp(dir=_runtime_folders()))


@cache
def _runtime_folders() -> str:
    folder = tempfile.mkdtemp(prefix="sf-", dir="/tmp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


async def _ready(process: asyncio.subprocess.Process, runtime: Path) -> str:
    note = runtime / "gateway.json"
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"ended with {process.returncode}")
            if note.exists() and (found := re.search(r'"url":\s*"([^"]+)"', note.read_text())):
                with suppress(httpx2.HTTPError):
                    if (await client.get(f"{found[1]}/readyz")).is_success:
                        return found[1]
            await asyncio.sleep(0.05)
