"""I5: what was begun has an end, and what was said an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from tests.chaos.ends import end_of, ended_twice, words_in
from tests.chaos.evidence import Told

ABORTED_AT_MOST: Final = 0.1
"""Of the lines that no fault has touched."""
GRACE_S: Final = 15.0
"""Beyond its deadline, until somebody else has closed a line whose owner is gone."""


def closure(facts: Sequence[Told]) -> Iterator[str]:
    """Every line is opened and closed exactly once, with all of it in between; whatever was said was answered or passed, and not twice."""
    yield from unfinished(facts)
    yield from _disordered(facts)
    yield from ended_twice(facts)


def unfinished(facts: Sequence[Told]) -> Iterator[str]:
    """What may still come to its end: whoever waits for rest waits for this, and for nothing that cannot be mended any more."""
    closed = {fact.body["line"] for fact in facts if fact.kind == "line_closed"}
    opened = dict.fromkeys(fact.body["line"] for fact in facts if fact.kind == "line_opened")
    yield from (f"I5 line {line} was closed 0 times" for line in opened if line not in closed)
    yield from (f"I5 what was said at {seq} was neither answered nor passed" for seq in _unanswered(facts))


def _disordered(facts: Sequence[Told]) -> Iterator[str]:
    opened = Counter(fact.body["line"] for fact in facts if fact.kind == "line_opened")
    closed = Counter(fact.body["line"] for fact in facts if fact.kind == "line_closed")
    yield from (f"I5 line {line} was opened {count} times" for line, count in opened.items() if count > 1)
    yield from (f"I5 line {line} was closed {closed[line]} times" for line in opened if closed[line] > 1)
    yield from (f"I5 line {line} was closed and never opened" for line in closed if line not in opened)
    begun: set[str] = set()
    over: set[str] = set()
    for fact in facts:
        if fact.kind == "line_opened":
            begun.add(fact.body["line"])
        elif fact.kind == "line_closed":
            over.add(fact.body["line"])
        elif fact.kind == "sentence" and fact.body["line"] not in begun:
            yield f"I5 sentence {fact.seq} stands in line {fact.body['line']}, which nobody had opened"
        elif fact.kind == "sentence" and fact.body["line"] in over:
            yield f"I5 sentence {fact.seq} stands behind the end of its line"


def _unanswered(facts: Sequence[Told]) -> dict[int, str]:
    """Seq -> place. A line answers the words from those that name its turn to the last ones that it was opened for, and so does `passed`."""
    words = words_in(facts)
    waiting: dict[int, str] = {}
    for fact in facts:
        if fact.seq in words:
            waiting[fact.seq] = fact.place
        elif (end := end_of(fact, words)) is not None:
            waiting = {seq: place for seq, place in waiting.items() if place != end.place or not end.first <= seq <= end.last}
    return waiting


def aborted(facts: Sequence[Told], calm: Sequence[tuple[int, int]]) -> Iterator[str]:
    """While nothing is wrong characters speak: a line that begins and ends in a calm comes to nothing only now and then."""
    began = {fact.body["line"]: fact.seq for fact in facts if fact.kind == "line_opened"}
    ended = [(began.get(fact.body["line"], 0), fact) for fact in facts if fact.kind == "line_closed"]
    states = [fact.body["state"] for first, fact in ended if any(behind < first and fact.seq <= upto for behind, upto in calm)]
    count = states.count("aborted")
    if count > ABORTED_AT_MOST * len(states):
        yield f"I5 {count} of {len(states)} lines that no fault has touched were aborted"


def overdue(facts: Sequence[Told], deadline_s: float) -> Iterator[str]:
    """Whoever owns the session meanwhile, a line ends within its deadline and the grace."""
    began = {fact.body["line"]: fact for fact in facts if fact.kind == "line_opened"}
    for fact in facts:
        if fact.kind == "line_closed" and (first := began.get(fact.body["line"])) is not None:
            took_s = (datetime.fromisoformat(fact.at) - datetime.fromisoformat(first.at)).total_seconds()
            if took_s > deadline_s + GRACE_S:
                yield f"I5 line {fact.body['line']} took {took_s:.0f} s to its end"


def is_heard(closed: Told) -> bool:
    """Something of this line, which is over, reached somebody: it was heard, or cut behind its first words."""
    body = closed.body
    return body["state"] in {"heard", "cut"} and body["last_seq"] > 0 and body["offset"] > 0
