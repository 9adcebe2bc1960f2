"""What a session's memory is made of, from inside the program, with and without sessions; the section `memory`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.beside import beside
from bench.figures import number, table
from bench.inside import FOLDER
from bench.load import SPREAD_S, WARM_UP_S
from bench.overhead import FAST_MS, Plan, loaded
from bench.profile import place_of
from bench.program import Program, running
from bench.script import settings
from manager.setup.shell import ROOT

SESSIONS: Final = 20
_LONGEST: Final = 12
_WARM_UP: Final = 3.0
_CENSUS_S: Final = 5.0
"""The sessions are there for so much longer: counting takes a moment, and connecting them as well."""
_PATIENCE_S: Final = 60.0
_COMMAND: Final = (sys.executable, "-m", "bench.inside")


async def memory_tables(sessions: int, seconds: float) -> str:
    """Bytes by who asked for them and objects by type, for each session that talks."""
    with tempfile.TemporaryDirectory(prefix="souffleur-bench-") as name:
        folder = Path(name)
        environment = settings(FAST_MS) | {FOLDER: name, "PYTHONTRACEMALLOC": "1", "PYTHONPATH": str(ROOT)}
        async with running(folder, environment, command=_COMMAND) as program:
            # What is loaded with the first session is no session's.
            await loaded(program, Plan(sessions=1, seconds=_WARM_UP, runs=1))
            before = await _census(program, folder, 0)
            async with beside(loaded(program, Plan(sessions=sessions, seconds=seconds + _CENSUS_S, runs=1))):
                await asyncio.sleep(SPREAD_S + WARM_UP_S + seconds)
                after = await _census(program, folder, 1)
    return memory_of(before, after, sessions)


async def _census(program: Program, folder: Path, count: int) -> dict[str, Any]:
    os.kill(program.pid, signal.SIGUSR2)
    written = folder / f"{count}.json"
    async with asyncio.timeout(_PATIENCE_S):
        while not written.exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    found: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    return found


def memory_of(before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]], sessions: int) -> str:
    """The growth between two censuses, shared out among the sessions."""
    asked: Counter[str] = Counter()
    for file, size in after["bytes"].items():
        asked[place_of(file)] += size
    for file, size in before["bytes"].items():
        asked[place_of(file)] -= size
    objects = Counter(after["objects"])
    objects.subtract(before["objects"])
    longest = asked.most_common(_LONGEST)
    kilobytes = [[name, number(size / sessions / 1000)] for name, size in longest]
    rest = asked.total() - sum(size for _, size in longest)
    kilobytes += [["everything else", number(rest / sessions / 1000)], ["all that Python gave out", number(asked.total() / sessions / 1000)]]
    counts = [[f"`{name}`", number(count / sessions)] for name, count in objects.most_common(_LONGEST)]
    return f"{table(('asked for in', 'KB a session'), kilobytes)}\n\n{table(('type', 'objects a session'), counts)}"
