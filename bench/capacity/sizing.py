"""From costs to machines: what so many tables need, what is assumed for that, and what is full first. No input, no output."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bench.capacity.costs import STORE, Cost
from bench.capacity.queueing import Station, most_tables

LIMIT_MS: Final = 100.0
"""What a turn may wait for cores at p95."""
TABLES: Final = (100, 10_000, 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What was not measured here. Change what you know better; the tables follow."""

    pause_s: float = 12.0
    """From the end of a turn to the next one: a table of people talks among itself, too."""
    facts_per_turn: float = 5.0
    tokens_per_turn: float = 60.0
    speech_s: float = 5.0
    """Of a character, per turn; of the player half as much."""
    full: float = 0.6
    """How busy cores, shards and model servers may be on average."""
    node_cores: int = 16
    node_gb: float = 64.0
    node_dollars: float = 0.60
    """An hour."""
    shard_appends: float = 12_900.0
    """Durable appends a second of one store (ten clients, fsync always)."""
    rows: float = 20_000.0
    """Facts a second that one PostgreSQL primary takes in batches."""
    letters: float = 10_000.0
    """Corrections a second through one quorum queue's broker."""
    corrections_per_turn: float = 0.1
    gpu_tokens: float = 3_000.0
    """A second, of an 8B model on one GPU under full load, prompts cached."""
    gpu_hearing: float = 50.0
    """Seconds of speech recognised in a second by one GPU."""
    gpu_voice: float = 15.0
    """Seconds of speech spoken in a second by one GPU."""
    gpu_dollars: float = 2.50
    """An hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """On paper."""

    tables: int
    cores: dict[str, float]
    """By service; as it is measured, one core per process is the most it uses."""
    memory_gb: float
    nodes: int
    shards: int
    databases: int
    brokers: int
    gpus: dict[str, int]
    dollars_per_hour: float


def per_core(costs: Mapping[str, Cost], assumed: Assumed) -> dict[str, int]:
    """By service: how many tables one core serves while p95 of the wait stays under the limit."""
    return {name: most_tables(_station(cost, assumed), assumed.pause_s, LIMIT_MS) for name, cost in costs.items() if cost.cpu_ms_per_turn > 0.5}


def _station(cost: Cost, assumed: Assumed) -> Station:
    # A turn's bursts stand for a third of its time, the rest is audio and events while somebody is heard.
    burst = cost.cpu_ms_per_turn / 3
    steady = cost.cpu_ms_per_turn * 2 / 3 / 1000 / (assumed.pause_s + assumed.speech_s)
    return Station(cores=1, turn_ms=max(burst, 0.1), steady=steady)


def deployed(costs: Mapping[str, Cost], tables: int, assumed: Assumed) -> Deployment:
    """What so many concurrent tables need."""
    turns_per_s = tables / (assumed.pause_s + assumed.speech_s)
    cores = {name: turns_per_s * cost.cpu_ms_per_turn / 1000 / assumed.full for name, cost in costs.items()}
    processes = {name: max(1, math.ceil(share)) for name, share in cores.items()}
    memory = sum(processes[name] * cost.base_mb + tables * cost.table_mb for name, cost in costs.items()) / 1000
    services = {name: share for name, share in cores.items() if name != STORE}
    nodes = max(math.ceil(sum(services.values()) / assumed.node_cores), math.ceil(memory / (assumed.node_gb * assumed.full)))
    shards = max(1, math.ceil(turns_per_s * assumed.facts_per_turn / (assumed.shard_appends * assumed.full)))
    databases = max(1, math.ceil(turns_per_s * assumed.facts_per_turn / (assumed.rows * assumed.full)))
    brokers = max(1, math.ceil(turns_per_s * assumed.corrections_per_turn / (assumed.letters * assumed.full)))
    gpus = {
        "thinking": math.ceil(turns_per_s * assumed.tokens_per_turn / (assumed.gpu_tokens * assumed.full)),
        "voices": math.ceil(turns_per_s * assumed.speech_s / (assumed.gpu_voice * assumed.full)),
        "hearing": math.ceil(turns_per_s * assumed.speech_s / 2 / (assumed.gpu_hearing * assumed.full)),
    }
    machines = nodes + math.ceil(shards / 4) + databases + brokers
    dollars = machines * assumed.node_dollars + sum(gpus.values()) * assumed.gpu_dollars
    return Deployment(
        tables=tables,
        cores=cores,
        memory_gb=memory,
        nodes=nodes,
        shards=shards,
        databases=databases,
        brokers=brokers,
        gpus=gpus,
        dollars_per_hour=dollars,
    )
