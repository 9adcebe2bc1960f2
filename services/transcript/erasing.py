"""Erasure, the one exception to append-only: what is left of a fact whose words are gone for good, and what goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

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
_NAMES: Final[dict[str, tuple[str, ...]]] = {Kind.SCENE_SET: ("hotwords",)}
"""What hearing has learned from words goes with them."""
_MARK: Final = '"kind":"erased"'
"""Inside a text its quotation marks would be escaped."""


def is_erasable(kind: str) -> bool:
    """Facts of this kind have words."""
    return kind in _WORDS


def tombstone(entry: Entry) -> Entry:
    """The same entry without its words, and without the name of whose they were."""
    fact = entry.fact()
    blank = {name: [] if isinstance(fact.body[name], list) else "" for name in (_WORDS | _NAMES).get(fact.kind, ()) if name in fact.body}
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


def with_derived(facts: Sequence[Fact], seqs: Sequence[int]) -> list[int]:
    """`seqs`, and what they came from or was made from them. `facts` are all of the session.

    Earlier attempts at a sentence, its corrections, digests and recommendations, what was decided on these, and names that hearing learned from it.
    """
    gone = {*seqs, *_earlier_attempts(facts, seqs)}
    advice: set[str] = set()
    reworded: set[int] = set()
    digest = False
    for fact in facts:
        if fact.seq not in gone and _rests_on(fact, gone | reworded, advice, digest=digest):
            gone.add(fact.seq)
        if fact.seq in gone:
            # What was made after a correction has its wording, though it names what was corrected.
            reworded |= {int(fact.body["target"])} if fact.kind == Kind.CORRECTED else set()
            advice |= {str(fact.body.get("recommendation"))} if fact.kind == Kind.RECOMMENDED else set()
            digest = digest or fact.kind == Kind.SUMMARIZED
    return sorted(gone | _names_learned(facts, gone))


def _rests_on(fact: Fact, gone: set[int], advice: set[str], *, digest: bool) -> bool:
    body = fact.body
    match fact.kind:
        case Kind.CORRECTED:
            return body.get("target") in gone
        case Kind.SUMMARIZED:
            # A digest goes on from the one before it.
            return digest or not gone.isdisjoint(body.get("covers") or ())
        case Kind.RECOMMENDED:
            return not gone.isdisjoint(body.get("rests_on") or ())
        case Kind.RECOMMENDATION_DECIDED:
            return body.get("recommendation") in advice
    return False


def _earlier_attempts(facts: Sequence[Fact], seqs: Sequence[int]) -> set[int]:
    """Without the newest attempt at a line the one before it would stand, which nobody has heard."""
    sentences = [(fact.seq, str(fact.body.get("line")), int(fact.body.get("attempt") or 0)) for fact in facts if fact.kind == Kind.SENTENCE]
    named = frozenset(seqs)
    newest: dict[str, int] = {}
    for seq, line, attempt in sentences:
        if seq in named:
            newest[line] = max(attempt, newest.get(line, 0))
    return {seq for seq, line, attempt in sentences if attempt < newest.get(line, 0)}


def _names_learned(facts: Sequence[Fact], gone: set[int]) -> set[int]:
    """Scenes that say nothing but names which stand in the words that go."""
    words = "\n".join(str(fact.body.get("text") or "") for fact in facts if fact.seq in gone).casefold()
    scenes = [fact for fact in facts if fact.kind == Kind.SCENE_SET and [name for name, value in fact.body.items() if value] == ["hotwords"]]
    return {fact.seq for fact in scenes if any(str(name).casefold() in words for name in fact.body["hotwords"])}
