"""Where the program's time goes while callers talk: samples of the stack that holds the interpreter's lock, by room and by function: the section `profile`."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from bench.beside import beside
from bench.figures import number, table
from bench.load import SPREAD_S, WARM_UP_S
from bench.overhead import Plan, loaded
from bench.program import running
from bench.script import settings

SESSIONS: Final = (1, 50)
_RATE: Final = 200
"""Samples a second."""
_LONGEST: Final = 12
"""Lines of the table of functions."""
_FRAME: Final = re.compile(r"^(?P<function>.*) \((?P<file>.*?)(?::\d+)?\)$")
_OURS: Final = re.compile(r"(?:^|/)(services|manager)/(?P<path>[\w/]+)\.py$")
_PYTHON: Final = str(Path(os.__file__).parent)
_ROOTS: Final = ("core/loop", "cli", "up")
"""Whoever runs the loop is below every task."""


Stack = tuple[list[str], int]
"""Frames, outermost first, and how often it was met."""


async def profile_tables(sessions: Sequence[int], seconds: float, *, urgent: bool) -> str:
    """A table of rooms with a column for each number of sessions, and the costliest functions of ours at the largest. Raises `RuntimeError` without py-spy."""
    found = [await _sampled(Plan(sessions=count, seconds=seconds, runs=1, urgent=urgent)) for count in sessions]
    names = [f"% at {count}" for count in sessions]
    return f"{rooms_table(found, names)}\n\n{functions_table(found[-1:], names[-1:])}"


def rooms_table(found: Sequence[Sequence[Stack]], names: Sequence[str]) -> str:
    """In what room the time was spent, profile by profile."""
    rooms = [by_room(each) for each in found]
    longest = [name for name, _ in sum(rooms, Counter[str]()).most_common(_LONGEST)]
    return table(("where", *names), [[name, *(_share(room, name) for room in rooms)] for name in longest])


def functions_table(found: Sequence[Sequence[Stack]], names: Sequence[str]) -> str:
    """In which functions of ours."""
    functions = [by_function(each) for each in found]
    longest = [name for name, _ in sum(functions, Counter[str]()).most_common(_LONGEST + 1) if name][:_LONGEST]
    return table(("function, with the libraries that it calls", *names), [[name, *(_share(each, name) for each in functions)] for name in longest])


def samples(text: str) -> list[Stack]:
    """From py-spy's raw form."""
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if line.strip())
    return [(stack.split(";"), int(count)) for stack, count in lines]


async def _sampled(plan: Plan) -> list[Stack]:
    """Sample a fresh program while the load of `plan` runs."""
    with tempfile.TemporaryDirectory(prefix="souffleur-profile-") as folder:
        async with running(Path(folder), settings(plan.token_ms), urgent=plan.urgent) as program, beside(loaded(program, plan)):
            await asyncio.sleep(SPREAD_S + WARM_UP_S)
            return await recorded(program.pid, plan.seconds, Path(folder) / "stacks.txt")


async def recorded(pid: int, seconds: float, raw: Path) -> list[Stack]:
    """Stacks of a process for so long; `raw` is where py-spy writes them. Raises `RuntimeError` if it cannot."""
    spy = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if spy is None:
        raise RuntimeError("py-spy is missing: make setup-dev")
    options = ["--rate", str(_RATE), "--duration", f"{seconds:.0f}", "--threads", "--gil", "--format", "raw", "--output", str(raw)]
    async with _ended(spy, "record", "--pid", str(pid), *options) as watching:
        complaint = (await watching.communicate())[1]
    if watching.returncode or not raw.exists():
        raise RuntimeError(f"py-spy failed: {complaint.decode(errors='replace')[-500:]}")
    return samples(raw.read_text(encoding="utf-8"))


@asynccontextmanager
async def _ended(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def by_room(found: Iterable[Stack]) -> Counter[str]:
    """Whose innermost frame it was, the libraries that it called included; what libraries do by themselves, and other threads, apart."""
    rooms: Counter[str] = Counter()
    for stack, count in found:
        ours = _ours(stack)
        where = _room(ours[1]) if ours else _library(stack)
        rooms[where if "MainThread" in stack[0] else f"threads: {where}"] += count
    return rooms


def by_function(found: Iterable[Stack]) -> Counter[str]:
    """Of ours alone."""
    functions: Counter[str] = Counter()
    for stack, count in found:
        ours = _ours(stack)
        functions[f"`{ours[1]}.py` {ours[0]}" if ours else ""] += count
    return functions


def _ours(stack: Sequence[str]) -> tuple[str, str] | None:
    """(function, path without `services/` and `.py`) of the innermost frame of ours, the one that runs the event loop left out."""
    for frame in reversed(stack):
        if (parts := _FRAME.match(frame)) and (path := _OURS.search(parts["file"])) and path["path"] not in _ROOTS:
            return parts["function"], path["path"]
    return None


def place_of(file: str) -> str:
    """Whose a source file is: a room of ours, a library's, or Python's."""
    if path := _OURS.search(file):
        return _room(path["path"])
    _, library, module = file.rpartition("site-packages/")
    if library:
        return f"{Path(module).parts[0]}, by itself"
    return "Python's own library" if file.startswith(("<", _PYTHON)) else Path(file).parent.name


def _room(path: str) -> str:
    room, _, rest = path.partition("/")
    return f"{room}/{rest.partition('/')[0]}" if room == "core" else room


def _library(stack: Sequence[str]) -> str:
    """The innermost package that is not Python's own."""
    files = [parts["file"] for frame in stack if (parts := _FRAME.match(frame)) and not _OURS.search(parts["file"])]
    packages = [file.split("site-packages/")[-1].split("/")[0] for file in files if "/" in file and not file.startswith(("asyncio/", "/"))]
    return f"{packages[-1]}, by itself" if packages else "the event loop, and system calls from it"


def _share(counts: Counter[str], name: str) -> str:
    return number(100 * counts[name] / max(1, counts.total()))
