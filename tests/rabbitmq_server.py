"""A private real RabbitMQ for tests: random ports, own data folder, no service user, killed by process group."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
import pytest

_START_S: Final = 60.0
_TRIES: Final = 3
_ENVIRONMENT: Final = ("PATH", "LANG", "LC_ALL", "TERM")


def rabbitmq_script() -> str | None:
    """The server's own script: the wrapper that stands on PATH insists on the service's user and folder."""
    for folder in sorted(Path("/usr/lib/rabbitmq").glob("lib/*/sbin"), reverse=True):
        if (script := folder / "rabbitmq-server").exists() and shutil.which("erl"):
            return str(script)
    return shutil.which("rabbitmq-server") if shutil.which("erl") else None


@contextmanager
def running_rabbit() -> Iterator[RabbitServer]:
    """A broker that takes clients; the test is skipped where RabbitMQ is not installed."""
    script = rabbitmq_script()
    if script is None:
        pytest.skip("RabbitMQ is not installed")
    server = RabbitServer(script)
    try:
        server.start()
        yield server
    finally:
        server.close()


class RabbitServer:
    """One broker; `kill` and `start` keep the data folder and the ports, `close` removes what it left."""

    def __init__(self, script: str) -> None:
        """Nothing runs yet."""
        self._script = script
        self.folder = Path(tempfile.mkdtemp(prefix="sfq-", dir="/tmp"))
        self._port, self._distribution, self._epmd = _free_ports(3)
        self._process: subprocess.Popen[bytes] | None = None
        self._mapper: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients connect; the same after a restart."""
        return f"amqp://guest:guest@127.0.0.1:{self._port}/"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it takes clients."""
        for left in reversed(range(_TRIES)):
            self._spawn()
            deadline = time.monotonic() + _START_S
            while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
                if self._answers():
                    return
                time.sleep(0.05)
            self.kill()
            if not left:
                raise RuntimeError(f"{self._script} did not start: {(self.folder / 'log.txt').read_text(errors='replace')[-3000:]}")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send `number` to the broker and all its children, and wait for its end."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            self._process.wait(timeout=_START_S)
            self._process = None

    def knows(self, queue: str) -> bool:
        """A quorum queue is in the broker's own register on disk. One that is killed in the seconds before never finds it again."""
        return any(queue.encode() in file.read_bytes() for file in (self.folder / "data").rglob("names.dets"))

    def freeze(self, *, on: bool) -> None:
        """It neither answers nor closes its connections."""
        leader = psutil.Process(self.pid)
        os.killpg(leader.pid, signal.SIGSTOP if on else signal.SIGCONT)
        deadline = time.monotonic() + _START_S
        group = [one for one in (leader, *leader.children(recursive=True)) if os.getpgid(one.pid) == leader.pid]
        while on and any(one.status() != psutil.STATUS_STOPPED for one in group):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def close(self) -> None:
        """Kill it and its port mapper, and remove its data."""
        self.kill()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait(timeout=_START_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _spawn(self) -> None:
        environment = self._environment()
        if self._mapper is None:
            # Started by us and not by the broker, which would leave it behind.
            command = [shutil.which("epmd") or "epmd", "-port", str(self._epmd), "-address", "127.0.0.1"]
            self._mapper = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [self._script], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=self.folder, start_new_session=True
            )

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        (folder / "plugins").write_text("[].\n")
        # A test's messages are few: the broker need not hold back for want of disk or memory.
        (folder / "rabbitmq.conf").write_text("disk_free_limit.absolute = 10MB\nlog.console = true\nlog.file = false\n")
        (folder / "env.conf").write_text("")
        return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"sf{self._port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        }

    def _answers(self) -> bool:
        """It speaks AMQP: the port alone is open a moment earlier."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=2) as client:
                client.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(client.recv(1))
        except OSError:
            return False


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()
