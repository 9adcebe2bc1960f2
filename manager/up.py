"""`souffleur up`: everything in one process, with a store of its own if none is configured, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from manager import runfile
from manager.lock import exclusive
from manager.redis_child import RedisChild, supervised
from services.compose import redis_client, run_dir
from services.core import logs
from services.core.errors import Unavailable
from services.core.loop import run_loop
from services.core.settings import Settings, overlaid
from services.core.signals import Signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How it is to be run."""

    download: bool = True
    """Fetch missing models in the background."""
    processes: bool = False
    """Every service in a process of its own."""
    config: Path | None = None
    """The settings file that was named."""


def up(settings: Settings, names: Sequence[str], wish: Wish | None = None) -> int:
    """Run the named services until SIGINT or SIGTERM; the exit status."""
    began = time.monotonic()
    telemetry = settings.telemetry
    logs.configure(telemetry.model_copy(update={"log_format": "console"}) if sys.stderr.isatty() else telemetry)
    with exclusive(settings.data_dir):
        if "gateway" in names:
            settings = overlaid(settings, {"gateway": {"port": free_port(settings.gateway.host, settings.gateway.port)}})
        run_loop(_until_signalled(partial(_serve, settings, names, began=began, wish=wish or Wish())))
    return 0


def free_port(host: str, port: int) -> int:
    """`port` if it can be bound, any free one for 0. Raises `Unavailable` if it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise Unavailable(f"port {port} on {host or 'all addresses'} {why}: choose another with --port") from None
        return int(probe.getsockname()[1])


async def _until_signalled(serve: Callable[[Signals, asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """The first signal is polite at any moment: it cancels a start, and lets a running program end in order."""
    signals, started = Signals(), asyncio.Event()
    signals.listen()
    signalled = asyncio.create_task(signals.asked.wait(), name="signals")
    serving = asyncio.create_task(serve(signals, started), name="serve")
    await asyncio.wait((serving, signalled), return_when=asyncio.FIRST_COMPLETED)
    cut_short = signalled.done() and not started.is_set()
    if cut_short:
        signals.hurry()
        serving.cancel()
    try:
        await serving
    except asyncio.CancelledError:
        if not cut_short:
            raise
    finally:
        signalled.cancel()


async def _serve(base: Settings, names: Sequence[str], signals: Signals, started: asyncio.Event, *, began: float, wish: Wish) -> None:
    async with store(base, warm=not wish.processes) as settings:
        from manager.greeting import greet, part
        from manager.models.background import fetching

        folder = run_dir(settings)
        url = settings.gateway.url if "gateway" in names else ""
        async with _running(settings, names, wish) as drained:
            runfile.write(folder, runfile.Run(pid=os.getpid(), url=url, redis_url=settings.redis.url, services=list(names), started_at=time.time()))
            try:
                greeting = asyncio.create_task(greet(settings, names, began), name="greeting")
                async with fetching(settings, wanted=wish.download and bool({"stt", "tts"} & set(names))):
                    try:
                        started.set()
                        await signals.asked.wait()
                    finally:
                        greeting.cancel()
                        with contextlib.suppress(asyncio.CancelledError):
                            await greeting
                    await drained(signals, partial(part, settings.stage.drain_s))
            finally:
                runfile.remove(folder)


@asynccontextmanager
async def _running(settings: Settings, names: Sequence[str], wish: Wish) -> AsyncIterator[Callable[[Signals, Callable[[int], None]], Awaitable[None]]]:
    """For the time of the block; yields what waits until the lines that run have come to their end, and tells how many these are."""
    if wish.processes:
        from manager.processes import drained as child_drained
        from manager.processes import processes

        async with processes(settings, names, wish.config) as children:
            yield partial(child_drained, children, settings.stage.drain_s)
    else:
        from services.__main__ import drained, running

        async with running(settings, names) as runtime:
            yield partial(drained, runtime)


@asynccontextmanager
async def store(settings: Settings, *, warm: bool = True) -> AsyncIterator[Settings]:
    """The settings with a store that answers: the configured one, else a private child that is ended last. `warm`: services will run here."""
    if settings.redis.url:
        await _reachable(settings)
        yield settings
        return
    child = RedisChild(settings.data_dir / "redis", run_dir(settings), settings.redis.durability)
    try:
        child.spawn()
        if warm:
            # The heavy modules load while the server reads its file.
            import services.__main__  # noqa: F401

        await child.ready()
        async with supervised(child):
            yield overlaid(settings, {"redis": {"url": child.url}})
    finally:
        await asyncio.shield(child.stop())


async def _reachable(settings: Settings) -> None:
    from redis.exceptions import RedisError

    from manager.directory import without_password

    client = redis_client(settings.redis.url)
    try:
        async with asyncio.timeout(5):
            await client.ping()
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable(f"the configured Redis at {without_password(settings.redis.url)} cannot be reached: {type(error).__name__}") from None
    finally:
        await client.aclose()
