"""`python -m bench.capacity`: measure what a table costs, simulate how turns queue, size deployments; writes docs/scaling.md."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

from bench import document
from bench.capacity.costs import Cost, measured_costs
from bench.capacity.sizing import LIMIT_MS, TABLES, Assumed, deployed, per_core
from bench.figures import number, table

_PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "scaling.md"


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__)
    parser.add_argument("--tables", type=int, default=20, help="that talk while costs are measured (default: 20)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of it (default: 30)")
    parser.add_argument("--no-write", action="store_true", help="print only, leave docs/scaling.md as it is")
    options = parser.parse_args()
    costs, assumed = asyncio.run(measured_costs(options.tables, options.seconds)), Assumed()
    stamp = document.stamp(f"python -m bench.capacity --tables {options.tables} --seconds {options.seconds:.0f}")
    parts = {"costs": f"{_costs(costs)}\n\n{stamp}", "queue": _queue(costs, assumed), "assumed": _assumed(assumed), "sizes": _sizes(costs, assumed)}
    for name, text in parts.items():
        sys.stdout.write(f"\n{name}\n\n{text}\n")
        if not options.no_write:
            page = document.replaced(_PAGE.read_text(encoding="utf-8"), name, text)
            _PAGE.write_text(page, encoding="utf-8")
    return 0


def _costs(costs: Mapping[str, Cost]) -> str:
    total = Cost(**{field.name: sum(getattr(cost, field.name) for cost in costs.values()) for field in fields(Cost)})
    rows = [
        [name, number(cost.cpu_ms_per_turn), number(100 * cost.cpu_share_per_table), number(cost.base_mb), number(cost.table_mb)]
        for name, cost in (*costs.items(), ("all", total))
    ]
    return table(("service", "CPU ms a turn", "% of a core a table that never pauses", "MB at rest", "MB a table"), rows)


def _queue(costs: Mapping[str, Cost], assumed: Assumed) -> str:
    rows = [[name, str(count)] for name, count in sorted(per_core(costs, assumed).items(), key=lambda item: item[1])]
    return table(("service", f"tables on one core, p95 of the wait under {LIMIT_MS:.0f} ms"), rows)


def _assumed(assumed: Assumed) -> str:
    return table(("assumed", "value"), [[field.name.replace("_", " "), f"{getattr(assumed, field.name):g}"] for field in fields(Assumed)])


def _sizes(costs: Mapping[str, Cost], assumed: Assumed) -> str:
    found = [deployed(costs, tables, assumed) for tables in TABLES]
    busiest = [sorted(one.cores, key=one.cores.__getitem__, reverse=True)[:3] for one in found]
    rows = [
        ["cores of ours", *(number(sum(one.cores.values())) for one in found)],
        ["of them most", *(", ".join(f"{name} {number(one.cores[name])}" for name in names) for one, names in zip(found, busiest, strict=True))],
        ["memory, GB", *(number(one.memory_gb) for one in found)],
        ["nodes", *(str(one.nodes) for one in found)],
        ["Redis shards", *(str(one.shards) for one in found)],
        ["PostgreSQL primaries", *(str(one.databases) for one in found)],
        ["RabbitMQ brokers", *(str(one.brokers) for one in found)],
        *([f"GPUs, {part}", *(str(one.gpus[part]) for one in found)] for part in ("thinking", "voices", "hearing")),
        ["US dollars an hour", *(f"{one.dollars_per_hour:,.0f}" for one in found)],
        ["US dollars a table and hour", *(f"{one.dollars_per_hour / one.tables:.3f}" for one in found)],
    ]
    return table(("tables at the same time", *(f"{tables:,}" for tables in TABLES)), rows)


if __name__ == "__main__":
    sys.exit(main())
