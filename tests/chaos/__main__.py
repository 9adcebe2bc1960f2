"""`python -m tests.chaos`: all faults under many seeds, in shards, resumable; the results as a table.

Each finished run is a line in the file of results; runs that are there already are not done again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress

from tests.chaos.faults import FAULTS
from tests.chaos.run import Report, run

_ROOT: Final = Path(__file__).resolve().parents[2]
_MARKS: Final = ("<!-- runs: generated -->", "<!-- /runs -->")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if nothing was broken."""
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
    seeds = [seed for seed in range(options.first, options.first + options.seeds) if seed % parts == part % parts]
    logging.disable(logging.CRITICAL)
    asyncio.run(_all(seeds, names, options.out))
    reports = _read(options.out)
    table = _table(reports)
    Console().print(table, markup=False)
    if options.write:
        _write(table)
    broken = [item for report in reports for item in report.violations]
    return 1 if broken or {report.seed for report in reports} < set(seeds) else 0


async def _all(seeds: Sequence[int], names: Sequence[str], out: Path) -> None:
    done = {report.seed for report in _read(out)}
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("runs", total=len(seeds))
        for seed in seeds:
            if seed not in done:
                with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
                    try:
                        report = await run(seed, names, Path(folder))
                    except AssertionError as error:
                        # A state that never came is a result like any other.
                        report = Report(seed, violations=[f"never: {error}"])
                with out.open("a", encoding="utf-8") as results:
                    results.write(json.dumps(asdict(report) | {"commit": _commit()}) + "\n")
            progress.advance(bar)


def _read(out: Path) -> list[Report]:
    if not out.exists():
        return []
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return [Report(**{key: value for key, value in item.items() if key != "commit"}) for item in found]


def _table(reports: Sequence[Report]) -> str:
    rows = [("fault", "times", "recovered p50 s", "p95 s", "longest s")]
    for fault in FAULTS:
        times = sorted(report.recovered_s[fault] for report in reports if fault in report.recovered_s)
        if times:
            p95 = times[min(len(times) - 1, round(0.95 * len(times)))]
            rows.append((fault, str(len(times)), f"{statistics.median(times):.1f}", f"{p95:.1f}", f"{times[-1]:.1f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_row(rows[0], widths), _row(["-" * width for width in widths], widths), *(_row(row, widths) for row in rows[1:])]
    facts, told, acts = (sum(getattr(report, name) for report in reports) for name in ("facts", "acknowledged", "corrections"))
    broken = [f"seed {report.seed}: {item}" for report in reports for item in report.violations]
    total = f"{len(reports)} runs: {told} acknowledged messages and {acts} corrections among {facts} facts; broken promises: {len(broken)}."
    return "\n".join([*lines, "", total, *(f"- {item}" for item in broken)])


def _row(cells: Iterable[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"


def _write(table: str) -> None:
    page = _ROOT / "docs" / "chaos.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(_MARKS[0])
    behind = rest.partition(_MARKS[1])[2]
    page.write_text(f"{before}{_MARKS[0]}\n\n{table}\n\nCommit {_commit()}.\n\n{_MARKS[1]}{behind}", encoding="utf-8")


def _commit() -> str:
    found = subprocess.run(["git", "-C", str(_ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
