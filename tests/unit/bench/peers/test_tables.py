"""From what was measured of several systems to the tables."""

from __future__ import annotations

from bench.figures import spread
from bench.load import Measured
from bench.overhead import Plan, Row
from bench.peers.environments import PIPECAT, SOUFFLEUR
from bench.peers.relay import HEAD as RELAY_HEAD
from bench.peers.relay import relay_row
from bench.peers.size import Weight
from bench.peers.voice import HEAD, Found, columns_table, held, rows_table
from bench.relay_load import Seen


def row(sessions: int, overhead: float, *, rss: float = 100.0, cpu: float = 20.0, missing: int = 0) -> Row:
    """One run with one turn and one interruption."""
    run = Measured(
        turns=[(70.0 + overhead, 0.0)],
        missing=missing,
        interruptions=[(1.5, 41.5)],
        lateness=[0.4],
        appends=[],
        cpu_percent=cpu,
        redis_percent=0.0,
        others_percent=1.0,
        rss_mb=rss,
    )
    return Row(Plan(sessions=sessions, seconds=5, runs=1), [run])


def cells(text: str, head: str) -> list[str]:
    """Of the line that begins with `head`."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {head} "))
    return [cell.strip() for cell in line.split("|")[2:-1]]


def test_sizes_of_all_systems_stand_beside_each_other() -> None:
    """In the order of the sizes; the model's 70 ms are off."""
    text = rows_table({SOUFFLEUR: Found([row(1, 4.0), row(10, 5.0)]), PIPECAT: Found([row(1, 8.0)])})
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]
    found = [dict(zip(HEAD, line, strict=True)) for line in lines]
    assert [(one["system"], one["sessions"], one["p95"]) for one in found] == [("Souffleur", "1", "4.0"), ("Pipecat", "1", "8.0"), ("Souffleur", "10", "5.0")]


def test_a_size_is_held_when_no_smaller_one_failed() -> None:
    """The next size says where it ended, or that nobody looked."""
    assert held([row(1, 5.0), row(10, 99.0)]) == "10, no more tried"
    assert held([row(1, 5.0), row(10, 150.0), row(25, 50.0)]) == "1, not 10"
    assert held([row(1, 150.0)]) == "none, not 1"


def test_a_size_at_which_turns_went_unanswered_is_not_held() -> None:
    """However fast the others were; and what it cost is not what holding it costs."""
    rows = [row(1, 5.0), row(10, 5.0, missing=1, cpu=50.0)]
    assert held(rows) == "1, not 10"
    assert cells(columns_table({PIPECAT: Found(rows)}), "CPU % per session, at the most of them") == ["20.00"]


def test_a_size_at_which_nothing_could_be_measured_is_not_held() -> None:
    """Its cells are empty, and the figures of the other sizes stay."""
    failed = Row(Plan(sessions=50, seconds=5, runs=1), [])
    assert held([row(1, 5.0), failed]) == "1, not 50"
    assert [cell.strip() for cell in rows_table({PIPECAT: Found([failed])}).splitlines()[2].split("|")[6:9]] == ["-", "-", "-"]
    assert cells(columns_table({PIPECAT: Found([row(1, 4.0), failed])}), "memory per session, MB") == ["-"]


def test_figures_of_a_system_stand_in_its_column() -> None:
    """Cost at the largest size that was held, the slope of the memory, the onset of its own detector, its weight."""
    weight = Weight(spread([0.5]), spread([81.0]), 486.2, 48)
    ours = Found([row(1, 4.0), row(11, 5.0, rss=104.0, cpu=22.0)], barge_in=row(10, 5.0), weight=weight)
    text = columns_table({SOUFFLEUR: ours, PIPECAT: Found([row(1, 8.0)])})
    assert cells(text, "CPU % per session, at the most of them") == ["2.00", "20.00"]
    assert cells(text, "memory per session, MB") == ["0.40", "-"]
    assert cells(text, "speech that is an onset, ms") == ["60", "40"]
    assert cells(text, "confirmed onset to last sound, p50 / p95 / max, ms") == ["1.5 / 1.5 / 1.5", "- / - / -"]
    assert cells(text, "import, s") == ["0.50", "-"]
    assert cells(text, "installed, MiB (packages)") == ["486 (48)", "-"]


def test_a_relay_is_told_by_what_it_adds() -> None:
    """Its first word less the provider's own; the direct row adds nothing and has no costs."""
    direct = Seen(first=[0.2], whole=[300.0], tokens=200, seconds=1.0)
    relayed = Seen(first=[11.5], whole=[312.0], tokens=190, seconds=1.0, cpu_s=0.095)
    found = dict(zip(RELAY_HEAD, relay_row("LiteLLM", "paced", 1, [relayed], [direct]), strict=True))
    assert (found["TTFT p50"], found["added at p50"], found["tokens/s"], found["us CPU a token"]) == ("11.5", "11.3", "190", "500")
    bare = dict(zip(RELAY_HEAD, relay_row("direct", "paced", 1, [direct], [direct]), strict=True))
    assert (bare["added at p50"], bare["us CPU a token"]) == ("", "")
