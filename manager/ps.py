"""`souffleur ps`: the services that run, their pids and addresses, and whether they answer."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from manager import runfile
from manager.directory import SERVING, ServiceState, survey
from manager.lock import holder
from services.compose import compose, run_dir
from services.core.loop import run_loop
from services.core.settings import Settings, overlaid


def ps(settings: Settings, *, as_json: bool) -> int:
    """Print it; the exit status is 0 if everything that runs answers and something does."""
    pid = holder(settings.data_dir)
    run = runfile.read(run_dir(settings)) if pid else None
    states: list[ServiceState] = []
    url = settings.redis.url or (run.redis_url if run else "")
    if url:
        run_loop(_collect(overlaid(settings, {"redis": {"url": url}}), states))
    services = [state for state in states if state.name != "redis"]
    running = pid is not None or bool(services)
    if as_json:
        redis = next((asdict(state) for state in states if state.name == "redis"), None)
        found = {
            "running": running,
            "pid": pid,
            "url": run.url if run else None,
            "data": str(settings.data_dir),
            "redis": redis,
            "services": [asdict(state) for state in services],
        }
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    elif running:
        _table(states, pid)
    else:
        sys.stdout.write(f"Nothing runs in {settings.data_dir}. `souffleur up` starts it.\n")
    return 0 if services and all(state.health == SERVING for state in states) else 1


async def _collect(settings: Settings, states: list[ServiceState]) -> None:
    async with compose(settings) as runtime:
        states.extend(await survey(runtime))


def _table(states: list[ServiceState], pid: int | None) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("service", "pid", "health", "up", "address"):
        table.add_column(heading, overflow="fold")
    for state in states:
        style = "green" if state.health == SERVING else "red"
        table.add_row(state.name, str(state.pid or ""), f"[{style}]{state.health}[/{style}] {state.detail}".strip(), _age(state.started_at), state.address)
    # Piped into a file or a pager, an address is better long than broken.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    console.print(table)
    if pid is not None and len(states) <= 1:
        console.print(f"Process {pid} holds the data folder and has not announced its services yet.")


def _age(started_at: float) -> str:
    if not started_at:
        return ""
    seconds = max(0, int(time.time() - started_at))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"
