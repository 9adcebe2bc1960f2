"""The view: what a transcript amounts to for one reader. Pure; retcon, strike, edit and erasure take effect here and nowhere else.

A view is an immutable value. `advance` gives a new one that shares with the old all chunks of 64 entries that did not change,
so one more fact costs microseconds however long the session is, and several futures may be tried from one view (facts with
seq 0 are pending: a view that holds any is a dead end for written facts). Facts that rewrite the past (`struck`, `retconned`,
`erased`, `inserted`) fold the kept facts once more: that is the only step whose cost grows with the session.

What a retcon undoes is the story: scene, words, lines, whispers, dice, secrets that were told, and what rests on them. What it
leaves standing is the table: who is present and may speak, the session's settings, the director's notes, and corrections of what
lies before it. It undoes what stands behind its point in the view (see `places`): an insertion before the point stays, however
late it was written, and a line that was drafted before the point and released behind it goes.

A retcon, a strike or a decision on advice that is struck itself never was (see `strikes`): what it took away stands again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from services.core.model.fact import Fact, LineState
from services.transcript.view.entries import Entry, LineEntry, Member, Note, SceneEntry, Slot, SummaryEntry
from services.transcript.view.folding import Folding
from services.transcript.view.reader import Reader
from services.transcript.view.scroll import Chunks, projected
from services.transcript.view.shown import shown
from services.transcript.view.state import REWRITING, Ledger, State, Steering
from services.transcript.view.unrolled import position


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What `reader` knows after the fact `seq`. Make one with `fold`."""

    reader: Reader
    state: State = field(default_factory=State, repr=False)
    """The fold behind it; whole, so not for showing."""
    visible: Chunks[Entry] = field(default_factory=Chunks, repr=False)
    """`entries` in chunks, which views share."""

    @property
    def seq(self) -> int:
        """The last written fact folded in; 0 = none."""
        return self.state.seq

    @property
    def title(self) -> str:
        """Of the session."""
        return self.state.title

    @property
    def mode(self) -> str:
        """Either auto or approve."""
        return self.state.mode

    @property
    def language(self) -> str:
        """BCP 47 tag; empty = not settled."""
        return self.state.language

    @property
    def phrases(self) -> tuple[str, ...]:
        """What players may say, where it is known beforehand."""
        return self.state.phrases

    @property
    def modes(self) -> Mapping[str, str]:
        """Modes of their own, of `character:<slug>` and `platform:<name>`."""
        return self.state.modes

    @property
    def deliveries(self) -> Mapping[str, str]:
        """Character -> voice or teleprompter, where one was chosen."""
        return self.state.deliveries

    @property
    def hotwords(self) -> tuple[str, ...]:
        """Names that hearing has learned."""
        return self.state.hotwords

    @property
    def muted(self) -> frozenset[str]:
        """Characters that may not speak."""
        return self.state.muted

    @property
    def halted(self) -> bool:
        """Nobody may speak."""
        return self.state.halted

    @property
    def revealed(self) -> Mapping[str, frozenset[str]]:
        """Character -> ids of its secrets that it may speak of: all for those who oversee, a character's own, none for players."""
        return self.state.revealed

    @property
    def scene(self) -> SceneEntry | None:
        """Where and when the reader is; for those who oversee the last one that was set; None before the first."""
        if self.reader.oversees:
            return max(self.state.scenes.values(), key=lambda entry: entry.seq, default=None)
        own = self.members.get(self.reader.member)
        return self.scene_in(own.place if own else "")

    def scene_in(self, place: str) -> SceneEntry | None:
        """The scene of a place: its own, else the one for everybody."""
        return self.state.scenes.get(place) or self.state.scenes.get("")

    @property
    def members(self) -> Mapping[str, Member]:
        """Everybody who is or was at the table, by member id."""
        return self.state.members

    @property
    def summary(self) -> SummaryEntry | None:
        """The newest digest that still holds, unless an older one that holds covers all of it and more."""
        return self.state.summary if self.reader.oversees or self.reader.is_character else None

    @property
    def previously(self) -> SummaryEntry | None:
        """What was before the session, as it was told at its beginning; `summary` is the same until there is a newer digest."""
        return self.state.previously if self.reader.oversees or self.reader.is_character else None

    @property
    def open_lines(self) -> tuple[str, ...]:
        """Ids of the lines without a `line_closed`, oldest first; of other people's too."""
        return tuple(self.state.open_lines)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What happened, in order. Made on the first call (for 10,000 entries about 0.1 ms); see also `recent`."""
        return self.visible.flat()

    def recent(self, count: int) -> tuple[Entry, ...]:
        """The last `count` entries, in order, without making all of them."""
        last: list[Entry] = []
        for entry in reversed(self.visible):
            if len(last) >= count:
                break
            last.append(entry)
        return tuple(reversed(last))

    @property
    def notes(self) -> tuple[Note, ...]:
        """Notes and accepted recommendations in force: a character's own and those for all; every one for a director; none for a player."""
        if not (self.reader.oversees or self.reader.is_character):
            return ()
        standing = ((item, self._remaining(item)) for item in self.state.steering.values() if self._concerns(item) and not self._lapsed(item))
        return tuple(replace(item.note, remaining=left) for item, left in standing if left != 0)

    def _concerns(self, steering: Steering) -> bool:
        return self.reader.oversees or steering.note.character in {"", self.reader.member}

    def _lapsed(self, steering: Steering) -> bool:
        return 0 < steering.expires_at_ms <= self.state.now_ms

    def _remaining(self, steering: Steering) -> int | None:
        """For those who oversee, a note for all stands until every character present has used it up."""
        if self.reader.is_character:
            return steering.left_for(self.reader.member)
        if steering.note.character or steering.limit is None:
            return steering.left_for(steering.note.character)
        present = [item.member for item in self.members.values() if item.present and item.role == "character"]
        return max((steering.left_for(slug) or 0 for slug in present), default=steering.limit)

    def line(self, line: str) -> LineEntry | None:
        """An open line with everything drafted so far; None if there is none of that id. For the stage, whoever the reader is."""
        known = self.state.open_lines.get(line)
        entry = self.state.scroll[known.at] if known else None
        return entry if isinstance(entry, LineEntry) else None

    @property
    def held(self) -> frozenset[str]:
        """Ids of the open lines that nobody has released: their text is for the director's desk only."""
        waiting = (self.line(line) for line in self.state.open_lines)
        return frozenset(item.line for item in waiting if item and _is_held(item))

    def entry_of(self, seq: int) -> Entry | None:
        """The entry of this fact, or the line with this sentence, as the reader sees it; None if it sees nothing of it."""
        at = position(self.state.scroll, seq, self.state.places)
        return None if at is None else shown(self.state.scroll[at], self.reader)

    def advance(self, facts: Iterable[Fact]) -> View:
        """The view with these facts added; the ones it has already are passed over. Facts with seq 0 are pending.

        Raises:
            ValueError: a written fact after a pending one.
        """
        fresh = [fact for fact in facts if fact.seq == 0 or fact.seq > self.seq]
        if not fresh:
            return self
        written = [fact.seq for fact in fresh if fact.seq]
        if written and (self.state.pending or written != [fact.seq for fact in fresh[: len(written)]]):
            raise ValueError("a written fact cannot follow a pending one: advance the view from which the pending ones began")
        if any(fact.kind in REWRITING for fact in fresh):
            return self._folded_again(fresh)
        folding = Folding(self.reader, self.state)
        for fact in fresh:
            folding.step(fact)
        return self._shown(folding, self.visible.chunks)

    def _folded_again(self, fresh: list[Fact]) -> View:
        facts = (*self.state.facts, *fresh)
        folding = Folding(self.reader, State(ledger=Ledger.of(facts)))
        folding.insert_behind(0)
        for fact in facts:
            folding.step(fact)
            folding.insert_behind(fact.seq)
        return self._shown(folding, ())

    def _shown(self, folding: Folding, before: tuple[tuple[Entry, ...], ...]) -> View:
        state = folding.done()
        show: Callable[[Slot], Entry | None] = lambda slot: shown(slot, self.reader)  # noqa: E731 - its type is to be said
        return View(self.reader, state, Chunks(projected(state.scroll, folding.scroll.touched, before, show)))


def fold(facts: Iterable[Fact], reader: Reader) -> View:
    """The view that these facts, in order, amount to for `reader`."""
    return View(reader).advance(facts)


def _is_held(line: LineEntry) -> bool:
    return line.state in {LineState.HELD, LineState.REJECTED} or (line.state is LineState.DRAFTING and line.mode == "approve")
