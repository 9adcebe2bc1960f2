"""What the soak says of its samples and of the sessions behind it."""

from __future__ import annotations

from bench.promises import Kept
from bench.soak import Sample, promises, report


def sample(at_s: float, **changed: float) -> Sample:
    """A flat program."""
    fields = {"rss_mb": 300.0, "redis_mb": 40.0, "descriptors": 130, "threads": 30, "tasks": 360, "lag_s": 0.1} | changed
    return Sample(run=1.0, at_s=at_s, **fields)  # type: ignore[arg-type]


def test_growth_is_counted_behind_the_warm_up() -> None:
    """What the first 25 minutes take is no growth; 2 MB an hour behind them are."""
    warming = [sample(minute * 60.0, rss_mb=200 + 4 * minute) for minute in range(25)]
    warm = [sample(minute * 60.0, rss_mb=300 + 2 * minute / 60) for minute in range(25, 121)]
    cells = report([*warming, *warm]).splitlines()[-1].split("|")
    assert [cell.strip() for cell in cells[1:6]] == ["120", "304", "2.0", "2.0", "0.0"]


def test_growth_that_ends_is_told_apart() -> None:
    """What a program takes once is not what it takes by the hour."""
    samples = [sample(minute * 60.0, rss_mb=300 + min(minute, 75) / 5) for minute in range(25, 121)]
    cells = [cell.strip() for cell in report(samples).splitlines()[-1].split("|")]
    assert float(cells[3]) > 4
    assert cells[4] == "0.0"


def test_a_run_that_was_too_short_has_no_row() -> None:
    """One sample behind the warm-up is no line."""
    assert len(report([sample(0.0), sample(1600.0)]).splitlines()) == 2


def test_broken_promises_are_named() -> None:
    """All looks are added up."""
    text = promises([Kept(sessions=21, facts=4000, broken=[]), Kept(sessions=20, facts=3000, broken=["s: I5 line L was closed 0 times"])])
    assert text == "Sessions checked when they were at rest: 41, with 7000 facts; broken promises: 1.\n- s: I5 line L was closed 0 times"
