"""Python runs this first in every process that has this folder on its path: a process dies at a named point, once a file of that name is there.

The program itself knows nothing of it. What it calls is wrapped as its module is loaded, in the process that is meant and in no other.
"""

from __future__ import annotations

import functools
import importlib.machinery
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = "CHAOS_POINTS"
"""The environment variable that says where the files are."""


@dataclass(frozen=True, slots=True)
class Point:
    """Before a call is made, or behind it: it has done its work, and nobody has been told."""

    service: str
    module: str
    owner: str
    method: str
    behind: bool = True


POINTS = {
    "before an append": Point("stage", "services.transcript.log", "TranscriptLog", "append", behind=False),
    "behind an append": Point("stage", "services.transcript.log", "TranscriptLog", "append"),
    "behind a claim": Point("stage", "services.transcript.log", "TranscriptLog", "claim"),
    "behind the archive": Point("stage", "services.transcript.archive", "Archive", "store_all"),
    "behind the outbox": Point("gateway", "services.transcript.outbox.store", "Outbox", "add"),
    "behind a told act": Point("corrections", "services.core.rpc.client", "StageClient", "tell"),
    "before a row is marked": Point("corrections", "services.transcript.outbox.store", "Outbox", "applied", behind=False),
}


class _Finder(MetaPathFinder):
    """Finds the modules that have points, as they are found without it, and wraps what is in them."""

    def __init__(self, points: dict[str, Point], folder: Path) -> None:
        self._points = points
        self._folder = folder

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        mine = {name: point for name, point in self._points.items() if point.module == fullname}
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target) if mine else None
        loader: Any = spec and spec.loader
        if loader is not None:
            execute = loader.exec_module

            def executed(module: ModuleType) -> None:
                execute(module)
                for name, point in mine.items():
                    owner = getattr(module, point.owner)
                    setattr(owner, point.method, _wrapped(getattr(owner, point.method), self._folder / name, behind=point.behind))

            loader.exec_module = executed
        return spec


def _wrapped(method: Callable[..., Awaitable[Any]], file: Path, *, behind: bool) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(method)
    async def run(*arguments: Any, **named: Any) -> Any:
        if not behind:
            _reached(file)
        answer = await method(*arguments, **named)
        if behind:
            _reached(file)
        return answer

    return run


def _reached(file: Path) -> None:
    with suppress(FileNotFoundError):
        file.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


if folder := os.environ.get(FOLDER):
    sys.meta_path.insert(0, _Finder({name: point for name, point in POINTS.items() if point.service == sys.orig_argv[-1]}, Path(folder)))
