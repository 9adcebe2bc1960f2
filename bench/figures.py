"""The arithmetic: positions in the detector's windows, percentiles, and rows of tables. No input, no output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.script import FRAME_MS
from services.gateway.hearing.vad import WINDOW_MS, EnergyVad

ONSET_MS: Final = 2 * WINDOW_MS
"""The default of `hearing.onset_windows`."""
LATE_MS: Final = 2.0
"""A run whose own timers are later than this (p99) says more about the machine than about the program."""


def grid_ms(speech_end_ms: int, window_ms: int = EnergyVad.window_ms) -> float:
    """From the end of speech to the end of the detector's window in which it ends: nothing can be known to be silent before."""
    return float(-speech_end_ms % window_ms)


def frames_to_onset(speech_start_ms: int, window_ms: int = EnergyVad.window_ms, windows: int = ONSET_MS // EnergyVad.window_ms) -> int:
    """How many frames must have been written until the detector has seen `windows` loud ones, the first of them perhaps only partly."""
    complete_ms = (speech_start_ms // window_ms + windows) * window_ms
    return math.ceil(complete_ms / FRAME_MS)


def percentile(values: Sequence[float], share: float) -> float:
    """Linear between the two nearest; NaN where there are none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    place = (len(ordered) - 1) * share / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over several runs."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.middle):
            return "-"
        if self.low == self.high:
            return number(self.middle)
        return f"{number(self.middle)} ({number(self.low)}-{number(self.high)})"


def spread(values: Sequence[float]) -> Spread:
    """The median over runs with its range; a run that has no figure does not count."""
    known = [value for value in values if not math.isnan(value)]
    return Spread(percentile(known, 50), min(known, default=math.nan), max(known, default=math.nan))


def number(value: float) -> str:
    """Three digits that matter, never more than one behind the point."""
    return "-" if math.isnan(value) else f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown that is also readable in a terminal."""
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
    lines = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in (head, *rows)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
