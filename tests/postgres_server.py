"""A private real PostgreSQL for tests, on a unix socket in a folder of its own, ended by pid."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def postgres_folder() -> Path | None:
    """Where `initdb` and `postgres` are; None if they are not installed."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def lesser_user() -> str | None:
    """PostgreSQL refuses to run as root: another user for it then. None = the current one will do. Raises KeyError if there is none."""
    return pwd.getpwnam("postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody").pw_name if os.geteuid() == 0 else None


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """An empty one; the test is skipped where PostgreSQL or its driver is not installed."""
    pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")
    binaries = postgres_folder()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    try:
        user = lesser_user()
    except KeyError:
        pytest.skip("PostgreSQL does not run as root and there is no other user")
    server = PostgresServer(binaries, user)
    try:
        yield server
    finally:
        server.close()


class PostgresServer:
    """One server with an empty database."""

    def __init__(self, binaries: Path, user: str | None) -> None:
        """Make the data folder and start."""
        self._user = user
        self.folder = Path(tempfile.mkdtemp(prefix="sfp-", dir="/tmp"))
        if user is not None:
            shutil.chown(self.folder, user)
        data = self.folder / "data"
        self._run([binaries / "initdb", "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"])
        command = [binaries / "postgres", "-D", data, "-k", self.folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, user=user, cwd=self.folder)
        self._run([binaries / "pg_isready", "-h", self.folder, "-U", "test", "-t", "1"], attempts=200)

    @property
    def url(self) -> str:
        """As the archive takes it."""
        return f"postgresql+asyncpg://test@/postgres?host={self.folder}"

    def close(self) -> None:
        """Fast shutdown, and the folder is gone."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=15)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, command: list[str | Path], attempts: int = 1) -> None:
        for left in range(attempts, 0, -1):
            done = subprocess.run([str(part) for part in command], capture_output=True, user=self._user, cwd=self.folder, timeout=60, check=False)
            if done.returncode == 0:
                return
            if left == 1:
                raise RuntimeError(f"{command[0]} failed: {done.stderr.decode(errors='replace')[-2000:]}")
