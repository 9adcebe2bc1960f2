"""A peer's server in a process of its own on the program's core, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import httpx2

from bench.cores import PROGRAM, hurry, on_core
from bench.peers.environments import LITELLM, Peer
from bench.program import scrubbed
from manager.setup.shell import ROOT

_START_S: Final = 120.0
_STOP_S: Final = 15.0
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Server:
    """A running one."""

    pid: int
    url: str


@asynccontextmanager
async def voice(peer: Peer, token_ms: float, vad: str, *, urgent: bool) -> AsyncIterator[Server]:
    """A voice agent of `bench/peers/<name>/server.py`. Raises `RuntimeError` with its last words if it does not start."""
    command = [str(peer.python), "-m", f"bench.peers.{peer.name}.server", "--token-ms", f"{token_ms:g}", "--vad", vad]
    async with _running(command, ROOT, _told, urgent=urgent) as server:
        yield server


@asynccontextmanager
async def relay(provider: str, models: Sequence[str], *, urgent: bool) -> AsyncIterator[Server]:
    """LiteLLM's proxy in front of the server at `provider`: one worker, no keys, no database, no callbacks."""
    listed = [{"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_base": provider, "api_key": "none"}} for name in models]
    with tempfile.TemporaryDirectory(prefix="litellm-bench-") as folder:
        config = Path(folder) / "config.yaml"
        # YAML that happens to be JSON. Whoever can reach this port may ask: a check of keys would cost it time.
        general = {"dangerously_permit_weak_or_unset_master_key": True}
        config.write_text(json.dumps({"model_list": listed, "general_settings": general, "litellm_settings": {"telemetry": False}}), encoding="utf-8")
        port = _free_port()
        command = [str(LITELLM.folder / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
        url = f"http://127.0.0.1:{port}"

        async def answers(process: asyncio.subprocess.Process) -> str:
            async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
                while process.returncode is None:
                    with contextlib.suppress(httpx2.HTTPError):
                        if (await client.get(f"{url}/health/liveliness")).is_success:
                            return url
                    await asyncio.sleep(_POLL_S)
            return ""

        async with _running(command, Path(folder), answers, urgent=urgent) as server:
            yield server


async def _told(process: asyncio.subprocess.Process) -> str:
    """Its address, which it prints when it listens."""
    line = await process.stdout.readline() if process.stdout is not None else b""
    return line.decode().strip()


@asynccontextmanager
async def _running(command: Sequence[str], cwd: Path, found: Callable[[asyncio.subprocess.Process], Awaitable[str]], *, urgent: bool) -> AsyncIterator[Server]:
    environment = scrubbed() | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION", "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryFile() as log:
        with on_core(PROGRAM):
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=cwd,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        drained = None
        try:
            url = await _within(found(process))
            if not url:
                raise RuntimeError(f"{command[0]} did not get ready:\n{_last_words(log)}")
            # What it goes on to print must not stop it.
            drained = asyncio.create_task(_drain(process), name="drain")
            if urgent:
                hurry(process.pid)
            yield Server(process.pid, url)
        finally:
            await _ended(process)
            if drained is not None:
                await drained


async def _within(found: Awaitable[str]) -> str:
    try:
        async with asyncio.timeout(_START_S):
            return await found
    except TimeoutError:
        return ""


async def _drain(process: asyncio.subprocess.Process) -> None:
    while process.stdout is not None and await process.stdout.read(1 << 16):
        pass


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_words(log: BinaryIO) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")[-2000:]


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])
