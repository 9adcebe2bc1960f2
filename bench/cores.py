"""Which core a process runs on, and how urgent it is. Children inherit the core; urgency is given to each session of processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

PROGRAM: Final = 0
LOAD: Final = 1
"""The program has one core to itself, Redis included; whoever measures it has the other."""


def pinnable() -> bool:
    """Are there two cores that processes can be bound to?"""
    return hasattr(os, "sched_getaffinity") and {PROGRAM, LOAD} <= os.sched_getaffinity(0)


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Processes started within the block run on `core` only, where cores can be chosen."""
    if not pinnable():
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def hurry(pid: int) -> None:
    """Let a process that leads a session, and all its children, go before everybody else's. Needs root; else nothing happens.

    A nice level counts only within a session; the kernel shares time between sessions first, and each session has a level of its own.
    A real-time class would be no help: the program's threads and its store would then wait for each other.
    """
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        with suppress(OSError, psutil.Error):
            one.nice(-20)
            Path(f"/proc/{one.pid}/autogroup").write_text("-20", encoding="ascii")
