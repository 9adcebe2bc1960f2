"""The fold: facts taken in one by one, each by the step of its kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from services.core.model import facts as bodies
from services.core.model.fact import Fact, Kind
from services.transcript.view import entries as seen
from services.transcript.view.entries import LineEntry
from services.transcript.view.heard import reworded
from services.transcript.view.reader import Reader
from services.transcript.view.scroll import Draft
from services.transcript.view.state import State
from services.transcript.view.telling import Telling


class Folding(Telling):
    """A state being advanced; the one it began from stays as it was."""

    def __init__(self, reader: Reader, state: State) -> None:
        super().__init__(reader, state)
        self.facts: Draft[Fact] = Draft(state.facts)
        self.seq, self.pending, self.now_ms = state.seq, state.pending, state.now_ms

    def done(self) -> State:
        """The state as it stands now."""
        return State(
            seq=self.seq,
            pending=self.pending,
            title=self.title,
            mode=self.mode,
            language=self.language,
            phrases=self.phrases,
            modes=self.modes,
            deliveries=self.deliveries,
            hotwords=self.hotwords,
            muted=self.muted,
            halted=self.halted,
            revealed=self.revealed,
            now_ms=self.now_ms,
            scenes=self.scenes,
            summary=self.summary,
            previously=self.previously,
            members=self.members,
            steering=self.steering,
            recommendations=self.recommendations,
            open_lines=self.open_lines,
            places=self.places,
            missed=self.missed,
            hidden=self.hidden,
            hiding=self.hiding,
            ledger=self.ledger,
            scroll=self.scroll.done(),
            facts=self.facts.done(),
        )

    def step(self, fact: Fact) -> None:
        """Take one fact in. Unknown kinds and bodies without their required fields (a tombstone, a newer version) change nothing."""
        self.facts.append(fact)
        self.seq = fact.seq or self.seq
        self.pending = fact.seq == 0
        self.now_ms = max(self.now_ms, fact.at_ms)
        take = _STEPS.get(fact.kind)
        if take is None or fact.seq in self.ledger.erased:
            return
        try:
            body = bodies.body_of(bodies.BODIES[fact.kind], fact.body)
        except ValueError:
            return
        take(self, fact, body)

    def insert_behind(self, seq: int) -> None:
        """Take in what was added to the past behind this fact; the fact itself has just been taken in."""
        for insertion in self.ledger.insertions.get(seq, ()):
            self.insert(insertion)

    def corrected(self, _fact: Fact, body: bodies.Corrected) -> None:
        """New wording or feeling for whatever of that seq the reader knows; for anything else nothing happens."""
        self._scenes_reworded(body)
        at = self.where(body.target)
        if at is None:
            return
        match self.scroll[at]:
            case LineEntry() as line:
                sentences = tuple(reworded(item, body) if item.seq == body.target else item for item in line.sentences)
                self.scroll.replace(at, replace(line, sentences=sentences))
            case seen.SaidEntry() as entry:
                original = entry.text if entry.original is None else entry.original
                self.scroll.replace(at, replace(entry, text=body.text, original=original))
            case seen.SceneEntry() as entry:
                self.scroll.replace(at, _reworded_scene(entry, body.text))
            case seen.NoteEntry() | seen.WhisperEntry() | seen.SummaryEntry() | seen.RecommendationEntry() as entry:
                self.scroll.replace(at, replace(entry, text=body.text))
                self._digest_reworded(body)
        if steering := self.steering.get(body.target):
            self.steering[body.target] = replace(steering, note=replace(steering.note, text=body.text))

    def _scenes_reworded(self, body: bodies.Corrected) -> None:
        """Also one that stood before the reader came."""
        self.scenes = {place: _reworded_scene(entry, body.text) if entry.seq == body.target else entry for place, entry in self.scenes.items()}

    def _digest_reworded(self, body: bodies.Corrected) -> None:
        if self.summary is not None and self.summary.seq == body.target:
            self.summary = replace(self.summary, text=body.text)
        if self.previously is not None and self.previously.seq == body.target:
            self.previously = replace(self.previously, text=body.text)


def _reworded_scene(entry: seen.SceneEntry, text: str) -> seen.SceneEntry:
    """The wording of a scene is its heading, and behind the first line break its description."""
    heading, _, description = text.partition("\n")
    return replace(entry, heading=heading, description=description)


_STEPS: Final[dict[str, Callable[[Folding, Fact, Any], None]]] = {
    Kind.SCENE_SET: Folding.scene_set,
    Kind.JOINED: Folding.joined,
    Kind.LEFT: Folding.left,
    Kind.SAID: Folding.said,
    Kind.LINE_OPENED: Folding.line_opened,
    Kind.SENTENCE: Folding.sentence,
    Kind.LINE_CLOSED: Folding.line_closed,
    Kind.PASSED: Folding.passed,
    Kind.CORRECTED: Folding.corrected,
    Kind.NOTED: Folding.noted,
    Kind.WHISPERED: Folding.whispered,
    Kind.RELEASED: Folding.released,
    Kind.REJECTED: Folding.rejected,
    Kind.INSERTED: Folding.inserted,
    Kind.RECOMMENDED: Folding.recommended,
    Kind.RECOMMENDATION_DECIDED: Folding.recommendation_decided,
    Kind.SUMMARIZED: Folding.summarized,
    Kind.ROLLED: Folding.rolled,
    Kind.DEGRADED: Folding.degraded,
    Kind.SILENCED: Folding.silenced,
    Kind.REVEALED: Folding.told_secret,
}
"""Every kind that changes the view by itself; struck, retconned and erased do so through the ledger, and so does where inserted words stand."""
