"""I5: whatever was said has one end, a line that answers it or `passed`, and no second one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.evidence import Told


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of a turn: of what was said in its place from the words that name it to the last ones that it is for."""

    seq: int
    place: str
    first: int
    last: int
    line: str = ""
    """Empty = it was passed."""
    character: str = ""
    """Who answers; of what was passed nobody knows who was to."""
    answers: str = ""
    """The member who is answered; of what was passed, who said the last of it."""
    whispered_to: frozenset[str] | None = None
    """Who alone heard the words that name it; None = everybody who was there."""


def words_in(facts: Sequence[Told]) -> dict[int, Told]:
    """What wants an end, by its numbers: narration does not."""
    return {fact.seq: fact for fact in facts if fact.kind == "said" and fact.body.get("source") != "narrated"}


def end_of(fact: Told, words: Mapping[int, Told]) -> End | None:
    """What this fact ends of these words; None = nothing: a line that nobody asked for does not."""
    body, first = fact.body, int(fact.body.get("turn") or 0)
    if not first or fact.kind not in {"line_opened", "passed"}:
        return None
    whispered_to = _whispered_to(words.get(first))
    if fact.kind == "line_opened":
        # One of an older version answers whatever stood.
        last, answers = int(body.get("upto") or fact.seq), str(body.get("answers") or "")
        line, character = str(body["line"]), str(body["character"])
        return End(seq=fact.seq, place=fact.place, first=first, last=last, line=line, character=character, answers=answers, whispered_to=whispered_to)
    last = fact.cause or fact.seq
    answers = str(words[last].by.get("id", "")) if last in words else ""
    return End(seq=fact.seq, place=fact.place, first=first, last=last, answers=answers, whispered_to=whispered_to)


def _whispered_to(said: Told | None) -> frozenset[str] | None:
    return frozenset(said.audience or ()) if said is not None and said.body.get("whispered") else None


def ended_twice(facts: Sequence[Told]) -> Iterator[str]:
    """A second end of the same words, unless it is one of the two that there may be."""
    words, takes = words_in(facts), _Takes()
    spoken: dict[str, list[int]] = {}
    for seq, said in words.items():
        spoken.setdefault(said.place, []).append(seq)
    ended: dict[int, list[End]] = {}
    for fact in facts:
        if fact.kind == "line_opened":
            takes.add(fact)
        end = end_of(fact, words)
        if end is None:
            continue
        here = spoken.get(end.place, [])
        covered = here[bisect_left(here, end.first) : bisect_right(here, end.last)]
        known = {other.seq: (other, seq) for seq in reversed(covered) for other in ended.get(seq, ())}
        for other, seq in known.values():
            if not (takes.replaces(end, other) or wait_apart(end, other)):
                yield f"I5 what was said at {seq} has an end at {other.seq} and another one at {end.seq}"
        for seq in covered:
            ended.setdefault(seq, []).append(end)


@dataclass(slots=True)
class _Takes:
    """Which line is said in the place of which."""

    _before: dict[str, str] = field(default_factory=dict)

    def add(self, opened: Told) -> None:
        """In their order: a line can replace only what came before it."""
        self._before.setdefault(str(opened.body["line"]), str(opened.body.get("retakes") or ""))

    def replaces(self, end: End, other: End) -> bool:
        """A line that was refused, taken back or reworded, and is said once more, is still the same answer; what was passed has none.

        A draft may be refused before it is opened: then nobody knows any more what it was in the place of.
        """
        if not (end.line and other.line):
            return False
        line = self._before.get(end.line, "")
        while line in self._before and line != other.line:
            line = self._before[line]
        return bool(line)


def wait_apart(one: End, other: End) -> bool:
    """The exception of docs/limits.md: two turns waited at once, and somebody added to the one behind the other's words.

    By its numbers the one covers the words of the other as well. Such turns have names of their own, and it is either another
    member who is to be answered by another character, or they were heard by others: anything else is answered as one turn.
    """
    if one.first == other.first:
        return False
    same_character = bool(one.character) and one.character == other.character
    return one.whispered_to != other.whispered_to or (one.answers != other.answers and not same_character)
