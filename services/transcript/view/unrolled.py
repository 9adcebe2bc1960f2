"""The scroll while it is written on: where entries stand, and what has been undone."""

from __future__ import annotations

from collections.abc import Mapping

from services.core.model.fact import Fact
from services.transcript.view.entries import LineEntry, MovedEntry, Slot
from services.transcript.view.perception import Perception
from services.transcript.view.places import Place, place_of
from services.transcript.view.reader import Reader
from services.transcript.view.scroll import Draft, Scroll
from services.transcript.view.state import State

_PENDING: Place = (2**63,)


class Unrolled(Perception):
    """What every step of the fold stands on."""

    def __init__(self, reader: Reader, state: State) -> None:
        super().__init__(reader, state)
        self.ledger = state.ledger
        self.scroll: Draft[Slot] = Draft(state.scroll)
        self.places = state.places

    def dead(self, fact: Fact) -> bool:
        """A retcon took it back."""
        return bool(self.ledger.undone) and self.ledger.is_dead(fact.seq)

    def struck(self, fact: Fact) -> bool:
        """It was struck."""
        return fact.seq in self.ledger.struck

    def name_of(self, member: str, fallback: str = "") -> str:
        """As whom the table knows a member."""
        known = self.members.get(member)
        return known.name if known else fallback or member

    def where(self, seq: int) -> int | None:
        """As `position`."""
        return position(self.scroll, seq, self.places)

    def moved_to_the_end(self, at: int, line: LineEntry, place: int) -> int:
        """Let a line stand last from now on, as the fact `place` wants it; returns where that is."""
        if at == len(self.scroll) - 1:
            self.scroll.replace(at, line)
            return at
        self.scroll.replace(at, MovedEntry(seq=line.seq, line=line.line))
        moved = {seq: (place, seq) for seq in (line.seq, *(item.seq for item in line.sentences)) if seq}
        self.places = {**self.places, **moved}
        return self.scroll.append(line)


def position(scroll: Scroll[Slot] | Draft[Slot], seq: int, places: Mapping[int, Place]) -> int | None:
    """Where the entry of this fact, or the line with this sentence, stands. Entries are in the order of their places, pending ones last."""
    if seq <= 0:
        return None
    wanted = place_of(seq, places)
    low, high = 0, len(scroll)
    while low < high:
        middle = (low + high) // 2
        if _place(scroll[middle], places) <= wanted:
            low = middle + 1
        else:
            high = middle
    for at in range(low - 1, -1, -1):
        entry = scroll[at]
        if isinstance(entry, MovedEntry):
            continue
        if entry.seq == seq or (isinstance(entry, LineEntry) and any(item.seq == seq for item in entry.sentences)):
            return at
    return None


def _place(entry: Slot, places: Mapping[int, Place]) -> Place:
    if entry.seq == 0:
        return _PENDING
    return (entry.seq,) if isinstance(entry, MovedEntry) else place_of(entry.seq, places)
