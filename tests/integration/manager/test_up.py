"""`souffleur up` as a process of its own: it runs, is found by `ps`, refuses a second one, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from manager.redis_binary import available
from tests.waiting import until_at_last

pytestmark = pytest.mark.skipif(next(available(), None) is None, reason="no Redis server on this machine")
_LIMIT_S = 60.0


def _souffleur(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "manager.cli", *arguments]


@contextmanager
def _up(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A running manager; killed by pid at the end if it is still there."""
    command = _souffleur("up", "--services", "manager", "--no-download", "--data", str(folder), *options)
    env = {**os.environ, "SOUFFLEUR__RUNTIME_DIR": str(folder / "run")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stdout is not None
        greeting = process.stdout.readline()
        assert "runs manager" in greeting, process.stderr.read() if process.stderr else ""
        yield process
    finally:
        process.kill()
        process.communicate(timeout=_LIMIT_S)


def _ps(folder: Path) -> tuple[int, dict[str, Any]]:
    env = {**os.environ, "SOUFFLEUR__RUNTIME_DIR": str(folder / "run")}
    answer = subprocess.run(_souffleur("ps", "--json", "--data", str(folder)), capture_output=True, text=True, timeout=_LIMIT_S, check=False, env=env)
    assert answer.stderr == ""
    assert answer.stdout
    return answer.returncode, json.loads(answer.stdout)


def _gone(pid: int) -> None:
    until_at_last(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, what=f"the end of {pid}")


def test_a_running_program_is_found(folder: Path) -> None:
    """`ps` names every service with pid, address and health, and the store."""
    with _up(folder) as process:
        status, found = _ps(folder)
        assert status == 0
        assert (found["running"], found["pid"]) == (True, process.pid)
        (service,) = found["services"]
        assert (service["name"], service["pid"], service["health"]) == ("manager", process.pid, "serving")
        assert service["address"] == f"unix:{folder / 'run' / 'manager.sock'}"
        assert found["redis"]["health"] == "serving"
        assert psutil.Process(found["redis"]["pid"]).ppid() == process.pid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(folder: Path, number: int) -> None:
    """Status zero, no stack, the store ended with it, nothing left that the next start would trip over."""
    with _up(folder) as process:
        redis = _ps(folder)[1]["redis"]["pid"]
        process.send_signal(number)
        _, errors = process.communicate(timeout=_LIMIT_S)
        assert process.returncode == 0
        assert "Traceback" not in errors
        assert not psutil.pid_exists(redis)
    assert _ps(folder) == (1, {"running": False, "pid": None, "url": None, "data": str(folder), "redis": None, "services": []})
    assert [path.name for path in (folder / "run").iterdir() if path.suffix in {".sock", ".json"}] == []


def test_a_signal_during_the_start_ends_it_quietly(folder: Path) -> None:
    """Whoever changes their mind at once meets no stack and no orphan."""
    command = _souffleur("up", "--services", "manager", "--no-download", "--data", str(folder))
    env = {**os.environ, "SOUFFLEUR__RUNTIME_DIR": str(folder / "run")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    deadline = time.monotonic() + _LIMIT_S
    while not (folder / "redis" / "redis.log").exists():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=_LIMIT_S)
    assert "Traceback" not in errors
    for child in children:
        _gone(child.pid)


def test_a_second_one_names_the_first(folder: Path) -> None:
    """The data folder belongs to one program; the other is told whom to stop."""
    with _up(folder) as first:
        second = subprocess.run(_souffleur("up", "--services", "manager", "--data", str(folder)), capture_output=True, text=True, timeout=_LIMIT_S, check=False)
        assert second.returncode == 1
        assert second.stderr == f"souffleur: {folder} is in use by process {first.pid}: stop it first, or choose another folder with --data\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's tie to the parent is a thing of Linux")
def test_a_killed_program_leaves_no_orphan_and_starts_again(folder: Path) -> None:
    """Kill -9 takes the store along, and the next start runs on the same folder."""
    with _up(folder) as process:
        redis = _ps(folder)[1]["redis"]["pid"]
        process.kill()
        process.wait(timeout=_LIMIT_S)
        _gone(redis)
    with _up(folder):
        status, found = _ps(folder)
        assert (status, len(found["services"])) == (0, 1)


def test_a_configured_store_is_used(folder: Path, redis_server: str) -> None:
    """With redis.url no private server is started."""
    (folder / "s.toml").write_text(f'[redis]\nurl = "{redis_server}"\n')
    with _up(folder, "--config", str(folder / "s.toml")):
        assert not (folder / "redis").exists()


def test_a_configured_store_that_is_not_there_is_one_line(folder: Path) -> None:
    """The address is named, its password is not, and nothing is started."""
    (folder / "s.toml").write_text('[redis]\nurl = "redis://me:pw-1@127.0.0.1:1/0"\n')
    command = _souffleur("up", "--services", "manager", "--data", str(folder), "--config", str(folder / "s.toml"))
    answer = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    assert answer.returncode == 1
    assert "the configured Redis at redis://me:********@127.0.0.1:1/0 cannot be reached" in answer.stderr
    assert "pw-1" not in answer.stderr
    assert "Traceback" not in answer.stderr
