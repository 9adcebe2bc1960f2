"""What a reader could perceive while the story went on: by audience, and for a character by being there."""

from __future__ import annotations

from bisect import bisect_right

from services.core.model.fact import Fact
from services.transcript.view.reader import Reader
from services.transcript.view.state import State


class Perception:
    """Keeps account of what was perceived and what was hidden."""

    def __init__(self, reader: Reader, state: State) -> None:
        self.reader = reader
        self.members = dict(state.members)
        self.hidden, self.hiding, self.missed = state.hidden, state.hiding, state.missed

    def perceives(self, fact: Fact, *, inherits: bool = True) -> bool:
        """Could the reader perceive it: by its audience, and for a character by being there. `inherits` stands in for no audience."""
        return self.reaches(fact.audience, inherits=inherits)

    def reaches(self, audience: tuple[str, ...] | None, *, inherits: bool = True) -> bool:
        """As `perceives`, of what these could perceive."""
        reader = self.reader
        if reader.oversees:
            return True
        if audience is not None:
            here = not reader.is_character or reader.member in self.members
            return here and reader.member in audience
        if reader.is_character:
            member = self.members.get(reader.member)
            return member is not None and member.present and inherits
        return inherits

    def story(self, fact: Fact, *, perceived: bool) -> bool:
        """Book a story fact as perceived or hidden; False = the reader never hears of it."""
        if not perceived:
            low = self.hidden[-1][0] if self.hiding else fact.seq
            self.hidden = (*(self.hidden[:-1] if self.hiding else self.hidden), (low, fact.seq))
        self.hiding = not perceived
        return perceived

    def knows_all(self, seqs: list[int]) -> bool:
        """The reader perceived every one of these."""
        if not self.missed.isdisjoint(seqs):
            return False
        lows = [low for low, _ in self.hidden]
        return not any((at := bisect_right(lows, seq)) and seq <= self.hidden[at - 1][1] for seq in seqs)
