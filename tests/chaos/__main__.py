"""`python -m tests.chaos`: all faults under many seeds, in shards, resumable; the results as a table.

Each finished run is a line in the file of results; runs of the same seed, faults and commit that are there already are not done again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import pytest
from rich.console import Console
from rich.progress import Progress

from tests.chaos.faults import BROKERED, FAULTS
from tests.chaos.report import Report
from tests.chaos.run import run
from tests.chaos.series import Series, commit_of

_ROOT: Final = Path(__file__).resolve().parents[2]
_MARKS: Final = ("<!-- runs: generated -->", "<!-- /runs -->")


def main(arguments: Sequence[str] | None = None, work: Callable[[int, Sequence[str], Path], Awaitable[Report]] = run) -> int:
    """0 if every promise was kept, the time of recovery among them."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many runs of all faults (default: 20)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--faults", default="", metavar="A,B", help="only these (default: all)")
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="only every Nth seed, from the Ith on")
    parser.add_argument("--out", type=Path, default=_ROOT / "chaos.jsonl", help="the file of results (default: chaos.jsonl)")
    parser.add_argument("--write", action="store_true", help="put the table of all results into docs/chaos.md")
    options = parser.parse_args(arguments)
    part, parts = map(int, options.shard.split("/"))
    names = [name.strip() for name in options.faults.split(",") if name.strip()] or list(FAULTS)
    if unknown := sorted(set(names) - set(FAULTS)):
        parser.error(f"no such faults: {', '.join(unknown)}")
    if options.write and set(names) != set(FAULTS):
        parser.error("docs/chaos.md shows runs of all faults")
    seeds = [seed for seed in range(options.first, options.first + options.seeds) if seed % parts == part % parts]
    logging.disable(logging.CRITICAL)
    series = Series(faults=names, commit=commit_of(_ROOT), out=options.out)
    try:
        asyncio.run(_all(seeds, series, work))
    except pytest.skip.Exception as missing:
        # What a test is skipped for, a series cannot be run without.
        parser.error(f"{missing.msg}; --faults names those to try without it ({', '.join(sorted(BROKERED))} need RabbitMQ)")
    Console().print(series.table(), markup=False, soft_wrap=True)
    if options.write:
        _write(series)
    return 0 if series.kept(seeds) else 1


async def _all(seeds: Sequence[int], series: Series, work: Callable[[int, Sequence[str], Path], Awaitable[Report]]) -> None:
    done = {report.seed for report in series.reports()}
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("runs", total=len(seeds))
        for seed in seeds:
            if seed not in done:
                with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
                    series.keep(await work(seed, series.faults, Path(folder)))
            progress.advance(bar)


def _write(series: Series) -> None:
    page = _ROOT / "docs" / "chaos.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(_MARKS[0])
    behind = rest.partition(_MARKS[1])[2]
    page.write_text(f"{before}{_MARKS[0]}\n\n{series.table()}\n\nCommit {series.commit}.\n\n{_MARKS[1]}{behind}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
