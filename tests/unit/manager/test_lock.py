"""The lock on the data folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from manager.lock import exclusive, holder, lock_file
from services.core.errors import Conflict, SettingsRejected

_HOLD = (
    "import sys; from pathlib import Path; from manager.lock import exclusive\nwith exclusive(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


def _other(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds the folder until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=10)


def test_the_second_program_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    """Nobody else gets in, and the message names who is in."""
    other = _other(tmp_path)
    try:
        assert holder(tmp_path) == other.pid
        with pytest.raises(Conflict, match=f"process {other.pid}.*--data"), exclusive(tmp_path):
            pytest.fail("two holders")
    finally:
        _end(other)


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    """The kernel ends the lock with its holder; what stands in the file does not matter."""
    _end(_other(tmp_path))
    assert lock_file(tmp_path).read_text().strip().isdigit()
    assert holder(tmp_path) is None
    with exclusive(tmp_path):
        assert holder(tmp_path) == os.getpid()
    assert holder(tmp_path) is None


def test_the_folder_is_made(tmp_path: Path) -> None:
    """A data folder that is not there yet is made."""
    with exclusive(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    """A file in the way is refused with its path, not with a stack."""
    (tmp_path / "file").touch()
    with pytest.raises(SettingsRejected, match="file"), exclusive(tmp_path / "file" / "data"):
        pytest.fail("held a folder within a file")
