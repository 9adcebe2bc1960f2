"""The lock on the data folder: one program at a time, and the other one's pid in the message."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.core.errors import Conflict, SettingsRejected


@contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """Hold the folder for the time of the block; made if it is not there.

    The kernel ends the lock with its holder, however that ends. Raises `Conflict` naming the holder's pid,
    and `SettingsRejected` for a folder that cannot be written.
    """
    path = lock_file(data_dir)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsRejected(f"cannot write in the data folder {data_dir}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = holder(data_dir)
            by = f"process {pid}" if pid else "another process"
            raise Conflict(f"{data_dir} is in use by {by}: stop it first, or choose another folder with --data") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(data_dir: Path) -> int | None:
    """Pid of the process that holds the folder; None when nobody does."""
    path = lock_file(data_dir)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            return int(text) if text.isdigit() else 0
        return None
    finally:
        os.close(descriptor)


def lock_file(data_dir: Path) -> Path:
    """Where the lock stands; it is never deleted, since deleting a lock file lets two holders in."""
    return data_dir / "souffleur.lock"
