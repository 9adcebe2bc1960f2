"""The run file: what a running `souffleur up` leaves for `ps` to read. It says nothing once its process is gone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

_NAME: Final = "souffleur.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the program."""

    pid: int
    url: str
    redis_url: str
    services: list[str]
    started_at: float
    """Seconds since 1970 UTC."""


def write(folder: Path, run: Run) -> None:
    """Leave `run` in the runtime folder, readable by its owner only: the store's URL may hold a password."""
    path = folder / _NAME
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(run)), encoding="utf-8")
    fresh.replace(path)


def read(folder: Path) -> Run | None:
    """What was left; None if there is nothing that can be read."""
    try:
        return Run(**json.loads((folder / _NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remove(folder: Path) -> None:
    """Take it away again."""
    (folder / _NAME).unlink(missing_ok=True)
