"""`souffleur up --processes`: every service in a process of its own, started again when it dies, ended with this one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog

from manager.supervision import kept_running
from manager.tied import Tied, spawn
from services.core.settings import Settings
from services.core.signals import Signals

_GRACE_S: Final = 20.0
"""To end what is open in order; after that it is killed."""
_DRAINING: Final = ("stage", "gateway")
"""Where lines run. The first of these that is here is asked to bring them to their end, while everything else serves it."""

_log = structlog.get_logger(__name__)


class ServiceProcess:
    """One service, kept running."""

    def __init__(self, name: str, config: Path | None, environment: Mapping[str, str]) -> None:
        """Nothing runs before `start`."""
        self.name = name
        self._command = [sys.executable, "-m", "services", *(("--config", str(config)) if config is not None else ()), name]
        self._environment = environment
        self._child: Tied | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self._child.pid if self._child is not None else 0

    def start(self) -> None:
        """Without waiting until it serves: the others wait for it by themselves."""
        self._child = spawn(self._command, self._environment)

    def watch(self) -> None:
        """Start it again whenever it dies, with growing pauses, until `let_go`."""

        async def again() -> None:
            self.start()

        watching = kept_running("service", lambda: self._child, again, lambda: {"service": self.name, "pid": self.pid})
        self._watcher = asyncio.create_task(watching, name=f"watch:{self.name}")

    async def let_go(self) -> None:
        """It is not started again."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])

    async def drain(self, limit_s: float, at_once: asyncio.Event) -> None:
        """Ask it to end once what runs there has come to its end; return when it has ended, at the latest after `limit_s`, or when all is to end `at_once`."""
        await self.let_go()
        if self._child is None or not self._child.pid:
            return
        self._child.process.terminate()
        hurried = asyncio.create_task(at_once.wait(), name="at-once")
        try:
            ends: list[asyncio.Future[Any]] = [self._child.ended, hurried]
            await asyncio.wait(ends, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurried.cancel()

    async def stop(self) -> None:
        """Politely, then firmly; nothing is brought to its end."""
        number = signal.SIGINT if self.name in _DRAINING else signal.SIGTERM
        if self._child is not None and not await self._child.stop(_GRACE_S, number):
            _log.warning("service.killed", service=self.name)


@asynccontextmanager
async def processes(settings: Settings, names: Sequence[str], config: Path | None) -> AsyncIterator[list[ServiceProcess]]:
    """Run the named services for the time of the block, each by `python -m services`; they end in reverse order."""
    environment = os.environ | _told(settings)
    services = [ServiceProcess(name, config, environment) for name in names]
    try:
        for service in services:
            service.start()
            service.watch()
        yield services
    finally:
        for service in services:
            await asyncio.shield(service.let_go())
        for service in reversed(services):
            await asyncio.shield(service.stop())


async def drained(services: Sequence[ServiceProcess], limit_s: float, signals: Signals, tell: Callable[[int], None]) -> None:
    """Return when the lines have come to their end, or need not; the next signal ends the process. `tell` is told that this is not known in number."""
    here = {service.name: service for service in services}
    lines = next((here[name] for name in _DRAINING if name in here), None)
    if lines is not None and limit_s > 0 and not signals.at_once.is_set():
        tell(-1)
        await lines.drain(limit_s + _GRACE_S, signals.at_once)
    signals.hurry()


def _told(settings: Settings) -> dict[str, str]:
    """What this process has settled, over file and environment."""
    told = {
        "SOUFFLEUR__REDIS__URL": settings.redis.url,
        "SOUFFLEUR__GATEWAY__HOST": settings.gateway.host,
        "SOUFFLEUR__GATEWAY__PORT": str(settings.gateway.port),
        "SOUFFLEUR__DATA_DIR": str(settings.data_dir),
    }
    return told | ({"SOUFFLEUR__RUNTIME_DIR": str(settings.runtime_dir)} if settings.runtime_dir is not None else {})
