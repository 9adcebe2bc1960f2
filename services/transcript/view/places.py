"""Where in the view a fact stands, where that is not simply its seq: what was inserted, and what was drafted before it was spoken.

A place is a tuple, compared as tuples are. A fact stands at `(seq,)`; what is inserted behind it at `(seq, insertion)`; what a
held line was drafted as, before its release, at `(release, seq)`: that is when it was spoken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.core.model.fact import Fact, Kind

Place = tuple[int, ...]

_OPENING: Final = frozenset({Kind.SCENE_SET, Kind.JOINED, Kind.SUMMARIZED})
"""How a session begins; what is inserted before the end of that stands behind it, where the cast is there to hear it."""
_PERCEIVED: Final = frozenset({Kind.SAID, Kind.ROLLED})
_DRAFTED: Final = frozenset({Kind.LINE_OPENED, Kind.SENTENCE})


def place_of(seq: int, places: Mapping[int, Place]) -> Place:
    """Where this fact stands, `places` being those that are not simply `(seq,)`."""
    return places.get(seq) or (seq,)


@dataclass(frozen=True, slots=True)
class Insertion:
    """A fact that the director has added to the past."""

    fact: Fact
    place: Place
    audience: tuple[str, ...] | None
    """Who could perceive it: as told, else whoever could perceive what it stands behind."""


class Places:
    """Takes facts in, in order, and knows at any moment where each of them stands by then."""

    def __init__(self) -> None:
        self.special: dict[int, Place] = {}
        """Every fact that does not stand at its own seq."""
        self.insertions: dict[int, list[Insertion]] = {}
        """By the fact behind which they stand, each list in the order of the view."""
        self._audiences: dict[int, tuple[str, ...] | None] = {}
        """Of whatever could be perceived, in order."""
        self._drafts: dict[str, list[int]] = {}
        """Line -> its facts, as long as nothing has released it."""
        self._released: set[str] = set()
        self._begins = True
        self._opening = 0

    def take(self, fact: Fact) -> None:
        """One more fact; one that is still pending stands nowhere yet."""
        if fact.seq == 0:
            return
        self._begins = self._begins and fact.kind in _OPENING
        self._opening = fact.seq if self._begins else self._opening
        if fact.kind in _DRAFTED:
            self._draft(fact, str(fact.body.get("line", "")))
        elif fact.kind == Kind.RELEASED:
            line = str(fact.body.get("line", ""))
            self._released.add(line)
            for seq in self._drafts.pop(line, ()):
                self.special[seq] = (fact.seq, seq)
                self._audiences[seq] = self._audiences.get(seq) if fact.audience is None else fact.audience
        elif fact.kind == Kind.LINE_CLOSED:
            self._drafts.pop(str(fact.body.get("line", "")), None)
        elif fact.kind == Kind.INSERTED:
            self._insert(fact)
        elif fact.kind in _PERCEIVED or (fact.kind == Kind.SCENE_SET and fact.audience is not None):
            self._audiences[fact.seq] = fact.audience

    def _draft(self, fact: Fact, line: str) -> None:
        if line not in self._released:
            drafts = self._drafts.setdefault(line, [])
            drafts.append(fact.seq)
            opened = self._audiences.get(drafts[0])
            self._audiences[fact.seq] = opened if fact.audience is None else fact.audience
        else:
            self._audiences[fact.seq] = fact.audience

    def _insert(self, fact: Fact) -> None:
        after = fact.body.get("after")
        if not isinstance(after, int) or not 0 <= after < fact.seq:
            return
        place = (*max(place_of(after, self.special), (self._opening,)), fact.seq)
        audience = self._audience(after) if fact.audience is None else fact.audience
        self._audiences[fact.seq] = audience
        self.special[fact.seq] = place
        siblings = self.insertions.setdefault(place[0], [])
        siblings.append(Insertion(fact, place, audience))
        siblings.sort(key=lambda item: item.place)

    def _audience(self, seq: int) -> tuple[str, ...] | None:
        """Of this fact, or of the last one before it that could be perceived."""
        if seq not in self._audiences:
            seq = max((known for known in self._audiences if known <= seq), default=0)
        return self._audiences.get(seq)
