"""How a transcript's length weighs, as the table of growth in docs/benchmarks.md has it. No input, no output."""

from __future__ import annotations

from dataclasses import dataclass

from bench.document import section


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """Of a session that grew so far."""

    facts: int
    turn: float
    """Times as long in the last thousand facts as in the first; the next ones likewise."""
    append: float
    join: float
    program_kb: float
    """For each fact behind the first thousand, in all services together."""
    store_kb: float


def length_of(benchmarks: str) -> Length:
    """From the page of the benchmarks. Raises `ValueError` if that has no table of growth, or one without memory."""
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in section(benchmarks, "growth").splitlines() if line.startswith("|")]
    grown = {int(line[0].split(" to ")[-1]): line for line in lines if " to " in line[0]}
    factors = next(([cell for cell in line[1:] if cell] for line in lines if line[0].startswith("last")), [])
    try:
        turn, append, join = map(float, factors)
        (first, *_, last), columns = grown, [lines[0].index(name) for name in ("program, MB", "store, MB")]
        program_kb, store_kb = (1000 * (float(grown[last][column]) - float(grown[first][column])) / (last - first) for column in columns)
    except ValueError as error:
        raise ValueError("docs/benchmarks.md has no table of growth that can be read") from error
    return Length(facts=last, turn=turn, append=append, join=join, program_kb=program_kb, store_kb=store_kb)
