"""A child that dies is started again, however often that fails first."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import IO

import pytest
from structlog.testing import capture_logs

from manager import processes
from manager.processes import ServiceProcess
from manager.tied import Tied, spawn
from tests.waiting import until

_ENDS = [sys.executable, "-c", ""]
_STAYS = [sys.executable, "-c", "import time; time.sleep(60)"]


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
    watch = asyncio.create_task(service.supervise())
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await service.stop()


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
