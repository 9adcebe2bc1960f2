"""Processes die where they are told to, and nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.chaos.hooked.sitecustomize import FOLDER, POINTS

PROGRAM = """
import asyncio, sys
from pathlib import Path
from services.transcript.archive import Archive
from services.transcript.store import Entry
from tests.unit.services.transcript.drafts import said

async def main():
    archive = await Archive.open(sys.argv[1])
    print("opened", flush=True)
    await archive.store_all({"s": [Entry(1, "u", said("u").at(1).to_json())]})
    print("stored", flush=True)
    await archive.close()

asyncio.run(main())
"""


def _run(folder: Path, service: str) -> subprocess.CompletedProcess[str]:
    program = folder / "program.py"
    program.write_text(PROGRAM)
    path = os.pathsep.join((str(Path(__file__).parent / "hooked"), str(Path(__file__).parents[2])))
    environment = os.environ | {FOLDER: str(folder), "PYTHONPATH": path}
    command = [sys.executable, str(program), f"sqlite+aiosqlite:///{folder / 'archive.sqlite3'}", service]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_process_dies_at_a_point_once_its_file_is_there(tmp_path: Path) -> None:
    """Behind the work and before anybody is told; the file is gone, so that the next one lives."""
    file = tmp_path / "behind the archive"
    assert POINTS[file.name].service == "stage"
    assert _run(tmp_path, "stage").stdout == "opened\nstored\n"
    file.touch()
    died = _run(tmp_path, "stage")
    assert (died.stdout, died.returncode) == ("opened\n", -signal.SIGKILL)
    assert not file.exists()


def test_a_process_of_another_service_lives(tmp_path: Path) -> None:
    """It calls the same things."""
    file = tmp_path / "behind the archive"
    file.touch()
    assert _run(tmp_path, "gateway").stdout == "opened\nstored\n"
    assert file.exists()


def test_every_point_is_there() -> None:
    """What is wrapped has not been renamed."""
    for point in POINTS.values():
        module = __import__(point.module, fromlist=[point.owner])
        assert callable(getattr(getattr(module, point.owner), point.method))
