"""The program with an eye on its own memory: `python -m bench.inside` is `souffleur`; told by SIGUSR2 it writes a census into the folder $BENCH_CENSUS.

Nothing else runs it. Memory is traced where the interpreter was started with PYTHONTRACEMALLOC=1.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import signal
import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Final

FOLDER: Final = "BENCH_CENSUS"


def census() -> dict[str, dict[str, int]]:
    """`bytes` by the file that asked for them, as far as Python gave them out; `objects` by type, of those that may hold others."""
    gc.collect()
    counts = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects())
    statistics = tracemalloc.take_snapshot().statistics("filename") if tracemalloc.is_tracing() else []
    return {"bytes": {one.traceback[0].filename: one.size for one in statistics}, "objects": dict(counts)}


def watched(folder: Path) -> None:
    """From now on the signal brings a census, numbered from 0; a file is there only when it is whole."""
    numbers = itertools.count()

    def write(*_: object) -> None:
        target = folder / f"{next(numbers)}.json"
        unfinished = target.with_suffix(".part")
        unfinished.write_text(json.dumps(census()), encoding="utf-8")
        unfinished.rename(target)

    signal.signal(signal.SIGUSR2, write)


def main() -> int:
    """Entry point."""
    from manager.cli import main as souffleur

    watched(Path(os.environ[FOLDER]))
    return souffleur()


if __name__ == "__main__":
    sys.exit(main())
