"""What is known of a session when it is at rest: what stands, and what everybody was told of it."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.transcript.store import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One fact, as somebody was told of it: acknowledged to its author, or shown to a reader."""

    seq: int
    kind: str
    body: Mapping[str, Any]
    place: str = ""
    cause: int | None = None
    by: Mapping[str, Any] = field(default_factory=dict)
    audience: Sequence[str] | None = None
    """None = everyone."""
    at: str = ""

    @classmethod
    def of(cls, fact: Mapping[str, Any]) -> Told:
        """From a fact as every interface writes it."""
        return cls(
            seq=fact["seq"],
            kind=fact["kind"],
            body=fact["body"],
            place=fact.get("place", ""),
            cause=fact.get("cause"),
            by=fact.get("by", {}),
            audience=fact.get("audience"),
            at=fact.get("at", ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What was asked for by an act that was accepted, and what the desk says of it."""

    text: str
    target: int = 0
    """The fact that is to have these words, or to lose its own; 0 = they are a note."""
    base: int = 0
    """The last fact that had touched the target, as whoever asked for it saw it; 0 = it rests on nothing, and the last one wins."""
    erases: bool = False
    """Nothing is to be left of the target's words."""
    state: str = "pending"
    seq: int = 0
    """Of the fact that it has become, if it was applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that is known of one session at rest."""

    stream: Sequence[Entry] = ()
    """What the store has, perhaps without the beginning."""
    archive: Sequence[Entry] = ()
    asked: Mapping[str, str] = field(default_factory=dict)
    """Idempotency key -> the words that were to be said under it, whether that was acknowledged or not."""
    acknowledged: Sequence[tuple[str, Told]] = ()
    """(idempotency key, fact), once for every answer that told of it."""
    shown: Mapping[str, Sequence[Told]] = field(default_factory=dict)
    """By reader, in the order in which they were told, reconnections included. Each of them stayed to the end and may see everything, the `players` apart."""
    players: Collection[str] = ()
    """Readers who sit in the one place where everything is said, and are shown what a player may see."""
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    """By the key of the fact that each of them is to become."""
    calm: Sequence[tuple[int, int]] = ()
    """(behind this fact, up to that one): no fault was at work meanwhile."""
    deadline_s: float = math.inf
    """Of a line."""


def facts_of(entries: Sequence[Entry]) -> dict[int, Told]:
    """By their numbers."""
    return {entry.seq: Told.of(json.loads(entry.envelope)) for entry in entries}
