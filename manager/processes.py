"""`souffleur up --processes`: every service in a process of its own, started again when it dies, ended with this one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog

from manager.supervision import kept_running
from manager.tied import Tied, spawn
from services.core.settings import Settings

_GRACE_S: Final = 20.0
"""To end what is open in order; after that it is killed."""

_log = structlog.get_logger(__name__)


class ServiceProcess:
    """One service, kept running."""

    def __init__(self, name: str, config: Path | None, environment: Mapping[str, str]) -> None:
        """Nothing runs before `start`."""
        self.name = name
        self._command = [sys.executable, "-m", "services", *(("--config", str(config)) if config is not None else ()), name]
        self._environment = environment
        self._child: Tied | None = None

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self._child.pid if self._child is not None else 0

    def start(self) -> None:
        """Without waiting until it serves: the others wait for it by themselves."""
        self._child = spawn(self._command, self._environment)

    async def supervise(self) -> None:
        """Start it again whenever it dies, with growing pauses; runs until cancelled."""

        async def again() -> None:
            self.start()

        await kept_running("service", lambda: self._child, again, lambda: {"service": self.name, "pid": self.pid})

    async def stop(self) -> None:
        """Politely, then firmly."""
        if self._child is not None and not await self._child.stop(_GRACE_S):
            _log.warning("service.killed", service=self.name)


@asynccontextmanager
async def processes(settings: Settings, names: Sequence[str], config: Path | None) -> AsyncIterator[list[ServiceProcess]]:
    """Run the named services for the time of the block, each by `python -m services`; they end in reverse order."""
    environment = os.environ | _told(settings)
    services = [ServiceProcess(name, config, environment) for name in names]
    watchers: list[asyncio.Task[None]] = []
    try:
        for service in services:
            service.start()
            watchers.append(asyncio.create_task(service.supervise(), name=f"watch:{service.name}"))
        yield services
    finally:
        for watcher in watchers:
            watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*watchers, return_exceptions=True)
        for service in reversed(services):
            await asyncio.shield(service.stop())


def _told(settings: Settings) -> dict[str, str]:
    """What this process has settled, over file and environment."""
    told = {
        "SOUFFLEUR__REDIS__URL": settings.redis.url,
        "SOUFFLEUR__GATEWAY__HOST": settings.gateway.host,
        "SOUFFLEUR__GATEWAY__PORT": str(settings.gateway.port),
        "SOUFFLEUR__DATA_DIR": str(settings.data_dir),
    }
    return told | ({"SOUFFLEUR__RUNTIME_DIR": str(settings.runtime_dir)} if settings.runtime_dir is not None else {})
