"""The table of a session that grows."""

from __future__ import annotations

import os

from bench.growth import Thousand, table_of
from bench.use import resident_mb


def test_times_are_compared_and_memory_stands_at_the_end_of_each_thousand() -> None:
    """Medians in milliseconds; the last row has factors, and none for memory."""
    thousands = [
        Thousand(turn=[0.020, 0.010, 0.030], append=[0.004], join=[0.005], program_mb=201.26, store_mb=2.0),
        Thousand(turn=[0.025], append=[0.005], join=[0.005], program_mb=204.0, store_mb=2.91),
    ]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table_of(thousands).splitlines()]
    assert cells[0][4:] == ["program, MB", "store, MB"]
    assert cells[2:] == [
        ["1 to 1000", "20.0", "4.0", "5.0", "201.3", "2.0"],
        ["1001 to 2000", "25.0", "5.0", "5.0", "204.0", "2.9"],
        ["last / first", "1.25", "1.25", "1.00", "", ""],
    ]


def test_the_memory_of_a_program_is_that_of_its_processes() -> None:
    """This one has at least an interpreter in it."""
    assert resident_mb(os.getpid()) > 10
