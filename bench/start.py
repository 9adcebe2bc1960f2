"""How fast the program is there: imported, started on an empty data folder, started again."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.figures import spread, table
from bench.imports import EVERYTHING
from bench.overhead import FAST_MS
from bench.program import running, scrubbed
from bench.script import settings

_IMPORT: Final = f"""
import time; began = time.perf_counter()
import json, psutil
{EVERYTHING}
print(json.dumps([time.perf_counter() - began, psutil.Process().memory_info().rss / 1e6]))
"""
_INSTALLED: Final = {"SOUFFLEUR__OFFLINE": "true", "SOUFFLEUR__TELEMETRY": '{"log_level": "warning"}'}


async def start_table(runs: int) -> str:
    """Seconds until `/readyz` says that a turn is possible, on all cores, as a user starts it."""
    rows = []
    for name, environment in (("scripted", settings(FAST_MS)), ("as installed", _INSTALLED)):
        took = [await _twice(environment) for _ in range(runs)]
        rows.append([name, *(str(spread([pair[turn] for pair in took])) for turn in (0, 1))])
    imports = [await asyncio.to_thread(_imported) for _ in range(runs)]
    loaded = f"Importing every service: {spread([seconds for seconds, _ in imports])} s, then {spread([size for _, size in imports])} MB."
    return table(("engines", "first start, s", "second start, s"), rows) + "\n\n" + loaded


async def _twice(environment: dict[str, str]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="souffleur-bench-") as folder:
        async with running(Path(folder), environment, pinned=False) as first:
            pass
        async with running(Path(folder), environment, pinned=False) as second:
            pass
    return first.ready_after_s, second.ready_after_s


def _imported() -> tuple[float, float]:
    answer = subprocess.run([sys.executable, "-c", _IMPORT], check=True, capture_output=True, timeout=60, env=scrubbed()).stdout
    seconds, size = json.loads(answer)
    return float(seconds), float(size)
