"""What a fold holds between two facts: frozen, and sharing with its predecessors all that did not change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from services.core.model import facts as bodies
from services.core.model.fact import Fact, Kind
from services.transcript.view.entries import Member, Note, SceneEntry, Slot, SummaryEntry
from services.transcript.view.places import Insertion, Place, Places, place_of
from services.transcript.view.scroll import Scroll
from services.transcript.view.strikes import struck_by

REWRITING = frozenset({Kind.STRUCK, Kind.RETCONNED, Kind.ERASED, Kind.INSERTED})
"""Kinds that change what the past is."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What one retcon took back: every story fact that stood behind its point when it was written."""

    point: int
    at: int
    """Of the retcon itself."""
    special: Mapping[int, bool]
    """Facts that did not stand at their own seq by then: did they stand behind the point?"""

    def covers(self, seq: int) -> bool:
        """A story fact of this seq never happened."""
        found = self.special.get(seq)
        return self.point < seq < self.at if found is None else found


@dataclass(frozen=True, slots=True)
class Ledger:
    """What later facts have undone or added. What never happened comes back only where the fact that undid it is struck."""

    struck: frozenset[int] = frozenset()
    """Acts among them (strikes, retcons, decisions) count for nothing."""
    erased: frozenset[int] = frozenset()
    undone: tuple[Undone, ...] = ()
    insertions: Mapping[int, Sequence[Insertion]] = field(default_factory=lambda: MappingProxyType({}))
    """By the fact behind which they stand."""

    @classmethod
    def of(cls, facts: Sequence[Fact]) -> Ledger:
        """What all these facts, in order, amount to."""
        places, last = Places(), 0
        struck = struck_by(facts)
        erased: set[int] = set()
        undone: list[Undone] = []
        for fact in facts:
            places.take(fact)
            if fact.kind in REWRITING:
                # One that is still pending comes behind everything written.
                match _body(fact):
                    case bodies.Erased(seqs=seqs):
                        erased.update(seqs)
                    case bodies.Retconned(to=to) if fact.seq not in struck:
                        point = place_of(to, places.special)
                        special = {seq: place > point for seq, place in places.special.items()}
                        undone.append(Undone(point[0], fact.seq or last + 1, MappingProxyType(special)))
            last = fact.seq or last
        return cls(struck, frozenset(erased), tuple(undone), MappingProxyType(places.insertions))

    def is_dead(self, seq: int) -> bool:
        """A story fact of this seq never happened."""
        return any(retcon.covers(seq) for retcon in self.undone)

    def stands(self, seq: int) -> bool:
        """Neither struck nor retconned nor erased."""
        return seq not in self.struck and seq not in self.erased and not self.is_dead(seq)


def _body(fact: Fact) -> bodies.Body | None:
    try:
        return bodies.body_of(bodies.BODIES[fact.kind], fact.body)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Steering:
    """A note and how many lines each character has spoken under it."""

    note: Note
    limit: int | None
    """Lines it steers; None = until it is removed."""
    since: int = 0
    """The fact by which it took hold: a line that was prepared before it does not use it up."""
    expires_at_ms: int = 0
    """0 = never."""
    spent: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def left_for(self, character: str) -> int | None:
        """Lines of this character that it still steers; None = until it is removed."""
        return None if self.limit is None else max(0, self.limit - self.spent.get(character, 0))

    def after_line(self, character: str) -> Steering:
        """The same, once the character has opened a line that knew of it."""
        return replace(self, spent=MappingProxyType({**self.spent, character: self.spent.get(character, 0) + 1}))


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A line without its `line_closed`."""

    at: int
    """Where its entry stands in the scroll."""
    perceived: bool
    """The reader could perceive its opening."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything a fold knows. Entries are kept whole here; what the reader may see of them is decided when they are shown."""

    seq: int = 0
    pending: bool = False
    """The last fact folded in is not written yet: a dead end."""
    title: str = ""
    mode: str = "auto"
    language: str = ""
    phrases: tuple[str, ...] = ()
    modes: Mapping[str, str] = field(default_factory=dict)
    deliveries: Mapping[str, str] = field(default_factory=dict)
    hotwords: tuple[str, ...] = ()
    muted: frozenset[str] = frozenset()
    halted: bool = False
    revealed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    now_ms: int = 0
    """The latest time that a fact has told."""
    scenes: Mapping[str, SceneEntry] = field(default_factory=dict)
    """Place -> the scene there, where it has one of its own; under "" the one for everybody."""
    summary: SummaryEntry | None = None
    previously: SummaryEntry | None = None
    members: Mapping[str, Member] = field(default_factory=dict)
    steering: Mapping[int, Steering] = field(default_factory=dict)
    """Notes by their seq."""
    recommendations: Mapping[str, int] = field(default_factory=dict)
    """Recommendation id to its place in the scroll."""
    open_lines: Mapping[str, OpenLine] = field(default_factory=dict)
    places: Mapping[int, Place] = field(default_factory=dict)
    """Where those facts stand that do not stand at their own seq."""
    missed: frozenset[int] = frozenset()
    """Insertions that the reader did not perceive."""
    hidden: tuple[tuple[int, int], ...] = ()
    """Runs of story facts that the reader did not perceive, first and last seq."""
    hiding: bool = False
    """The last story fact was not perceived: the last run goes on."""
    ledger: Ledger = Ledger()
    scroll: Scroll[Slot] = field(default_factory=Scroll)
    facts: Scroll[Fact] = field(default_factory=Scroll)
    """Everything folded in, kept for folding again when the past is rewritten."""
