"""A child that dies is started again, however often that fails first."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO

import pytest
from structlog.testing import capture_logs

from manager import processes
from manager.processes import ServiceProcess, drained
from manager.tied import Tied, spawn
from services.core.signals import Signals
from tests.waiting import until

_ENDS = [sys.executable, "-c", ""]
_STAYS = [sys.executable, "-c", "import time; time.sleep(60)"]
_LONG_S = 60.0


class Machine:
    """Starts children as told: a command, or the error that the machine has instead of a process."""

    def __init__(self, *plan: list[str] | OSError) -> None:
        self.plan = list(plan)

    def spawn(self, _: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None = None) -> Tied:
        """The next step of the plan."""
        step = self.plan.pop(0)
        if isinstance(step, OSError):
            raise step
        return spawn(step, environment, output)


@asynccontextmanager
async def supervised(service: ServiceProcess) -> AsyncIterator[None]:
    """Started and watched for the time of the block."""
    service.start()
    service.watch()
    try:
        yield
    finally:
        await service.let_go()
        await service.stop()


class Asked(Signals):
    """As if somebody had signalled, without touching the handlers of this process."""

    def hurry(self) -> None:
        """Nothing is waited for."""
        self.at_once.set()


async def test_a_start_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is to be had for a while: the log says so, and the service comes back once there is one."""
    machine = Machine(_ENDS, OSError(errno.EAGAIN, "Resource temporarily unavailable"), OSError(errno.ENOMEM, "Cannot allocate memory"), _STAYS)
    monkeypatch.setattr(processes, "spawn", machine.spawn)
    service = ServiceProcess("stt", None, dict(os.environ))
    with capture_logs() as logs:
        async with supervised(service):
            await until(lambda: not machine.plan and service.pid, 15, "the service")
            await until(lambda: logs[-1]["event"] == "service.restarted", 15, "word of it")
    assert [entry["event"] for entry in logs] == ["service.died", "service.not_restarted", "service.not_restarted", "service.restarted"]
    assert all(entry["service"] == "stt" for entry in logs)
    assert "memory" in logs[2]["reason"]


async def test_a_child_that_nobody_can_watch_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread is to be had: the same error as for no process, and nothing runs unseen."""
    made: list[subprocess.Popen[bytes]] = []

    def no_thread(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    class Seen(subprocess.Popen[bytes]):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[call-overload]
            made.append(self)

    monkeypatch.setattr(subprocess, "Popen", Seen)
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    with pytest.raises(OSError, match="no thread"):
        spawn(_STAYS, os.environ)
    assert [process.returncode is not None for process in made] == [True]


@pytest.mark.parametrize(("names", "first"), [(("llm", "stage", "gateway"), "stage"), (("llm", "gateway"), "gateway"), (("llm",), "")])
async def test_only_where_lines_run_is_told_to_end_first(monkeypatch: pytest.MonkeyPatch, names: Sequence[str], first: str) -> None:
    """And is not started again; whatever serves the lines lives on until that has ended."""
    monkeypatch.setattr(processes, "spawn", Machine(*[_STAYS] * len(names)).spawn)
    services = {name: ServiceProcess(name, None, dict(os.environ)) for name in names}
    told: list[int] = []
    async with AsyncExitStack() as stack:
        for service in services.values():
            await stack.enter_async_context(supervised(service))
        await asyncio.wait_for(drained(list(services.values()), _LONG_S, Asked(), told.append), 10)
        assert [name for name, service in services.items() if not service.pid] == ([first] if first else [])
        assert len(told) == bool(first)


@pytest.mark.parametrize("how", ["limit", "hurried", "off"])
async def test_lines_that_do_not_end_are_waited_for_no_longer_than_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str) -> None:
    """The limit, a second signal, or a limit of nothing."""
    monkeypatch.setattr(processes, "_GRACE_S", 0.0 if how == "limit" else _LONG_S)
    ready = tmp_path / "ready"
    monkeypatch.setattr(processes, "spawn", Machine(["/bin/sh", "-c", f"trap '' TERM; : > {ready}; exec sleep 60"]).spawn)
    stage, signals = ServiceProcess("stage", None, dict(os.environ)), Asked()
    async with supervised(stage):
        await until(ready.exists)
        waiting = asyncio.create_task(drained([stage], {"limit": 0.05, "hurried": _LONG_S, "off": 0.0}[how], signals, lambda _: None))
        if how == "hurried":
            await until(lambda: stage._watcher is not None and stage._watcher.done())
            assert not waiting.done()
            signals.hurry()
        await asyncio.wait_for(waiting, 10)
        assert stage.pid
        assert signals.at_once.is_set()
