"""Checks of the machine: Python, platform, disk, folder, port."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from manager.doctor.finding import Finding, State
from manager.lock import holder
from manager.up import free_port
from services.core.errors import Unavailable
from services.core.settings import Settings

_OLDEST: Final = (3, 11)
_LITTLE_DISK: Final = 1_000_000_000


def machine(settings: Settings) -> Iterator[Finding]:
    """Everything about the machine itself."""
    yield _python()
    yield _platform()
    yield _folder(settings.data_dir)
    yield _disk(settings.data_dir)
    yield _port(settings)
    yield Finding(part="machine", name="cores", state=State.OK, detail=f"{os.cpu_count()} cores")


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info < _OLDEST:
        return Finding(part="machine", name="Python", state=State.ERROR, detail=version, remedy="install Python 3.11 or newer and run `make setup` with it")
    promised = sys.version_info[:2] == _OLDEST
    return Finding(part="machine", name="Python", state=State.OK, detail=version if promised else f"{version} (3.11 is the version that is promised)")


def _platform() -> Finding:
    here = f"{platform.system()} {platform.machine()}"
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        return Finding(part="machine", name="platform", state=State.OK, detail=here)
    return Finding(
        part="machine", name="platform", state=State.WARNING, detail=f"{here}: some engines have no ready-made package here; the lines below say which"
    )


def _folder(data: Path) -> Finding:
    nearest = next(folder for folder in (data, *data.parents) if folder.exists())
    try:
        # Asked by doing: permission bits say nothing of read-only file systems, and to root they say yes everywhere.
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError:
        return Finding(part="machine", name="data folder", state=State.ERROR, detail=f"{data} cannot be written", remedy="choose another one with --data")
    pid = holder(data)
    return Finding(part="machine", name="data folder", state=State.OK, detail=f"{data}{f', in use by process {pid}' if pid else ''}")


def _disk(data: Path) -> Finding:
    nearest = next(folder for folder in (data, *data.parents) if folder.exists())
    free = shutil.disk_usage(nearest).free
    detail = f"{free / 1_000_000_000:.1f} GB free"
    if free < _LITTLE_DISK:
        return Finding(part="machine", name="disk", state=State.WARNING, detail=detail, remedy="make room: models need 0.1 to 1.5 GB each")
    return Finding(part="machine", name="disk", state=State.OK, detail=detail)


def _port(settings: Settings) -> Finding:
    host, port = settings.gateway.host, settings.gateway.port
    if holder(settings.data_dir):
        return Finding(part="machine", name="port", state=State.OK, detail=f"{port}, asked for by the running program")
    try:
        free_port(host, port)
    except Unavailable as error:
        return Finding(part="machine", name="port", state=State.ERROR, detail=error.detail, remedy="`souffleur up --port 0` takes any free one")
    return Finding(part="machine", name="port", state=State.OK, detail=f"{host}:{port} is free")
