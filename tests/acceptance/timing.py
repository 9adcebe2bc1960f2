"""Durations of a running program: judged as promised by `make nightly`, on a machine left alone; elsewhere deadlines, which tell slow from stuck."""

from __future__ import annotations

import os
from collections.abc import Iterable

STRICT = bool(os.environ.get("SOUFFLEUR_TEST_TIMINGS"))
_SLACK = 1.0 if STRICT else 10.0


def p95(values: Iterable[float]) -> float:
    """The 95th percentile, as a value that occurred."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def promised(limit: float) -> float:
    """The limit that is promised, or ten times it where other work may hold the machine."""
    return limit * _SLACK
