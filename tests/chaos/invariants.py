"""What must hold of a session, whatever happened to the program: the promises I1 to I6 of the delivery design, checked on what is left when it is at rest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from services.transcript.store import Entry

ENDED = frozenset({"applied", "conflicted", "dead"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One fact, as somebody was told of it: acknowledged to its author, or shown to a reader."""

    seq: int
    kind: str
    body: Mapping[str, Any]
    cause: int | None = None

    @classmethod
    def of(cls, fact: Mapping[str, Any]) -> Told:
        """From a fact as every interface writes it."""
        return cls(seq=fact["seq"], kind=fact["kind"], body=fact["body"], cause=fact.get("cause"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What the desk says of an act that was accepted."""

    state: str
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that is known of one session at rest."""

    stream: Sequence[Entry] = ()
    """What the store has, perhaps without the beginning."""
    archive: Sequence[Entry] = ()
    acknowledged: Sequence[tuple[str, Told]] = ()
    """(idempotency key, fact), once for every answer that told of it."""
    shown: Mapping[str, Sequence[Told]] = field(default_factory=dict)
    """By reader, in the order in which they were told, reconnections included."""
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    """By the key of the fact that each of them is to become."""


def violations(evidence: Evidence) -> list[str]:
    """Every promise that was broken, by its number; empty if all were kept."""
    return [
        *_durable(evidence),
        *_ordered(evidence),
        *_once(evidence),
        *_agreed(evidence),
        *closure(list(_facts(evidence.archive).values())),
        *_corrected(evidence),
    ]


def closure(facts: Sequence[Told]) -> Iterator[str]:
    """I5: every line is closed exactly once, with nothing in it behind that; whatever was said was answered or passed."""
    opened = Counter(fact.body["line"] for fact in facts if fact.kind == "line_opened")
    closed = Counter(fact.body["line"] for fact in facts if fact.kind == "line_closed")
    yield from (f"I5 line {line} was opened {count} times" for line, count in opened.items() if count > 1)
    yield from (f"I5 line {line} was closed {closed[line]} times" for line in opened if closed[line] != 1)
    yield from (f"I5 line {line} was closed and never opened" for line in closed if line not in opened)
    ends = {fact.body["line"]: fact.seq for fact in facts if fact.kind == "line_closed"}
    late = (fact.seq for fact in facts if fact.kind == "sentence" and fact.seq > ends.get(fact.body["line"], fact.seq))
    yield from (f"I5 sentence {seq} stands behind the end of its line" for seq in late)
    unanswered: dict[int, None] = {}
    for fact in facts:
        match fact.kind:
            case "said" if fact.body.get("source") != "narrated":
                unanswered[fact.seq] = None
            case "line_opened":
                unanswered.clear()
            case "passed":
                unanswered = {seq: None for seq in unanswered if fact.cause is not None and seq > fact.cause}
    yield from (f"I5 what was said at {seq} was neither answered nor passed" for seq in unanswered)


def _durable(evidence: Evidence) -> Iterator[str]:
    """I1: whatever was acknowledged or shown stands in the archive, as it was told."""
    archive, erased = _facts(evidence.archive), _erased(evidence.archive)
    told = [("acknowledged", fact) for _, fact in evidence.acknowledged]
    told += [(f"shown to {reader}", fact) for reader, facts in evidence.shown.items() for fact in facts]
    for how, fact in told:
        kept = archive.get(fact.seq)
        if kept is None:
            yield f"I1 fact {fact.seq} ({fact.kind}) was {how} and is lost"
        elif fact.seq not in erased and kept != fact:
            yield f"I1 fact {fact.seq} was {how} as {fact.kind} and stands there as another one ({kept.kind})"


def _ordered(evidence: Evidence) -> Iterator[str]:
    """I2: numbers without gaps, and every reader was told in their order, each once."""
    seqs = [entry.seq for entry in evidence.archive]
    if seqs != list(range(1, len(seqs) + 1)):
        yield f"I2 the archive's numbers are not 1 to {len(seqs)}"
    stream = [entry.seq for entry in evidence.stream]
    if stream and stream != list(range(stream[0], stream[0] + len(stream))):
        yield f"I2 the stream's numbers have a gap between {stream[0]} and {stream[-1]}"
    if stream and seqs and stream[-1] != seqs[-1]:
        yield f"I2 the stream ends at {stream[-1]}, the archive at {seqs[-1]}"
    for reader, facts in evidence.shown.items():
        for before, after in pairwise(facts):
            if after.seq <= before.seq:
                yield f"I2 {reader} was told of {after.seq} after {before.seq}"


def _once(evidence: Evidence) -> Iterator[str]:
    """I3: one fact for each idempotency key, and always the same one for whoever asks again."""
    counts = Counter(entry.key for entry in evidence.archive)
    yield from (f"I3 key {key} stands {count} times" for key, count in counts.items() if count > 1)
    seqs: dict[str, set[int]] = {}
    for key, fact in evidence.acknowledged:
        seqs.setdefault(key, set()).add(fact.seq)
    yield from (f"I3 key {key} was acknowledged as {sorted(found)}" for key, found in seqs.items() if len(found) > 1)


def _agreed(evidence: Evidence) -> Iterator[str]:
    """I4: stream and archive hold the same, letter for letter."""
    archive, erased = {entry.seq: entry for entry in evidence.archive}, _erased(evidence.archive)
    for entry in evidence.stream:
        if entry.seq in archive and entry.seq not in erased and archive[entry.seq] != entry:
            yield f"I4 stream and archive differ at {entry.seq}"


def _corrected(evidence: Evidence) -> Iterator[str]:
    """I6: each accepted correction has come to an end, and an applied one is a fact, once."""
    keys = Counter(entry.key for entry in evidence.archive)
    for name, correction in evidence.corrections.items():
        if correction.state not in ENDED:
            yield f"I6 correction {name} is still {correction.state}"
        elif correction.state == "applied" and keys[name] != 1:
            yield f"I6 correction {name} is applied and stands {keys[name]} times"
        elif correction.state != "applied" and keys[name]:
            yield f"I6 correction {name} is {correction.state} and stands all the same"


def _facts(entries: Sequence[Entry]) -> dict[int, Told]:
    return {entry.seq: Told.of(json.loads(entry.envelope)) for entry in entries}


def _erased(entries: Sequence[Entry]) -> frozenset[int]:
    """Facts whose words were erased: tombstones say that they were there, and no more."""
    return frozenset(seq for fact in _facts(entries).values() if fact.kind == "erased" for seq in fact.body.get("seqs", ()))
