"""The generated parts of docs/scaling.md. No input, no output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields

from bench.capacity.costs import COUNTED, Cost, Costs, turn_ms
from bench.capacity.length import Length
from bench.capacity.measuring import Seen
from bench.capacity.sizing import LIMIT_MS, TABLES, Assumed, Deployment, deployed, per_core, rooms
from bench.figures import number, table

_DEAREST = 3


def costs_part(costs: Costs) -> str:
    """By service, and all of them together."""
    total = Cost(**{field.name: sum(getattr(cost, field.name) for cost in costs.services.values()) for field in fields(Cost)})
    rows = [
        [
            name,
            f"{100 * cost.table_share:.2f}",
            f"{100 * cost.microphone_share:.2f}",
            *map(number, (cost.cpu_ms_per_turn, cost.listener_ms, cost.correction_ms, cost.base_mb)),
            f"{cost.table_mb:.2f}",
            f"{cost.listener_mb:.2f}",
        ]
        for name, cost in (*costs.services.items(), ("all", total))
    ]
    head = (
        "service",
        "% of a core a table that is connected",
        "% of a core an open microphone",
        "CPU ms a turn",
        "CPU ms a turn and further listener",
        "CPU ms a correction",
        "MB at rest",
        "MB a table",
        "MB a further person",
    )
    silero = f"Silero takes {100 * costs.silero:.1f} % of a core beside that for each open microphone, in the gateway."
    return f"{table(head, rows)}\n\nFacts a turn: {costs.facts_per_turn:.1f}. {silero}"


def turns_part(found: Sequence[Seen], costs: Costs) -> str:
    """What a turn costs all services together, crowd by crowd; what the same tables cost in silence is taken off, as it was measured at one size."""
    dearest = sorted(costs.services, key=lambda name: costs.services[name].cpu_ms_per_turn, reverse=True)[:_DEAREST]
    rows = []
    for seen in found:
        turns = {name: turn_ms(seen, name, costs.services[name]) for name in COUNTED}
        crowd = [str(count) for count in (seen.crowd.tables, seen.crowd.characters, seen.crowd.people, seen.turns, seen.run.missing)]
        rows.append([*crowd, number(sum(turns.values())), *(number(turns[name]) for name in dearest), number(seen.run.cpu_percent)])
    head = ("tables", "characters", "people", "turns", "missing", "CPU ms a turn", *(f"of it {name}" for name in dearest), "% of a core used in all")
    return table(head, rows)


def length_part(length: Length) -> str:
    """How a transcript's length weighs."""
    return (
        f"From the first thousand facts of a session to its last of {length.facts:,} a typed turn takes {length.turn:.2f} times as long, "
        f"an append {length.append:.2f} times, and joining behind the last fact {length.join:.2f} times. "
        f"Each fact behind the first thousand takes {length.program_kb:.1f} KB in the program and {length.store_kb:.2f} KB in its store."
    )


def queue_part(costs: Costs, assumed: Assumed) -> str:
    """How many tables one core serves, by simulation."""
    rows = [[name, f"{count:,}"] for name, count in sorted(per_core(costs, assumed).items(), key=lambda item: item[1])]
    return table(("service", f"tables on one core, p95 of the wait under {LIMIT_MS:.0f} ms"), rows)


def assumed_part(assumed: Assumed) -> str:
    """Every assumption with its value."""
    return table(("assumed", "value"), [[field.name.replace("_", " "), f"{getattr(assumed, field.name):,.10g}"] for field in fields(Assumed)])


def full_part(costs: Costs, assumed: Assumed) -> str:
    """What is full first."""
    rows = [[room.station, room.full_at, "never" if math.isinf(room.tables) else f"{room.tables:,.0f}"] for room in rooms(costs, assumed)]
    return table(("station", "full at", "tables until full"), rows)


def sizes_part(costs: Costs, assumed: Assumed) -> str:
    """What so many tables would need, and where the money goes."""
    found = [deployed(costs, tables, assumed) for tables in TABLES]
    heavier = [deployed(costs.with_silero(), tables, assumed) for tables in TABLES]
    busiest = [sorted(one.cores, key=one.cores.__getitem__, reverse=True)[:_DEAREST] for one in found]
    rows = [
        ["cores of ours", *(number(sum(one.cores.values())) for one in found)],
        ["of them most", *(", ".join(f"{name} {number(one.cores[name])}" for name in names) for one, names in zip(found, busiest, strict=True))],
        ["memory, GB", *(number(one.memory_gb) for one in found)],
        ["of it in the stores", *(number(one.store_gb) for one in found)],
        *([title, *(str(getattr(one, name)) for one in found)] for title, name in _COUNTS),
        *([f"GPUs, {part}", *(str(one.gpus[part]) for one in found)] for part in ("thinking", "voices", "hearing")),
        ["US dollars an hour", *(f"{one.dollars_per_hour:,.0f}" for one in found)],
        ["US dollars a table and hour", *(f"{one.dollars_per_hour / one.tables:.3f}" for one in found)],
        *([f"% of the bill: {part}", *(_share(one, part) for one in found)] for part in found[0].bill),
        ["with Silero: nodes", *(str(one.nodes) for one in heavier)],
        ["with Silero: US dollars an hour", *(f"{one.dollars_per_hour:,.0f}" for one in heavier)],
        ["with Silero, % of the bill: our own nodes", *(_share(one, "our own nodes") for one in heavier)],
    ]
    return table(("tables at the same time", *(f"{tables:,}" for tables in TABLES)), rows)


_COUNTS = (
    ("nodes", "nodes"),
    ("Redis shards", "shards"),
    ("machines for them", "shard_nodes"),
    ("archives, one for each installation", "archives"),
    ("PostgreSQL primaries for them", "databases"),
    ("RabbitMQ brokers", "brokers"),
)


def _share(one: Deployment, part: str) -> str:
    return number(100 * one.bill[part] / one.dollars_per_hour)
