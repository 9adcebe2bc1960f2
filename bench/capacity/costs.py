"""What a table costs, by service: being there, an open microphone, a turn, a further listener, a correction, each without the others. No input, no output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from bench.capacity.length import Length
from bench.capacity.measuring import Seen
from bench.use import STORE
from services.catalog import SERVICES

COUNTED: Final = (*SERVICES, STORE)
HEARING: Final = "gateway"
"""Where voice activity is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one service."""

    table_share: float = 0.0
    """Of a core, for a table where somebody is connected: its lease, its connection, its clocks."""
    microphone_share: float = 0.0
    """Of a core, for an open microphone, whether anybody speaks or not."""
    cpu_ms_per_turn: float = 0.0
    """Beyond the microphone: recognition, facts, prompt, reply, and its sound to one listener."""
    listener_ms: float = 0.0
    """Of a turn, for everybody else who hears it."""
    correction_ms: float = 0.0
    base_mb: float = 0.0
    """Resident before anybody came."""
    table_mb: float = 0.0
    """More for each table, with one person at it."""
    listener_mb: float = 0.0
    """More for everybody else there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """The crowds that tell the costs apart; the first four and the last differ in one thing each."""

    connected: Seen
    """Microphones closed."""
    silent: Seen
    talking: Seen
    heard: Seen
    """As talking, in company."""
    corrected: Seen
    """As connected, with a director."""
    silero: float
    """Of a core, for each microphone, where Silero listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Of everything."""

    services: Mapping[str, Cost]
    """The store is among them."""
    facts_per_turn: float
    silero: float
    program_kb: float
    """Of memory for each fact of a session that plays, in all services together."""
    store_kb: float
    """The same in the store, for each fact that is in the stream."""

    def with_silero(self) -> Costs:
        """The same where the model listens, beside what a microphone costs anyway."""
        gateway = self.services[HEARING]
        return replace(self, services={**self.services, HEARING: replace(gateway, microphone_share=gateway.microphone_share + self.silero)})


def costs_of(found: Measurements, length: Length) -> Costs:
    """Each difference by itself; what comes out below nothing is nothing."""
    return Costs(
        services={name: _cost(found, name) for name in COUNTED},
        facts_per_turn=found.talking.run.facts / max(1, found.talking.turns),
        silero=found.silero,
        program_kb=max(0.0, length.program_kb),
        store_kb=max(0.0, length.store_kb),
    )


def _cost(found: Measurements, name: str) -> Cost:
    table = found.connected.cores(name) / found.connected.crowd.tables
    microphone = (found.silent.cores(name) / found.silent.crowd.tables - table) / found.silent.crowd.people
    quiet = Cost(table_share=table, microphone_share=microphone)
    turn = turn_ms(found.talking, name, quiet)
    grown_mb, company = grown_by_mb(found.talking, name), found.heard.crowd.people - found.talking.crowd.people
    return Cost(
        table_share=max(0.0, table),
        microphone_share=max(0.0, microphone),
        cpu_ms_per_turn=max(0.0, turn),
        listener_ms=max(0.0, (turn_ms(found.heard, name, quiet) - turn) / company),
        correction_ms=max(0.0, _each_ms(found.corrected, name, table, found.corrected.run.corrections)),
        base_mb=found.talking.base_mb[name],
        table_mb=max(0.0, grown_mb),
        listener_mb=max(0.0, (grown_by_mb(found.heard, name) - grown_mb) / company),
    )


def grown_by_mb(seen: Seen, name: str) -> float:
    """Of memory, for each table."""
    return (seen.run.services[name][1] - seen.base_mb[name]) / seen.crowd.tables


def turn_ms(seen: Seen, name: str, quiet: Cost) -> float:
    """Processor time of a turn in a crowd, with what its tables and microphones cost anyway taken off."""
    return _each_ms(seen, name, quiet.table_share + seen.crowd.people * quiet.microphone_share, seen.turns)


def _each_ms(seen: Seen, name: str, share: float, events: int) -> float:
    return 1000 * (seen.cores(name) - seen.crowd.tables * share) * seen.run.seconds / max(1, events)
