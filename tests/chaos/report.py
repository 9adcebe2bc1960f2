"""What a run has shown, and what of it is late."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

RECOVERED_S: Final = 10.0
"""Promised, from the death of a process, or the end of what else was done, to the end of an answer of which something was heard."""


RESUMED_S: Final = 2.0
"""Promised of 99 in 100 clients, from a break until they are back in their seat; or from when the gateway is there again."""


@dataclass(slots=True)
class Report:
    """What a run has shown."""

    seed: int
    faults: list[str] = field(default_factory=list)
    """In the order in which they came."""
    recovered_s: dict[str, float] = field(default_factory=dict)
    """From the death, or the end of the fault, to the end of the first turn behind it, and to what else the part that was hurt is there for."""
    machine_late_s: dict[str, float] = field(default_factory=dict)
    """By how much this machine was late with a timer meanwhile, at the worst."""
    crowd: dict[str, float] = field(default_factory=dict)
    """How many tasks wanted each of its cores meanwhile."""
    resumed_s: list[float] = field(default_factory=list)
    """For each break of the player's connection."""
    acknowledged: int = 0
    facts: int = 0
    corrections: int = 0
    violations: list[str] = field(default_factory=list)

    def late(self, promised_s: float = RECOVERED_S) -> list[str]:
        """Recoveries that took longer than is promised, and what the machine had to do with it."""
        return [
            f"{fault}: an answer after {took:.1f} s; timers were up to {self.machine_late_s[fault]:.2f} s late, and {self.crowd[fault]:.1f} tasks for each core"
            for fault, took in self.recovered_s.items()
            if took > promised_s
        ]
