"""From costs to machines: what so many tables need, what is assumed for that, and what is full first. No input, no output."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from bench.capacity.costs import HEARING, Cost, Costs
from bench.capacity.queueing import Station, most_tables
from bench.use import STORE
from services.summarizer.following import MOST_FACTS, MOST_SESSIONS
from services.transcript.archiver import KEEP

LIMIT_MS: Final = 100.0
"""What a turn may wait for cores at p95."""
TABLES: Final = (100, 10_000, 1_000_000)
_BEHIND: Final = "summarizer"
"""Who follows a bounded number of sessions: all instances of it ask one archive for the last active ones."""
_LEAST_MS: Final = 0.5
"""Nobody waits for a service that does less than this in a turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What was not measured here. Change what you know better; the tables follow."""

    microphones_per_table: int = 3
    """Humans at it, each with an open one, who all hear the characters."""
    hours: float = 3.0
    """That a table has played: its transcript is so long."""
    pause_s: float = 12.0
    """From the end of a character's words to its next ones: a table of people talks among itself, too."""
    speech_s: float = 5.0
    """Of a character, per turn; of the player half as much."""
    corrections_per_turn: float = 0.1
    tokens_per_turn: float = 60.0
    burst_share: float = 0.33
    """Part of a turn's processor time that comes at once, and somebody waits for; the rest is audio and events."""
    full: float = 0.6
    """How busy cores, shards and model servers may be on average."""
    node_cores: int = 16
    node_gb: float = 64.0
    node_dollars: float = 0.60
    """An hour."""
    shard_appends: float = 12_900.0
    """Durable appends a second of one store (ten clients, fsync always)."""
    shards_per_node: int = 4
    """A thread each for commands, another for the disk, and the memory."""
    rows: float = 20_000.0
    """Facts a second that one PostgreSQL primary takes in batches."""
    letters: float = 10_000.0
    """Corrections a second through one quorum queue's broker."""
    gpu_tokens: float = 3_000.0
    """A second, of an 8B model on one GPU under full load, prompts cached."""
    gpu_hearing: float = 50.0
    """Seconds of speech recognised in a second by one GPU."""
    gpu_voice: float = 15.0
    """Seconds of speech spoken in a second by one GPU."""
    gpu_dollars: float = 2.50
    """An hour."""

    @property
    def cycle_s(self) -> float:
        """From a table's turn to its next one."""
        return self.pause_s + self.speech_s


class Room(NamedTuple):
    """One station of which there may be many."""

    station: str
    full_at: str
    tables: float
    """With which it is full; infinite if tables do nothing to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """On paper."""

    tables: int
    cores: dict[str, float]
    """By service; as it is measured, one core per process is the most it uses."""
    memory_gb: float
    """Altogether."""
    store_gb: float
    nodes: int
    shards: int
    shard_nodes: int
    archives: int
    """One for each installation."""
    databases: int
    brokers: int
    gpus: dict[str, int]
    bill: dict[str, float]
    """US dollars an hour."""

    @property
    def dollars_per_hour(self) -> float:
        """Altogether."""
        return sum(self.bill.values())


def turn_ms(cost: Cost, assumed: Assumed) -> float:
    """Processor time of a turn at an assumed table: everybody hears it, and now and then it is corrected."""
    listeners = (assumed.microphones_per_table - 1) * cost.listener_ms
    return cost.cpu_ms_per_turn + listeners + assumed.corrections_per_turn * cost.correction_ms


def steady(cost: Cost, assumed: Assumed) -> float:
    """Part of a core that a table takes whether anybody speaks or not."""
    return cost.table_share + assumed.microphones_per_table * cost.microphone_share


def demand(cost: Cost, assumed: Assumed) -> float:
    """Part of a core that a table takes on average."""
    return steady(cost, assumed) + turn_ms(cost, assumed) / 1000 / assumed.cycle_s


def per_core(costs: Costs, assumed: Assumed) -> dict[str, int]:
    """By service: how many tables one core serves while p95 of the wait stays under the limit."""
    kinds = {name: cost for name, cost in _kinds(costs).items() if turn_ms(cost, assumed) > _LEAST_MS}
    found = {name: most_tables(_station(cost, assumed), assumed.cycle_s, LIMIT_MS) for name, cost in kinds.items()}
    return {name: min(count, int(_followed(costs, assumed))) if name == _BEHIND else count for name, count in found.items()}


def facts_of(costs: Costs, assumed: Assumed) -> float:
    """How long the transcript of a table is that has played for so long."""
    return assumed.hours * 3600 / assumed.cycle_s * _facts_per_turn(costs, assumed)


def _followed(costs: Costs, assumed: Assumed) -> float:
    """How many tables one summarizer follows at the most, whatever its core can do."""
    return min(float(MOST_SESSIONS), _ratio(MOST_FACTS, facts_of(costs, assumed)))


def _kinds(costs: Costs) -> dict[str, Cost]:
    """Every service, and the gateway once more with the other detector."""
    return {**costs.services, f"{HEARING}, with Silero": costs.with_silero().services[HEARING]}


def _station(cost: Cost, assumed: Assumed) -> Station:
    turn = turn_ms(cost, assumed)
    rest = (1 - assumed.burst_share) * turn / 1000 / assumed.cycle_s
    return Station(cores=1, turn_ms=max(assumed.burst_share * turn, 0.1), steady=steady(cost, assumed) + rest)


def rooms(costs: Costs, assumed: Assumed) -> list[Room]:
    """How many tables fill one of each, the first to be full first."""
    full, cycle, facts = assumed.full, assumed.cycle_s, _facts_per_turn(costs, assumed)
    core = f"{100 * full:.0f} % of a core"
    found = [Room("one Redis" if name == STORE else f"one {name}", core, _ratio(full, demand(cost, assumed))) for name, cost in _kinds(costs).items()]
    found = [_bounded(room, costs, assumed) if room.station == f"one {_BEHIND}" else room for room in found]
    found.append(Room(f"all {_BEHIND}s of one archive", f"{MOST_SESSIONS} sessions followed", MOST_SESSIONS))
    rates = (
        ("one Redis, its disk", assumed.shard_appends, "durable appends", facts),
        ("one PostgreSQL primary", assumed.rows, "rows", facts),
        ("one RabbitMQ broker", assumed.letters, "corrections", assumed.corrections_per_turn),
        ("one GPU, thinking", assumed.gpu_tokens, "tokens", assumed.tokens_per_turn),
        ("one GPU, voices", assumed.gpu_voice, "seconds of speech", assumed.speech_s),
        ("one GPU, hearing", assumed.gpu_hearing, "seconds of speech", assumed.speech_s / 2),
    )
    found += [Room(name, f"{full * most:,.0f} {what} a second", _ratio(full * most, each / cycle)) for name, most, what, each in rates]
    return sorted(found, key=lambda room: room.tables)


def _bounded(room: Room, costs: Costs, assumed: Assumed) -> Room:
    """By its core, or by what it follows."""
    if room.tables <= (followed := _followed(costs, assumed)):
        return room
    return room._replace(full_at=f"{MOST_FACTS:,} facts followed" if followed < MOST_SESSIONS else f"{MOST_SESSIONS} sessions followed", tables=followed)


def _ratio(capacity: float, each: float) -> float:
    return capacity / each if each > 0 else math.inf


def _facts_per_turn(costs: Costs, assumed: Assumed) -> float:
    # A correction is a fact as well.
    return costs.facts_per_turn + assumed.corrections_per_turn


def deployed(costs: Costs, tables: int, assumed: Assumed) -> Deployment:
    """What so many concurrent tables need."""
    turns_per_s = tables / assumed.cycle_s
    facts_per_s = turns_per_s * _facts_per_turn(costs, assumed)
    cores = {name: tables * demand(cost, assumed) / assumed.full for name, cost in costs.services.items()}
    # One thread of a Redis runs its commands: what takes more than a core of them takes another shard, whatever the disks can do.
    shards = max(_whole(facts_per_s / (assumed.shard_appends * assumed.full)), _whole(cores[STORE]))
    databases = _whole(facts_per_s / (assumed.rows * assumed.full))
    archives = max(databases, _whole(tables / MOST_SESSIONS))
    processes = {name: shards if name == STORE else max(archives, _whole(share)) for name, share in cores.items()}
    if _BEHIND in processes:
        processes[_BEHIND] = max(processes[_BEHIND], _whole(tables / _followed(costs, assumed)))
    memory = {name: processes[name] * cost.base_mb + tables * _table_mb(cost, assumed) for name, cost in costs.services.items()}
    # The first table of the page has the memory of a transcript that has just begun.
    facts = facts_of(costs, assumed)
    memory[STORE] += tables * min(facts, KEEP) * costs.store_kb / 1000
    ours_mb = sum(memory.values()) - memory[STORE] + tables * facts * costs.program_kb / 1000
    node_mb = 1000 * assumed.node_gb * assumed.full
    nodes = max(_whole((sum(cores.values()) - cores[STORE]) / assumed.node_cores), _whole(ours_mb / node_mb))
    shard_nodes = max(_whole(shards / assumed.shards_per_node), _whole(memory[STORE] / node_mb))
    brokers = _whole(turns_per_s * assumed.corrections_per_turn / (assumed.letters * assumed.full))
    gpus = {
        "thinking": _whole(turns_per_s * assumed.tokens_per_turn / (assumed.gpu_tokens * assumed.full)),
        "voices": _whole(turns_per_s * assumed.speech_s / (assumed.gpu_voice * assumed.full)),
        "hearing": _whole(turns_per_s * assumed.speech_s / 2 / (assumed.gpu_hearing * assumed.full)),
    }
    bill = {
        "our own nodes": nodes * assumed.node_dollars,
        "stores and brokers": (shard_nodes + databases + brokers) * assumed.node_dollars,
        "model servers": sum(gpus.values()) * assumed.gpu_dollars,
    }
    return Deployment(
        tables=tables,
        cores=cores,
        memory_gb=(ours_mb + memory[STORE]) / 1000,
        store_gb=memory[STORE] / 1000,
        nodes=nodes,
        shards=shards,
        shard_nodes=shard_nodes,
        archives=archives,
        databases=databases,
        brokers=brokers,
        gpus=gpus,
        bill=bill,
    )


def _table_mb(cost: Cost, assumed: Assumed) -> float:
    return cost.table_mb + (assumed.microphones_per_table - 1) * cost.listener_mb


def _whole(needed: float) -> int:
    """Machines come whole, and one at least."""
    return max(1, math.ceil(needed))
