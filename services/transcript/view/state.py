"""What a fold holds between two facts: frozen, and sharing with its predecessors all that did not change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from services.core.model import facts as bodies
from services.core.model.fact import Fact, Kind
from services.transcript.view.entries import Entry, Member, Note, SceneEntry, SummaryEntry
from services.transcript.view.scroll import Scroll

REWRITING = frozenset({Kind.STRUCK, Kind.RETCONNED, Kind.ERASED})
"""Kinds that change what earlier facts mean."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What later facts have undone. It only ever grows: what never happened does not come back."""

    struck: frozenset[int] = frozenset()
    erased: frozenset[int] = frozenset()
    dead: tuple[tuple[int, int], ...] = ()
    """Retconned: every story fact with a seq strictly between the two."""

    def with_fact(self, fact: Fact, after_seq: int) -> Ledger:
        """The ledger once `fact` is taken in; `after_seq` is the last seq before it, for a fact that is still pending."""
        try:
            body = bodies.body_of(bodies.BODIES[fact.kind], fact.body)
        except ValueError:
            return self
        match body:
            case bodies.Struck():
                return replace(self, struck=self.struck | frozenset(body.targets))
            case bodies.Erased():
                return replace(self, erased=self.erased | frozenset(body.seqs))
            case bodies.Retconned():
                return replace(self, dead=(*self.dead, (body.to, fact.seq or after_seq + 1)))
        return self

    def is_dead(self, seq: int) -> bool:
        """A story fact of this seq never happened."""
        return any(low < seq < high for low, high in self.dead)

    def stands(self, seq: int) -> bool:
        """Neither struck nor retconned nor erased."""
        return seq not in self.struck and seq not in self.erased and not self.is_dead(seq)


@dataclass(frozen=True, slots=True)
class Steering:
    """A note and how many lines each character has spoken under it."""

    note: Note
    limit: int | None
    """Lines it steers; None = until it is removed."""
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
    scene: SceneEntry | None = None
    summary: SummaryEntry | None = None
    members: Mapping[str, Member] = field(default_factory=dict)
    steering: Mapping[int, Steering] = field(default_factory=dict)
    """Notes by their seq."""
    recommendations: Mapping[str, int] = field(default_factory=dict)
    """Recommendation id to its place in the scroll."""
    open_lines: Mapping[str, OpenLine] = field(default_factory=dict)
    hidden: tuple[tuple[int, int], ...] = ()
    """Runs of story facts that the reader did not perceive, first and last seq."""
    hiding: bool = False
    """The last story fact was not perceived: the last run goes on."""
    ledger: Ledger = Ledger()
    scroll: Scroll[Entry] = field(default_factory=Scroll)
    facts: Scroll[Fact] = field(default_factory=Scroll)
    """Everything folded in, kept for folding again when the past is rewritten."""
