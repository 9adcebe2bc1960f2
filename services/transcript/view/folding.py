"""One step of the fold per kind of fact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from services.core.model import facts as bodies
from services.core.model.fact import Fact, Kind, LineState
from services.transcript.view import entries as seen
from services.transcript.view.entries import Entry, LineEntry, Member, Note, SentenceEntry
from services.transcript.view.heard import heard_up_to, reworded
from services.transcript.view.perception import Perception
from services.transcript.view.reader import Reader
from services.transcript.view.scroll import Draft, Scroll
from services.transcript.view.state import OpenLine, State, Steering

_PRESENCE: Final = frozenset({Kind.JOINED, Kind.LEFT})
_NOTHING_HEARD: Final = frozenset({LineState.REJECTED, LineState.ABORTED})


class Folding(Perception):
    """A state being advanced; the one it began from stays as it was."""

    def __init__(self, reader: Reader, state: State) -> None:
        super().__init__(reader, state)
        self.ledger = state.ledger
        self.scroll: Draft[Entry] = Draft(state.scroll)
        self.facts: Draft[Fact] = Draft(state.facts)
        self.seq, self.pending = state.seq, state.pending
        self.title, self.mode, self.language, self.phrases = state.title, state.mode, state.language, state.phrases
        self.scene, self.summary = state.scene, state.summary
        self.steering = dict(state.steering)
        self.recommendations = dict(state.recommendations)
        self.open_lines = dict(state.open_lines)

    def done(self) -> State:
        """The state as it stands now."""
        return State(
            seq=self.seq,
            pending=self.pending,
            title=self.title,
            mode=self.mode,
            language=self.language,
            phrases=self.phrases,
            scene=self.scene,
            summary=self.summary,
            members=self.members,
            steering=self.steering,
            recommendations=self.recommendations,
            open_lines=self.open_lines,
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
        take = _STEPS.get(fact.kind)
        if take is None or fact.seq in self.ledger.erased:
            return
        try:
            body = bodies.body_of(bodies.BODIES[fact.kind], fact.body)
        except ValueError:
            return
        take(self, fact, body)

    def _dead(self, fact: Fact) -> bool:
        return bool(self.ledger.dead) and self.ledger.is_dead(fact.seq)

    def _struck(self, fact: Fact) -> bool:
        return fact.seq in self.ledger.struck

    def _name(self, member: str, fallback: str = "") -> str:
        known = self.members.get(member)
        return known.name if known else fallback or member

    def scene_set(self, fact: Fact, body: bodies.SceneSet) -> None:
        """Settings outlive a retcon, heading and description do not."""
        self.title = body.title or self.title
        self.mode = body.mode or self.mode
        self.language = body.language or self.language
        self.phrases = tuple(body.phrases) or self.phrases
        if not (body.heading or body.description) or self._dead(fact) or not (self.reader.oversees or self.reader.in_audience(fact.audience)):
            return
        struck = self._struck(fact)
        entry = seen.SceneEntry(
            seq=fact.seq, heading=body.heading, description=body.description, struck=struck, place=fact.place, audience=fact.audience, at_ms=fact.at_ms
        )
        self.scene = self.scene if struck else entry
        if self.perceives(fact):
            self.scroll.append(entry)

    def joined(self, fact: Fact, body: bodies.Joined) -> None:
        """A second one while present replaces card, name and place only: it is no new entry."""
        before = self.members.get(body.member)
        stays = before is not None and before.present
        own = self.reader.oversees or (self.reader.is_character and self.reader.member == body.member)
        self.members[body.member] = Member(
            member=body.member,
            role=body.role,
            name=body.name,
            card=body.card if own else {},
            place=fact.place,
            since_seq=before.since_seq if before is not None and stays else fact.seq,
            head_count=body.head_count,
        )
        if not stays and self.perceives(fact):
            self.scroll.append(
                seen.JoinEntry(seq=fact.seq, member=body.member, name=body.name, role=body.role, head_count=body.head_count, place=fact.place, at_ms=fact.at_ms)
            )

    def left(self, fact: Fact, body: bodies.Left) -> None:
        """The member stays known, as absent."""
        member = self.members.get(body.member)
        if member is None or not member.present:
            return
        if self.perceives(fact):
            self.scroll.append(seen.LeaveEntry(seq=fact.seq, member=body.member, name=member.name, at_ms=fact.at_ms))
        self.members[body.member] = replace(member, present=False)

    def said(self, fact: Fact, body: bodies.Said) -> None:
        """Somebody's words; one's own are known even where the audience forgot one."""
        own = bool(self.reader.member) and fact.by.id == self.reader.member
        if self._dead(fact) or not self.story(fact, perceived=own or self.perceives(fact)):
            return
        self.scroll.append(
            seen.SaidEntry(
                seq=fact.seq,
                member=fact.by.id,
                name=fact.by.name or self._name(fact.by.id),
                text=body.text,
                struck=self._struck(fact),
                place=fact.place,
                audience=fact.audience,
                at_ms=fact.at_ms,
                source=body.source,
                utterance=body.utterance,
            )
        )

    def rolled(self, fact: Fact, body: bodies.Rolled) -> None:
        """Dice on the table."""
        if self._dead(fact) or not self.story(fact, perceived=self.perceives(fact)):
            return
        self.scroll.append(
            seen.RollEntry(
                seq=fact.seq,
                member=fact.by.id,
                name=fact.by.name or self._name(fact.by.id),
                expression=body.expression,
                total=body.total,
                dice=tuple(body.dice),
                purpose=body.purpose,
                struck=self._struck(fact),
                place=fact.place,
                audience=fact.audience,
                at_ms=fact.at_ms,
            )
        )

    def whispered(self, fact: Fact, body: bodies.Whispered) -> None:
        """Reaches its character alone, and only one who is there."""
        member = self.members.get(body.character)
        theirs = self.reader.is_character and self.reader.member == body.character and member is not None and member.present
        if self._dead(fact) or not self.story(fact, perceived=self.reader.oversees or theirs):
            return
        self.scroll.append(seen.WhisperEntry(seq=fact.seq, character=body.character, text=body.text, struck=self._struck(fact), at_ms=fact.at_ms))

    def line_opened(self, fact: Fact, body: bodies.LineOpened) -> None:
        """The entry stands where the line began; it is shown to others once it is known what was heard."""
        if self._dead(fact) or body.line in self.open_lines:
            return
        own = self.reader.is_character and self.reader.member == body.character
        entry = LineEntry(
            line=body.line,
            seq=fact.seq,
            character=body.character,
            name=self._name(body.character, fact.by.name if fact.by.id == body.character else ""),
            turn=body.turn,
            state=LineState.DRAFTING,
            place=fact.place,
            audience=fact.audience,
            at_ms=fact.at_ms,
            by=fact.by,
            mode=body.mode,
            attempt=body.attempt,
            struck=self._struck(fact),
        )
        self.open_lines[body.line] = OpenLine(self.scroll.append(entry), own or self.perceives(fact))
        self._spend_notes(body.character, body.base_seq)

    def _spend_notes(self, character: str, base_seq: int) -> None:
        """Count the line against the notes that it knew of: one given after its `base_seq` waits for the next line."""
        for seq, steering in self.steering.items():
            aimed = steering.note.character in {"", character}
            if steering.limit is not None and aimed and (not base_seq or seq <= base_seq):
                self.steering[seq] = steering.after_line(character)

    def _open(self, line: str) -> tuple[int, bool, LineEntry] | None:
        known = self.open_lines.get(line)
        entry = self.scroll[known.at] if known else None
        return (known.at, known.perceived, entry) if known and isinstance(entry, LineEntry) else None

    def sentence(self, fact: Fact, body: bodies.Spoken) -> None:
        """A newer attempt throws the sentences of the older one away."""
        found = self._open(body.line)
        if found is None or self._dead(fact):
            return
        at, perceived, entry = found
        own = self.reader.is_character and self.reader.member == entry.character
        if not self.story(fact, perceived=own or self.perceives(fact, inherits=perceived)) or body.attempt < entry.attempt:
            return
        new = SentenceEntry(
            seq=fact.seq,
            index=body.index,
            text=body.text,
            tagged=body.tagged,
            emotion=body.emotion,
            intensity=body.intensity,
            manner=body.manner,
            struck=entry.struck or self._struck(fact),
        )
        kept = entry.sentences if body.attempt == entry.attempt else ()
        state = entry.state
        if state is LineState.DRAFTING:
            state = LineState.HELD if entry.mode == "approve" else LineState.SPEAKING
        self.scroll.replace(at, replace(entry, sentences=(*kept, new), attempt=body.attempt, state=state))

    def released(self, _fact: Fact, body: bodies.Released) -> None:
        """The line waits for the floor."""
        if found := self._open(body.line):
            self.scroll.replace(found[0], replace(found[2], state=LineState.QUEUED))

    def rejected(self, _fact: Fact, body: bodies.Rejected) -> None:
        """The line will not be spoken; its `line_closed` follows."""
        if found := self._open(body.line):
            self.scroll.replace(found[0], replace(found[2], state=LineState.REJECTED, reason=body.reason))

    def line_closed(self, _fact: Fact, body: bodies.LineClosed) -> None:
        """The first one settles what was heard; it holds through a retcon, since the line that it ends did end."""
        found = self._open(body.line)
        if found is None:
            return
        state = LineState(body.state) if body.state in set(LineState) else LineState.CUT
        last_seq = 0 if state in _NOTHING_HEARD else body.last_seq
        entry = replace(
            found[2],
            state=state,
            basis=body.basis,
            reason=body.reason or found[2].reason,
            sentences=tuple(heard_up_to(item, last_seq, body.offset) for item in found[2].sentences),
        )
        self.scroll.replace(found[0], entry)
        del self.open_lines[body.line]

    def passed(self, fact: Fact, body: bodies.Passed) -> None:
        """Nobody answers; of interest to the director."""
        if self.reader.oversees and not self._dead(fact):
            self.scroll.append(seen.PassedEntry(seq=fact.seq, turn=body.turn, reason=body.reason, at_ms=fact.at_ms))

    def corrected(self, _fact: Fact, body: bodies.Corrected) -> None:
        """New wording for whatever of that seq the reader knows; for anything else nothing happens."""
        at = position(self.scroll, body.target)
        if at is None:
            return
        match self.scroll[at]:
            case LineEntry() as line:
                sentences = tuple(reworded(item, body.text, body.emotion) if item.seq == body.target else item for item in line.sentences)
                self.scroll.replace(at, replace(line, sentences=sentences))
            case seen.SaidEntry() as entry:
                original = entry.text if entry.original is None else entry.original
                self.scroll.replace(at, replace(entry, text=body.text, original=original))
            case seen.NoteEntry() | seen.WhisperEntry() | seen.SummaryEntry() | seen.RecommendationEntry() as entry:
                self.scroll.replace(at, replace(entry, text=body.text))
                if self.summary is not None and self.summary.seq == body.target:
                    self.summary = replace(self.summary, text=body.text)
        if steering := self.steering.get(body.target):
            self.steering[body.target] = replace(steering, note=replace(steering.note, text=body.text))

    def noted(self, fact: Fact, body: bodies.Noted) -> None:
        """A note takes hold, or takes an earlier one back; steering is the director's work and outlives a retcon."""
        if body.removes:
            self.steering.pop(body.removes, None)
            at = position(self.scroll, body.removes)
            entry = self.scroll[at] if at is not None else None
            if at is not None and isinstance(entry, seen.NoteEntry | seen.RecommendationEntry):
                self.scroll.replace(at, replace(entry, struck=True))
        if not body.text:
            return
        struck = self._struck(fact)
        self.scroll.append(
            seen.NoteEntry(seq=fact.seq, text=body.text, character=body.character, scope=body.scope, turns=body.turns, struck=struck, at_ms=fact.at_ms)
        )
        if not struck:
            limit = 1 if body.scope == "once" else max(1, body.turns) if body.scope == "turns" else None
            self.steering[fact.seq] = Steering(Note(seq=fact.seq, text=body.text, character=body.character, scope=body.scope), limit)

    def recommended(self, fact: Fact, body: bodies.Recommended) -> None:
        """Vanishes with any fact that it rests on."""
        gone = not all(map(self.ledger.stands, body.rests_on)) if body.rests_on else self._dead(fact)
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
                struck=self._struck(fact),
                at_ms=fact.at_ms,
            )
        )

    def recommendation_decided(self, _fact: Fact, body: bodies.RecommendationDecided) -> None:
        """Accepted = steers one line like a note, pinned = until it is rejected or expires."""
        at = self.recommendations.get(body.recommendation)
        entry = self.scroll[at] if at is not None else None
        if at is None or not isinstance(entry, seen.RecommendationEntry):
            return
        entry = replace(entry, state=body.state, text=body.text or entry.text)
        self.scroll.replace(at, entry)
        self.steering.pop(entry.seq, None)
        if body.state in {"accepted", "pinned"} and not entry.struck:
            limit, scope = (1, "once") if body.state == "accepted" else (None, "until_removed")
            self.steering[entry.seq] = Steering(Note(seq=entry.seq, text=entry.text, character=entry.character, scope=scope), limit)

    def summarized(self, fact: Fact, body: bodies.Summarized) -> None:
        """Vanishes with any fact that it covers; a character knows only a digest of what it witnessed itself."""
        gone = not all(map(self.ledger.stands, body.covers)) if body.covers else self._dead(fact)
        if gone or not self.perceives(fact) or not self.knows_all(body.covers):
            return
        entry = seen.SummaryEntry(seq=fact.seq, text=body.text, covers=tuple(body.covers), struck=self._struck(fact), at_ms=fact.at_ms)
        self.summary = self.summary if entry.struck else entry
        self.scroll.append(entry)

    def degraded(self, fact: Fact, body: bodies.Degraded) -> None:
        """People are told; characters are not."""
        if not self.reader.is_character:
            self.scroll.append(
                seen.DegradedEntry(seq=fact.seq, part=body.part, from_engine=body.from_engine, to_engine=body.to_engine, reason=body.reason, at_ms=fact.at_ms)
            )


def position(scroll: Scroll[Entry] | Draft[Entry], seq: int) -> int | None:
    """Where the entry of this fact, or the line with this sentence, stands. Entries are in the order of their seqs, pending ones last."""
    if seq <= 0:
        return None
    low, high = 0, len(scroll)
    while low < high:
        middle = (low + high) // 2
        if 0 < scroll[middle].seq <= seq:
            low = middle + 1
        else:
            high = middle
    for at in range(low - 1, -1, -1):
        entry = scroll[at]
        if entry.seq == seq or (isinstance(entry, LineEntry) and any(item.seq == seq for item in entry.sentences)):
            return at
    return None


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
    Kind.RECOMMENDED: Folding.recommended,
    Kind.RECOMMENDATION_DECIDED: Folding.recommendation_decided,
    Kind.SUMMARIZED: Folding.summarized,
    Kind.ROLLED: Folding.rolled,
    Kind.DEGRADED: Folding.degraded,
}
"""Every kind that changes the view by itself; struck, retconned and erased do so through the ledger."""
