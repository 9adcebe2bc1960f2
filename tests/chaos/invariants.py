"""What must hold of a session, whatever happened to the program: the promises I1 to I6 of the delivery design, checked on what is left when it is at rest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from tests.chaos.closure import aborted, closure, overdue
from tests.chaos.evidence import Correction, Evidence, Told, facts_of

GONE: Final = "gone"
"""Of a correction that nobody knows any more: what it said or changed was erased."""
ENDED: Final = frozenset({"applied", "conflicted", "dead", GONE})
_NAMED: Final = 5


def violations(evidence: Evidence) -> list[str]:
    """Every promise that was broken, by its number; empty if all were kept."""
    archive = facts_of(evidence.archive)
    facts = list(archive.values())
    return [
        *_durable(evidence, archive),
        *_numbered(evidence),
        *_told_in_order(evidence),
        *_once(evidence),
        *_as_asked(evidence, erased_by(archive.values())),
        *_agreed(evidence, archive),
        *_silent(evidence, archive),
        *closure(facts),
        *aborted(facts, evidence.calm),
        *overdue(facts, evidence.deadline_s),
        *_corrected(evidence, archive),
    ]


def _durable(evidence: Evidence, archive: Mapping[int, Told]) -> Iterator[str]:
    """I1: whatever was acknowledged or shown stands in the archive, as it was told."""
    erased = erased_by(archive.values())
    told = [("acknowledged", fact, False) for _, fact in evidence.acknowledged]
    told += [(f"shown to {reader}", fact, reader in evidence.players) for reader, facts in evidence.shown.items() for fact in facts]
    for how, fact, in_part in told:
        kept = archive.get(fact.seq)
        if kept is None:
            yield f"I1 fact {fact.seq} ({fact.kind}) was {how} and is lost"
        elif fact.seq not in erased and kept != fact and not (in_part and _is_part(fact, kept)):
            yield f"I1 fact {fact.seq} was {how} as {fact.kind} and stands there as another one ({kept.kind})"


def _is_part(shown: Told, kept: Told) -> bool:
    """It says nothing that does not stand there: something is taken out of it for players."""
    return shown.kind == kept.kind and all(kept.body.get(name) == value for name, value in shown.body.items())


def _numbered(evidence: Evidence) -> Iterator[str]:
    """I2: numbers without gaps, and both logs end with the same one."""
    seqs, stream = [entry.seq for entry in evidence.archive], [entry.seq for entry in evidence.stream]
    # What is not there cannot be wrong: a session at rest has its beginning in the one and its end in both.
    yield from (f"I2 the {name} is empty" for name, found in (("archive", seqs), ("stream", stream)) if not found)
    if seqs != list(range(1, len(seqs) + 1)):
        yield f"I2 the archive's numbers are not 1 to {len(seqs)}"
    if stream and stream != list(range(stream[0], stream[0] + len(stream))):
        yield f"I2 the stream's numbers have a gap between {stream[0]} and {stream[-1]}"
    if stream and seqs and stream[-1] != seqs[-1]:
        yield f"I2 the stream ends at {stream[-1]}, the archive at {seqs[-1]}"


def _told_in_order(evidence: Evidence) -> Iterator[str]:
    """I2: every reader was told of every fact, in their order, each once; a player of everything that was said."""
    known = facts_of(evidence.archive)
    for reader, facts in evidence.shown.items():
        every = {seq for seq, fact in known.items() if fact.kind == "said"} if reader in evidence.players else known.keys()
        for before, after in pairwise(facts):
            if after.seq <= before.seq:
                yield f"I2 {reader} was told of {after.seq} after {before.seq}"
        missed = sorted(every - {fact.seq for fact in facts})
        if missed:
            yield f"I2 {reader} was never told of {len(missed)} of {len(every)} facts: {', '.join(map(str, missed[:_NAMED]))}"


def _once(evidence: Evidence) -> Iterator[str]:
    """I3: one fact for each idempotency key, and always the same one for whoever asks again."""
    counts = Counter(entry.key for entry in evidence.archive)
    yield from (f"I3 key {key} stands {count} times" for key, count in counts.items() if count > 1)
    seqs: dict[str, set[int]] = {}
    for key, fact in evidence.acknowledged:
        seqs.setdefault(key, set()).add(fact.seq)
    yield from (f"I3 key {key} was acknowledged as {sorted(found)}" for key, found in seqs.items() if len(found) > 1)


def _as_asked(evidence: Evidence, erased: Collection[int]) -> Iterator[str]:
    """I3: whoever is told that their words stand is told of these words, and nobody else is told of the same ones."""
    keys: dict[int, set[str]] = {}
    for key, fact in evidence.acknowledged:
        keys.setdefault(fact.seq, set()).add(key)
    yield from (f"I3 fact {seq} was acknowledged to {', '.join(sorted(found))}" for seq, found in keys.items() if len(found) > 1)
    for key, fact in evidence.acknowledged:
        if fact.kind != "said" or fact.body.get("utterance") != key:
            yield f"I3 key {key} was acknowledged with fact {fact.seq}, which is another one's ({fact.body.get('utterance', fact.kind)})"
        elif fact.seq not in erased and fact.body.get("text") != evidence.asked.get(key):
            yield f"I3 key {key} was acknowledged with fact {fact.seq}, which has other words"


def _agreed(evidence: Evidence, facts: Mapping[int, Told]) -> Iterator[str]:
    """I4: stream and archive hold the same, letter for letter."""
    archive, erased = {entry.seq: entry for entry in evidence.archive}, erased_by(facts.values())
    for entry in evidence.stream:
        if entry.seq in archive and entry.seq not in erased and archive[entry.seq] != entry:
            yield f"I4 stream and archive differ at {entry.seq}"


def _silent(evidence: Evidence, facts: Mapping[int, Told]) -> Iterator[str]:
    """I4: of erased facts there is the tombstone, in both."""
    erased = erased_by(facts.values())
    for where, entries in (("archive", evidence.archive), ("stream", evidence.stream)):
        for entry in entries:
            if entry.seq in erased and any(json.loads(entry.envelope)["body"].get(name) for name in ("text", "tagged", "words")):
                yield f"I4 the words of {entry.seq} were erased and stand in the {where}"


def _corrected(evidence: Evidence, archive: Mapping[int, Told]) -> Iterator[str]:
    """I6: each accepted correction has come to an end, and an applied one is a fact, once, where the desk says it is, in its own words.

    Whoever is told of a conflict was forestalled by somebody.
    """
    erased = erased_by(archive.values())
    seqs: dict[str, list[int]] = {}
    for entry in evidence.archive:
        seqs.setdefault(entry.key, []).append(entry.seq)
    for name, correction in evidence.corrections.items():
        stands = seqs.get(name, [])
        if (left := _unsettled(correction, erased)) is not None:
            yield f"I6 correction {name} is {left}"
        elif correction.state == GONE:
            if erased.isdisjoint((correction.target, *stands)):
                yield f"I6 correction {name} is gone, and nothing of it was erased"
        elif correction.state == "applied":
            yield from (f"I6 correction {name} is applied {how}" for how in _misapplied(correction, stands, erased, archive))
        elif stands:
            yield f"I6 correction {name} is {correction.state} and stands all the same"
        elif correction.state == "conflicted":
            yield from (f"I6 correction {name} is conflicted, and {why}" for why in _unopposed(correction, erased, archive))


def _misapplied(correction: Correction, stands: Sequence[int], erased: Collection[int], archive: Mapping[int, Told]) -> Iterator[str]:
    if len(stands) != 1:
        yield f"and stands {len(stands)} times"
    elif stands != [correction.seq]:
        yield f"at {correction.seq} and stands at {stands[0]}"
    elif correction.seq not in erased and not _says(archive[correction.seq], correction):
        yield f"at {correction.seq} with other words"


def _unopposed(correction: Correction, erased: Collection[int], archive: Mapping[int, Told]) -> Iterator[str]:
    """It has become no fact itself: whoever has changed the target since is somebody else."""
    if not correction.base:
        yield "rested on nothing"
    elif correction.target not in erased and not any(
        fact.kind == "corrected" and fact.body["target"] == correction.target and fact.seq > correction.base for fact in archive.values()
    ):
        yield "nobody else changed it"


def _unsettled(correction: Correction, erased: Collection[int]) -> str | None:
    """Whoever asks for what can be done is not told that it cannot."""
    if correction.state not in ENDED:
        return f"still {correction.state}"
    return "dead, and nothing stood against it" if correction.state == "dead" and correction.target not in erased else None


def _says(fact: Told, correction: Correction) -> bool:
    """What was asked for, of the fact that was meant."""
    if correction.erases:
        return correction.target in fact.body.get("seqs", ())
    return (fact.body.get("text"), fact.body.get("target", 0)) == (correction.text, correction.target)


def erased_by(facts: Iterable[Told]) -> frozenset[int]:
    """Facts whose words were erased: tombstones say that they were there, and no more."""
    return frozenset(seq for fact in facts if fact.kind == "erased" for seq in fact.body.get("seqs", ()))
