"""What the interpreter says of imports, summed up."""

from __future__ import annotations

from bench.imports import by_package, imports_of

TOLD = """import time: self [us] | cumulative | imported package
import time:       100 |        100 |     _json
import time:       200 |        300 |   json.decoder
import time:      3000 |       3300 | sqlalchemy.orm.session
import time:      1000 |       1000 |     grpc._cython.cygrpc
import time:        50 |         50 |   services.core.errors
import time:       150 |        200 |   services.core.settings
import time:       500 |       4000 | manager.app
a line of somebody else's
"""


def test_a_module_counts_for_its_package_without_what_it_imports() -> None:
    """Ours by room, the standard library as one."""
    assert by_package(TOLD) == {
        "Python itself and its library": 300,
        "sqlalchemy": 3000,
        "grpc": 1000,
        "ours: services.core": 200,
        "ours: manager.app": 500,
    }


def test_the_dearest_stand_first_and_everything_adds_up() -> None:
    """In milliseconds, the median of the runs; what is not among the ten is in one line."""
    many = by_package("".join(f"import time: {1000 * number:9} | 1 | package{number}\n" for number in range(1, 13)))
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in imports_of([many, many]).splitlines()[2:]]
    assert rows[0] == ["package12", "12.0"]
    assert rows[10:] == [["everything else", "3.0"], ["all of it", "78.0"], ["of it ours", "0.0"]]
