"""Many runs and what they show together: which of them are done, the file they are kept in, the table, the verdict."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.chaos.faults import FAULTS
from tests.chaos.report import RECOVERED_S, RESUMED_S, Report

_NAMES: Final = frozenset(item.name for item in fields(Report))
_COLUMNS: Final = ("fault", "times", "recovered p50 s", "p95 s", "longest s", "late", "timers late s", "tasks a core")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """All runs of the same faults on the same commit, whatever their seeds."""

    faults: Sequence[str]
    commit: str
    out: Path

    def keep(self, report: Report) -> None:
        """One line for a run."""
        with self.out.open("a", encoding="utf-8") as results:
            results.write(json.dumps(asdict(report) | {"commit": self.commit}) + "\n")

    def reports(self) -> list[Report]:
        """Those that are done; what others have left in the file proves nothing here."""
        if not self.out.exists():
            return []
        found = [json.loads(line) for line in self.out.read_text(encoding="utf-8").splitlines()]
        return [
            Report(**{key: value for key, value in item.items() if key in _NAMES})
            for item in found
            if item["commit"] == self.commit and sorted(item["faults"]) == sorted(self.faults)
        ]

    def table(self) -> str:
        """In Markdown."""
        reports = self.reports()
        rows = [_COLUMNS, *(row for fault in FAULTS if (row := _row_of(fault, reports)))]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
        lines = [_row(rows[0], widths), _row(["-" * width for width in widths], widths), *(_row(row, widths) for row in rows[1:])]
        facts, told, acts = (sum(getattr(report, name) for report in reports) for name in ("facts", "acknowledged", "corrections"))
        broken = [f"seed {report.seed}: {item}" for report in reports for item in report.violations]
        late = [f"seed {report.seed}: {item}" for report in reports for item in report.late()]
        recovered = sum(len(report.recovered_s) for report in reports)
        total = f"{len(reports)} runs: {told} acknowledged messages and {acts} corrections among {facts} facts; broken promises: {len(broken)};"
        total += f" late recoveries, past the promised {RECOVERED_S:.0f} s: {len(late)} of {recovered}."
        resumed = self._resumed()
        total += f" A client came back {len(resumed)} times: after {_share(resumed, 0.5):.2f} s (p50), {_share(resumed, 0.99):.2f} s (p99;"
        total += f" promised {RESUMED_S:.0f} s)."
        return "\n".join([*lines, "", total, *(f"- {item}" for item in (*broken, *late))])

    def _resumed(self) -> list[float]:
        return sorted(took for report in self.reports() for took in report.resumed_s)

    def kept(self, seeds: Iterable[int]) -> bool:
        """Every promise was, under each of these seeds; the times of recovery and of coming back are among them."""
        reports = self.reports()
        late = any(report.violations or report.late() for report in reports) or _share(self._resumed(), 0.99) > RESUMED_S
        return not late and {report.seed for report in reports} >= set(seeds)


def _row_of(fault: str, reports: Sequence[Report]) -> tuple[str, ...] | None:
    times = sorted(report.recovered_s[fault] for report in reports if fault in report.recovered_s)
    if not times:
        return None
    late = sum(time > RECOVERED_S for time in times)
    timers, crowd = (max(getattr(report, name).get(fault, 0.0) for report in reports) for name in ("machine_late_s", "crowd"))
    return (fault, str(len(times)), f"{_share(times, 0.5):.1f}", f"{_share(times, 0.95):.1f}", f"{times[-1]:.1f}", str(late), f"{timers:.2f}", f"{crowd:.1f}")


def _share(ordered: Sequence[float], share: float) -> float:
    """The value that this share of them does not pass (nearest rank); 0 of none."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0.0


def _row(cells: Iterable[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"


def commit_of(root: Path) -> str:
    """What is tried: the commit, and where files of the program differ from it, how."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False).stdout.strip()

    changes = git("diff", "HEAD", "--", "*.py", "*.lua")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (f"+{sha256(changes.encode()).hexdigest()[:7]}" if changes else "")
