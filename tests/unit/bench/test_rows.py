"""From what a run measured to the cells of its row."""

from __future__ import annotations

from typing import Any

from bench.load import Measured
from bench.overhead import BARGE_IN, COST, HEAD, Plan, Row, overhead_tables


def run(**changed: Any) -> Measured:
    """Two turns of 85 and 95 ms with 4 and 12 ms of the detector's windows in them."""
    fields: dict[str, Any] = {
        "turns": [(85.0, 4.0), (95.0, 12.0)],
        "missing": 0,
        "interruptions": [(-20.0, 40.0), (1.5, 62.0)],
        "lateness": [0.5, 1.0],
        "appends": [1.0, 2.0],
        "cpu_percent": 12.0,
        "redis_percent": 1.0,
        "others_percent": 0.0,
        "rss_mb": 200.0,
        "parts": [{"end_of_turn_delay": 201.0, "first_sentence": 75.0, "tts_ttfa": 4.0, "e2e": 282.0}],
    }
    return Measured(**fields | changed)


def test_the_model_s_time_and_then_the_windows_are_taken_off() -> None:
    """Overhead = first sound - stop window - 70 ms at 5 ms a token; the other columns take the detector's windows off as well."""
    row = Row(Plan(sessions=1, seconds=10, runs=1), [run()])
    cells = dict(zip(HEAD, row.latency(), strict=True))
    assert cells["p50"] == "20.0"
    assert cells["p50 less windows"] == "12.0"
    assert (cells["turns"], cells["missing"]) == ("2", "0")


def test_a_slower_model_is_taken_off_whole() -> None:
    """At 20 ms a token its first full stop comes after 280 ms."""
    row = Row(Plan(sessions=1, seconds=10, runs=1, token_ms=20.0), [run(turns=[(290.0, 0.0)])])
    assert dict(zip(HEAD, row.latency(), strict=True))["p50"] == "10.0"


def test_a_run_with_late_timers_is_marked() -> None:
    """Its figures say more about the machine than about the program."""
    quiet, late = (Row(Plan(sessions=1, seconds=10, runs=1), [run(lateness=[value])]) for value in (1.9, 2.1))
    assert dict(zip(COST, quiet.cost(), strict=True))["timers late"] == "1.9"
    assert dict(zip(COST, late.cost(), strict=True))["timers late"] == "2.1 LATE"


def test_the_parts_add_up_to_what_the_program_saw() -> None:
    """Decision after the silence, text and floor, prompt and sentence, append and voice: 282 ms without 200 and 70."""
    row = Row(Plan(sessions=1, seconds=10, runs=1), [run()])
    parts = [float(cell.partition(" ")[0]) for cell in row.parts()[3:]]
    assert parts == [1.0, 2.0, 5.0, 4.0]
    assert sum(parts) == 282.0 - 200.0 - 70.0


def test_interruptions_are_counted_from_the_onset_and_from_the_first_frame() -> None:
    """The maximum after the confirmed onset is the delay; a negative value means that the last piece had come before."""
    row = Row(Plan(sessions=10, seconds=10, runs=2, interrupts=True), [run(), run(interruptions=[(0.5, 61.0)])])
    assert dict(zip(BARGE_IN, row.barge_in(), strict=True)) == {
        "sessions": "10",
        "interruptions": "3",
        "confirmed p50": "0.5",
        "p95": "1.4",
        "p99": "1.5",
        "max": "1.5",
        "first frame p50": "61.0",
        "of it p95": "61.9",
    }


def test_memory_per_session_is_the_slope_between_the_rows() -> None:
    """50 sessions with 219.6 MB and one with 200 MB are 0.4 MB each."""
    rows = [Row(Plan(sessions=1, seconds=10, runs=1), [run()]), Row(Plan(sessions=50, seconds=10, runs=1), [run(rss_mb=219.6)])]
    assert overhead_tables(rows).endswith("Memory per session, from 1 to 50: 0.40 MB.")
