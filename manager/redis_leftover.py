"""A Redis that outlived its parent: recognised beyond doubt, then ended before a new one opens the same files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from services.core.errors import Unavailable

_POLITE_S: Final = 10.0
_FIRM_S: Final = 5.0
_POLL_S: Final = 0.02


def end_leftover(data: Path, pid_file: Path) -> int | None:
    """End the server that still works in `data`; its pid, or None if there was none.

    The caller holds the lock on the data folder, so no living program uses it. A pid alone proves nothing (it may have been given to another process since):
    the process must be a Redis and work in this very folder. Raises `Unavailable` if it will not go.
    """
    pid = _recorded(pid_file)
    if pid is None:
        return None
    if not _is_ours(pid, data):
        pid_file.unlink(missing_ok=True)
        return None
    for number, patience_s in ((signal.SIGTERM, _POLITE_S), (signal.SIGKILL, _FIRM_S)):
        if _gone(pid, number, patience_s):
            pid_file.unlink(missing_ok=True)
            return pid
    raise Unavailable(f"the Redis of an earlier run (process {pid}) still uses {data} and does not end")


def _recorded(pid_file: Path) -> int | None:
    try:
        text = pid_file.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() and int(text) > 1 else None


def _is_ours(pid: int, data: Path) -> bool:
    if sys.platform == "linux":
        try:
            program = Path(f"/proc/{pid}/exe").readlink().name
            folder = Path(f"/proc/{pid}/cwd").readlink()
        except OSError:
            return False
        return ("redis" in program or "valkey" in program) and folder == data.resolve()
    answer = subprocess.run(["lsof", "-a", "-p", str(pid), "-d", "cwd", "-Fcn"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603, S607 - no /proc here
    lines = answer.stdout.splitlines()
    return any(line.startswith("c") and ("redis" in line or "valkey" in line) for line in lines) and f"n{data.resolve()}" in lines


def _gone(pid: int, number: int, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    try:
        os.kill(pid, number)
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            if _zombie(pid):
                return True
            time.sleep(_POLL_S)
    except ProcessLookupError:
        return True
    return False


def _zombie(pid: int) -> bool:
    # Ended, and only its parent has not asked how: it holds no file any more.
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
