"""Steps of the fold for what steers: notes, recommendations, secrets that may be told, digests."""

from __future__ import annotations

from dataclasses import replace

from services.core.model import facts as bodies
from services.core.model.fact import Fact
from services.transcript.view import entries as seen
from services.transcript.view.entries import Note
from services.transcript.view.reader import Reader
from services.transcript.view.state import State, Steering
from services.transcript.view.table import Table


class Steered(Table):
    """What the director and the adviser have laid down for coming lines."""

    def __init__(self, reader: Reader, state: State) -> None:
        super().__init__(reader, state)
        self.steering = dict(state.steering)
        self.recommendations = dict(state.recommendations)
        self.revealed = state.revealed
        self.summary, self.previously = state.summary, state.previously

    def noted(self, fact: Fact, body: bodies.Noted) -> None:
        """A note takes hold, or takes an earlier one back; steering is the director's work and outlives a retcon."""
        if body.removes:
            self.steering.pop(body.removes, None)
            at = self.where(body.removes)
            entry = self.scroll[at] if at is not None else None
            if at is not None and isinstance(entry, seen.NoteEntry | seen.RecommendationEntry):
                self.scroll.replace(at, replace(entry, struck=True))
        if not body.text:
            return
        struck = self.struck(fact)
        self.scroll.append(
            seen.NoteEntry(seq=fact.seq, text=body.text, character=body.character, scope=body.scope, turns=body.turns, struck=struck, at_ms=fact.at_ms)
        )
        if not struck and not body.line:
            limit = 1 if body.scope == "once" else max(1, body.turns) if body.scope == "turns" else None
            note = Note(seq=fact.seq, text=body.text, character=body.character, scope=body.scope)
            self.steering[fact.seq] = Steering(note, limit, since=fact.seq)

    def spend_notes(self, character: str, base_seq: int) -> None:
        """Count a line against the notes that it knew of: one given after its `base_seq` waits for the next line."""
        for seq, steering in self.steering.items():
            aimed = steering.note.character in {"", character}
            if steering.limit is not None and aimed and (not base_seq or steering.since <= base_seq):
                self.steering[seq] = steering.after_line(character)

    def recommended(self, fact: Fact, body: bodies.Recommended) -> None:
        """Vanishes with any fact that it rests on."""
        gone = not all(map(self.ledger.stands, body.rests_on)) if body.rests_on else self.dead(fact)
        if gone:
            return
        self.recommendations[body.recommendation] = self.scroll.append(
            seen.RecommendationEntry(
                seq=fact.seq,
                recommendation=body.recommendation,
                category=body.category,
                text=body.text,
                character=body.character,
                rests_on=tuple(body.rests_on),
                expires_at_ms=body.expires_at_ms,
                struck=self.struck(fact),
                at_ms=fact.at_ms,
            )
        )

    def recommendation_decided(self, fact: Fact, body: bodies.RecommendationDecided) -> None:
        """Accepted = steers one line like a note, unless its time is over before; pinned = until it is decided otherwise. A struck one decides nothing.

        The adviser, and time, settle only what waits: they may have looked before somebody decided.
        """
        if self.struck(fact):
            return
        at = self.recommendations.get(body.recommendation)
        entry = self.scroll[at] if at is not None else None
        if at is None or not isinstance(entry, seen.RecommendationEntry):
            return
        if entry.state != "proposed" and (body.state == "expired" or fact.by.role == "adviser"):
            return
        entry = replace(entry, state=body.state, text=body.text or entry.text)
        self.scroll.replace(at, entry)
        self.steering.pop(entry.seq, None)
        if entry.struck or body.state not in {"accepted", "pinned"}:
            return
        once = body.state == "accepted"
        note = Note(seq=entry.seq, text=entry.text, character=entry.character, scope="once" if once else "until_removed")
        self.steering[entry.seq] = Steering(note, 1 if once else None, since=fact.seq, expires_at_ms=entry.expires_at_ms if once else 0)

    def told_secret(self, fact: Fact, body: bodies.Revealed) -> None:
        """A secret may be spoken of; known to the director and to its character."""
        theirs = self.reader.is_character and self.reader.member == body.character
        if self.dead(fact) or not (self.reader.oversees or theirs):
            return
        struck = self.struck(fact)
        self.scroll.append(seen.RevealEntry(seq=fact.seq, character=body.character, secret=body.secret, struck=struck, at_ms=fact.at_ms))
        if not struck:
            known = self.revealed.get(body.character, frozenset())
            self.revealed = {**self.revealed, body.character: known | {body.secret}}

    def summarized(self, fact: Fact, body: bodies.Summarized) -> None:
        """Vanishes with any fact that it covers; a character knows only a digest of what it witnessed itself.

        One that covers nothing tells what was before the session: whoever is there when it is given knows it. One that was made while a
        part of the past was taken back yields to the fuller one before it, when that part is back.
        """
        gone = not all(map(self.ledger.stands, body.covers)) if body.covers else self.dead(fact)
        if gone or not self.perceives(fact) or not self.knows_all(body.covers):
            return
        entry = seen.SummaryEntry(seq=fact.seq, text=body.text, covers=tuple(body.covers), struck=self.struck(fact), at_ms=fact.at_ms)
        self.scroll.append(entry)
        if entry.struck:
            return
        self.previously = self.previously if body.covers else entry
        if self.summary is None or not (body.covers and set(body.covers) < set(self.summary.covers)):
            self.summary = entry
