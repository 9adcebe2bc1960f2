"""Where the time of importing every service goes: `python -X importtime`, summed up by package; the section `imports`."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from bench.figures import Spread, spread, table
from bench.program import scrubbed

_LINE: Final = re.compile(r"^import time:\s+(?P<own>\d+) \|\s+\d+ \|\s+(?P<module>\S+)$", re.MULTILINE)
_OURS: Final = ("services", "manager", "protos")
_PYTHON: Final = "Python itself and its library"
_LONGEST: Final = 10
EVERYTHING: Final = """
import services.__main__
from services.catalog import SERVICES
from services.core.registry import load
for name in SERVICES:
    load(name, SERVICES)
"""


async def imports_table(runs: int) -> str:
    """The dearest packages, ours by room, and what they come to together; each module counts without what it imports itself."""
    found = [by_package(await asyncio.to_thread(_told)) for _ in range(runs)]
    return imports_of(found)


def _told() -> str:
    """What the interpreter says of every import."""
    command = [sys.executable, "-X", "importtime", "-c", EVERYTHING]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, env=scrubbed()).stderr


def by_package(text: str) -> Counter[str]:
    """Package -> microseconds of its modules' own."""
    found: Counter[str] = Counter()
    for line in _LINE.finditer(text):
        found[_package(line["module"])] += int(line["own"])
    return found


def _package(module: str) -> str:
    top, _, rest = module.partition(".")
    if top in _OURS:
        return f"ours: {top}.{rest.partition('.')[0]}" if rest else f"ours: {top}"
    return _PYTHON if top in sys.stdlib_module_names else top


def imports_of(found: Sequence[Counter[str]]) -> str:
    """Milliseconds, median and range over runs."""
    names = [name for name, _ in sum(found, Counter[str]()).most_common(_LONGEST)]
    rows = [[name, str(_over(one[name] for one in found))] for name in names]
    rows += [
        ["everything else", str(_over(one.total() - sum(one[name] for name in names) for one in found))],
        ["all of it", str(_over(one.total() for one in found))],
        ["of it ours", str(_over(sum(us for name, us in one.items() if name.startswith("ours")) for one in found))],
    ]
    return table(("package", "ms of its own"), rows)


def _over(us: Iterable[int]) -> Spread:
    return spread([value / 1000 for value in us])
