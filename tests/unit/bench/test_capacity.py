"""Waiting for a core, and what follows for deployments."""

from __future__ import annotations

import math

import pytest

from bench.capacity.costs import Cost
from bench.capacity.queueing import Station, most_tables, waits_ms
from bench.capacity.sizing import Assumed, deployed, per_core


def test_alone_nobody_waits() -> None:
    """One table meets itself only."""
    assert max(waits_ms(Station(cores=1, turn_ms=50), 1, 5.0, 500, 1)) == 0.0


def test_a_full_core_makes_turns_wait_and_another_one_helps() -> None:
    """The same tables on two cores wait less; on a core that steady work has filled they never come to an end."""
    one, two = (sum(waits_ms(Station(cores=cores, turn_ms=100), 60, 5.0, 4_000, 1)) for cores in (1, 2))
    assert one > 10 * two > 0
    assert math.isinf(waits_ms(Station(cores=1, turn_ms=1, steady=0.1), 10, 5.0, 10, 1)[0])


def test_a_queue_waits_as_theory_says() -> None:
    """Many tables at half load are nearly Poisson: the mean wait of M/G/1 by Pollaczek and Khinchine, times uniform on 0.5 to 1.5 of the mean."""
    turn_s, tables = 0.1, 500
    pause_s = tables * turn_s / 0.5
    waits = waits_ms(Station(cores=1, turn_ms=1000 * turn_s), tables, pause_s, 60_000, 3)
    expected = 0.5 * turn_s * (1 + 1 / 12) / (2 * (1 - 0.5))
    assert sum(waits) / len(waits) / 1000 == pytest.approx(expected, rel=0.1)


def test_more_tables_fit_where_turns_are_cheaper() -> None:
    """And none where a single turn is beyond the limit by itself."""
    counts = [most_tables(Station(cores=1, turn_ms=turn_ms), 12.0, 100.0, turns=4_000) for turn_ms in (5, 20, 80)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] > 0


def test_a_deployment_grows_with_its_tables() -> None:
    """Whatever is counted in machines is rounded up; the dear service needs most."""
    costs = {
        "gateway": Cost(cpu_ms_per_turn=40, cpu_share_per_table=0.01, base_mb=180, table_mb=0.4),
        "llm": Cost(cpu_ms_per_turn=10, cpu_share_per_table=0.003, base_mb=130, table_mb=0.1),
    }
    few, many = (deployed(costs, tables, Assumed()) for tables in (100, 1_000_000))
    assert few.nodes == few.shards == few.databases == 1
    assert many.cores["gateway"] == pytest.approx(10_000 * few.cores["gateway"])
    assert many.nodes > 100
    assert many.shards > 10
    fits = per_core(costs, Assumed())
    assert fits["gateway"] < fits["llm"]
