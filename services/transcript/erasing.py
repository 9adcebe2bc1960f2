"""Erasure, the one exception to append-only: what is left of a fact whose words are gone for good, and what goes with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from services.core.model.fact import Author, Fact, Kind
from services.core.model.facts import Erased, body_of
from services.transcript.store import Entry

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    Kind.SAID: ("text", "words"),
    Kind.SENTENCE: ("text", "tagged"),
    Kind.CORRECTED: ("text",),
    Kind.INSERTED: ("text", "name"),
    Kind.NOTED: ("text",),
    Kind.WHISPERED: ("text",),
    Kind.ROLLED: ("purpose",),
    Kind.REJECTED: ("reason",),
    Kind.SUMMARIZED: ("text",),
    Kind.RECOMMENDED: ("text",),
    Kind.RECOMMENDATION_DECIDED: ("text",),
}
"""Where somebody's words stand. What else a table lives by (who is there, its settings, its lines) is no words, and cannot be erased."""
_MARK: Final = '"kind":"erased"'
"""Inside a text its quotation marks would be escaped."""


def is_erasable(kind: str) -> bool:
    """Facts of this kind have words."""
    return kind in _WORDS


def tombstone(entry: Entry) -> Entry:
    """The same entry without its words, and without the name of whose they were."""
    fact = entry.fact()
    blank: dict[str, Any] = {name: [] if name == "words" else "" for name in _WORDS.get(fact.kind, ()) if name in fact.body}
    by = Author(fact.by.role, fact.by.id)
    return replace(entry, envelope=replace(fact, by=by, body={**fact.body, **blank}).to_json())


def erased_by(entry: Entry) -> list[int]:
    """The seqs that this entry erases; none if it is no erasure."""
    if _MARK not in entry.envelope:
        return []
    fact = entry.fact()
    try:
        return [seq for seq in body_of(Erased, fact.body).seqs if seq < fact.seq] if fact.kind == Kind.ERASED else []
    except ValueError:
        return []


def with_derived(facts: Iterable[Fact], seqs: Sequence[int]) -> list[int]:
    """`seqs`, and what was made from them: corrections, digests, recommendations and what was decided on these. `facts` are all of the session."""
    gone = set(seqs)
    advice: set[str] = set()
    digest = False
    for fact in facts:
        body = fact.body
        match fact.kind:
            case Kind.CORRECTED if body.get("target") in gone:
                gone.add(fact.seq)
            # A digest goes on from the one before it.
            case Kind.SUMMARIZED if digest or not gone.isdisjoint(body.get("covers") or ()):
                gone.add(fact.seq)
                digest = True
            case Kind.RECOMMENDED if not gone.isdisjoint(body.get("rests_on") or ()):
                gone.add(fact.seq)
            case Kind.RECOMMENDATION_DECIDED if body.get("recommendation") in advice:
                gone.add(fact.seq)
        if fact.kind == Kind.RECOMMENDED and fact.seq in gone:
            advice.add(str(body.get("recommendation")))
        digest = digest or (fact.kind == Kind.SUMMARIZED and fact.seq in gone)
    return sorted(gone)
