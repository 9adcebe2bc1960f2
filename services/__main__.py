"""The one launcher: `python -m services all`, or any services by name. Each finds the others by the addresses in the settings."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast

import structlog

from services.catalog import SERVICES
from services.compose import compose
from services.core import logs, telemetry, tracing
from services.core.draining import LINES
from services.core.errors import SouffleurError
from services.core.loop import run_loop
from services.core.presence import present
from services.core.registry import load
from services.core.runtime import Runtime
from services.core.settings import Settings, read
from services.core.signals import Signals

Build = Callable[[Runtime], AbstractAsyncContextManager[object]]
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def running(settings: Settings, names: Sequence[str]) -> AsyncIterator[Runtime]:
    """Run the named services for the time of the block; leave them in reverse order."""
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(compose(settings))
        await stack.enter_async_context(tracing.exporting(settings.telemetry.otlp_endpoint))
        if "gateway" not in names:
            stack.enter_context(telemetry.told_at(settings.telemetry.metrics_host, settings.telemetry.metrics_port))
        stack.enter_context(logs.stored(runtime.logs_url, settings.telemetry))
        for name in SERVICES:
            if name in names:
                build = cast(Build, load(name, SERVICES))
                await stack.enter_async_context(build(runtime))
                address = runtime.settings.gateway.url if name == "gateway" else runtime.address(name)
                await stack.enter_async_context(present(runtime.redis, runtime.clock, name, address))
                _log.info("service.started", service=name)
        loop = asyncio.get_running_loop()
        telemetry.TASKS.set_function(lambda: len(asyncio.all_tasks(loop)))
        # Objects made during start live as long as the process: keep the collector from walking them during a turn.
        gc.collect()
        gc.freeze()
        yield runtime


async def drained(runtime: Runtime, signals: Signals, tell: Callable[[int], None] = lambda _: None) -> None:
    """Return when what runs has come to its end, or need not; the next signal ends the process. `tell` is told how many lines there are."""
    limit_s = runtime.settings.stage.drain_s
    if limit_s > 0 and not signals.at_once.is_set():
        tell(runtime.draining.left(LINES))
        await runtime.draining.drain(limit_s, signals.at_once)
    signals.hurry()


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `python -m services`."""
    parser = argparse.ArgumentParser(prog="python -m services", description=__doc__)
    parser.add_argument("names", nargs="+", choices=[*SERVICES, "all"], metavar="service", help=f"all, or some of: {', '.join(SERVICES)}")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (default: souffleur.toml, if there is one)")
    options = parser.parse_args(argv)
    names = options.names
    try:
        settings = read(options.config)
        logs.configure(settings.telemetry)
        with contextlib.suppress(KeyboardInterrupt):
            run_loop(_run(settings, list(SERVICES) if "all" in names else names))
    except SouffleurError as error:
        sys.stderr.write(f"souffleur: {error.detail}\n")
        return 1
    return 0


async def _run(settings: Settings, names: Sequence[str]) -> None:
    async with running(settings, names) as runtime:
        signals = Signals()
        signals.listen()
        await signals.asked.wait()
        await drained(runtime, signals)


if __name__ == "__main__":
    sys.exit(main())
