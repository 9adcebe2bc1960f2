"""I5: what was begun has an end, and what was said an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from tests.chaos.evidence import Told

ABORTED_AT_MOST: Final = 0.1
"""Of the lines that no fault has touched."""


def closure(facts: Sequence[Told]) -> Iterator[str]:
    """Every line is closed exactly once, with nothing in it behind that; whatever was said was answered or passed."""
    opened = Counter(fact.body["line"] for fact in facts if fact.kind == "line_opened")
    closed = Counter(fact.body["line"] for fact in facts if fact.kind == "line_closed")
    yield from (f"I5 line {line} was opened {count} times" for line, count in opened.items() if count > 1)
    yield from (f"I5 line {line} was closed {closed[line]} times" for line in opened if closed[line] != 1)
    yield from (f"I5 line {line} was closed and never opened" for line in closed if line not in opened)
    ends = {fact.body["line"]: fact.seq for fact in facts if fact.kind == "line_closed"}
    late = (fact.seq for fact in facts if fact.kind == "sentence" and fact.seq > ends.get(fact.body["line"], fact.seq))
    yield from (f"I5 sentence {seq} stands behind the end of its line" for seq in late)
    yield from (f"I5 what was said at {seq} was neither answered nor passed" for seq in _unanswered(facts))


def _unanswered(facts: Sequence[Told]) -> dict[int, str]:
    """Seq -> place. A line answers the words from those that name its turn to the last ones that it was opened for, and so does `passed`."""
    waiting: dict[int, str] = {}
    for fact in facts:
        first = int(fact.body.get("turn") or 0)
        match fact.kind:
            case "said" if fact.body.get("source") != "narrated":
                waiting[fact.seq] = fact.place
                continue
            case "line_opened":
                last = int(fact.body.get("upto") or fact.seq)
            case "passed":
                last = fact.cause or fact.seq
            case _:
                continue
        if first:
            waiting = {seq: place for seq, place in waiting.items() if place != fact.place or not first <= seq <= last}
    return waiting


def aborted(facts: Sequence[Told], calm: Sequence[tuple[int, int]]) -> Iterator[str]:
    """While nothing is wrong characters speak: a line that begins and ends in a calm comes to nothing only now and then."""
    began = {fact.body["line"]: fact.seq for fact in facts if fact.kind == "line_opened"}
    ended = [(began.get(fact.body["line"], 0), fact) for fact in facts if fact.kind == "line_closed"]
    states = [fact.body["state"] for first, fact in ended if any(behind < first and fact.seq <= upto for behind, upto in calm)]
    count = states.count("aborted")
    if count > ABORTED_AT_MOST * len(states):
        yield f"I5 {count} of {len(states)} lines that no fault has touched were aborted"


def is_heard(closed: Told) -> bool:
    """Something of this line, which is over, reached somebody: it was heard, or cut behind its first words."""
    body = closed.body
    return body["state"] in {"heard", "cut"} and body["last_seq"] > 0 and body["offset"] > 0
