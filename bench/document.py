"""`docs/benchmarks.md`: prose that people write, with sections between markers that a run writes."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from bench.cores import pinnable

PATH: Final = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_PACKAGES: Final = ("souffleur", "fastapi", "uvicorn", "websockets", "uvloop", "grpcio", "redis", "hiredis", "sqlalchemy")


def replaced(document: str, name: str, text: str) -> str:
    """`document` with `text` between the markers of a section. Raises `ValueError` if it has none."""
    before, begin, _, end, after = _parted(document, name)
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"


def section(document: str, name: str) -> str:
    """What stands between the markers of a section. Raises `ValueError` if it has none."""
    return _parted(document, name)[2].strip()


def _parted(document: str, name: str) -> tuple[str, str, str, str, str]:
    begin, end = f"<!-- {name}: generated -->", f"<!-- /{name} -->"
    before, found, rest = document.partition(begin)
    within, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no section {begin} ... {end}")
    return before, begin, within, end, after


def write(name: str, text: str) -> None:
    """Put a run's result into its section."""
    PATH.write_text(replaced(PATH.read_text(encoding="utf-8"), name, text), encoding="utf-8")


def stamp(command: str) -> str:
    """When, with what and on what it was measured."""
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    memory = psutil.virtual_memory().total / 2**30
    cores = f"{psutil.cpu_count()} cores" + ("" if pinnable() else " (processes were not pinned)")
    return (
        f"`{command}`, {datetime.now(UTC):%d %b %Y %H:%M} UTC, commit {_commit()}. {_processor()}, {cores}, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, Redis {_redis()}; {packages}. "
        f"Load average when it began: {psutil.getloadavg()[0]:.1f}."
    )


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _commit() -> str:
    try:
        return subprocess.run(["git", "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True, cwd=PATH.parent).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _redis() -> str:
    from manager.redis_binary import choose

    answer = subprocess.run([str(choose(PATH.parent).path), "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"v=([\d.]+)", answer)
    return found[1] if found else "of unknown version"
