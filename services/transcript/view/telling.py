"""Steps of the fold for the story: what is said, spoken, whispered, rolled."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from services.core.model import facts as bodies
from services.core.model.fact import Fact, LineState
from services.transcript.view import entries as seen
from services.transcript.view.entries import LineEntry, SentenceEntry
from services.transcript.view.heard import heard_up_to
from services.transcript.view.places import Insertion
from services.transcript.view.reader import OVERSEERS, Reader
from services.transcript.view.state import OpenLine, State
from services.transcript.view.steered import Steered

_NOTHING_HEARD: Final = frozenset({LineState.REJECTED, LineState.ABORTED})


class Telling(Steered):
    """What happens at the table."""

    def __init__(self, reader: Reader, state: State) -> None:
        super().__init__(reader, state)
        self.open_lines = dict(state.open_lines)

    def said(self, fact: Fact, body: bodies.Said) -> None:
        """Somebody's words; one's own are known even where the audience forgot one."""
        own = bool(self.reader.member) and fact.by.id == self.reader.member
        if self.dead(fact) or not self.story(fact, perceived=own or self.perceives(fact)):
            return
        self.scroll.append(
            seen.SaidEntry(
                seq=fact.seq,
                member=fact.by.id,
                name=fact.by.name or self.name_of(fact.by.id),
                text=body.text,
                struck=self.struck(fact),
                place=fact.place,
                audience=fact.audience,
                at_ms=fact.at_ms,
                source=body.source,
                utterance=body.utterance,
            )
        )

    def rolled(self, fact: Fact, body: bodies.Rolled) -> None:
        """Dice on the table."""
        if self.dead(fact) or not self.story(fact, perceived=self.perceives(fact)):
            return
        self.scroll.append(
            seen.RollEntry(
                seq=fact.seq,
                member=fact.by.id,
                name=fact.by.name or self.name_of(fact.by.id),
                expression=body.expression,
                total=body.total,
                dice=tuple(body.dice),
                purpose=body.purpose,
                role=fact.by.role,
                struck=self.struck(fact),
                place=fact.place,
                audience=fact.audience,
                at_ms=fact.at_ms,
            )
        )

    def whispered(self, fact: Fact, body: bodies.Whispered) -> None:
        """Reaches its character alone, and only one who is there."""
        member = self.members.get(body.character)
        theirs = self.reader.is_character and self.reader.member == body.character and member is not None and member.present
        if self.dead(fact) or not self.story(fact, perceived=self.reader.oversees or theirs):
            return
        self.scroll.append(seen.WhisperEntry(seq=fact.seq, character=body.character, text=body.text, struck=self.struck(fact), at_ms=fact.at_ms))

    def line_opened(self, fact: Fact, body: bodies.LineOpened) -> None:
        """The entry stands where the line began; it is shown to others once it is known what was heard."""
        if self.dead(fact) or body.line in self.open_lines:
            return
        own = self.reader.is_character and self.reader.member == body.character
        # Digests name it beside its sentences.
        perceived = self.story(fact, perceived=own or self.perceives(fact))
        entry = LineEntry(
            line=body.line,
            seq=fact.seq,
            character=body.character,
            name=self.name_of(body.character, fact.by.name if fact.by.id == body.character else ""),
            turn=body.turn,
            state=LineState.DRAFTING,
            place=fact.place,
            audience=fact.audience,
            at_ms=fact.at_ms,
            by=fact.by,
            mode=body.mode,
            delivery=body.delivery,
            retakes=body.retakes,
            attempt=body.attempt,
            struck=self.struck(fact),
        )
        self.open_lines[body.line] = OpenLine(self.scroll.append(entry), perceived)
        self.spend_notes(body.character, body.base_seq)

    def _open(self, line: str) -> tuple[OpenLine, LineEntry] | None:
        known = self.open_lines.get(line)
        entry = self.scroll[known.at] if known else None
        return (known, entry) if known and isinstance(entry, LineEntry) else None

    def sentence(self, fact: Fact, body: bodies.Spoken) -> None:
        """A newer attempt throws the sentences of the older one away; the first one's are kept for those who compare."""
        found = self._open(body.line)
        if found is None or self.dead(fact):
            return
        known, entry = found
        own = self.reader.is_character and self.reader.member == entry.character
        if not self.story(fact, perceived=own or self.perceives(fact, inherits=known.perceived)) or body.attempt < entry.attempt:
            return
        new = SentenceEntry(
            seq=fact.seq,
            index=body.index,
            text=body.text,
            tagged=body.tagged,
            emotion=body.emotion,
            intensity=body.intensity,
            manner=body.manner,
            struck=entry.struck or self.struck(fact),
        )
        if body.attempt != entry.attempt:
            draft = seen.joined(item.tagged for item in entry.sentences)
            by = fact.by if fact.by.role in OVERSEERS else None
            # The character's own are no other words: they were written once more for others than they were drafted for.
            original = entry.original if by is None or entry.original is not None else draft or None
            entry = replace(entry, sentences=(), attempt=body.attempt, original=original, reworded_by=by)
        state = entry.state
        if state is LineState.DRAFTING:
            state = LineState.HELD if entry.mode == "approve" else LineState.SPEAKING
        self.scroll.replace(known.at, replace(entry, sentences=(*entry.sentences, new), state=state))

    def released(self, fact: Fact, body: bodies.Released) -> None:
        """The line waits for the floor, and stands from now on behind all that was said while it was held.

        It is for those to whom it was released, whoever was there when it was drafted.
        """
        found = self._open(body.line)
        if found is None or found[1].released_seq:
            return
        known, entry = found
        own = self.reader.is_character and self.reader.member == entry.character
        known = replace(known, perceived=own or self.perceives(fact, inherits=known.perceived))
        entry = replace(
            entry,
            state=LineState.QUEUED,
            released_seq=fact.seq,
            at_ms=fact.at_ms,
            audience=entry.audience if fact.audience is None else fact.audience,
            sentences=entry.sentences if known.perceived else (),
        )
        self.open_lines[body.line] = known
        if fact.seq == 0:
            self.scroll.replace(known.at, entry)
        else:
            self.open_lines[body.line] = replace(known, at=self.moved_to_the_end(known.at, entry, fact.seq))

    def rejected(self, _fact: Fact, body: bodies.Rejected) -> None:
        """The line will not be spoken; its `line_closed` follows."""
        if found := self._open(body.line):
            self.scroll.replace(found[0].at, replace(found[1], state=LineState.REJECTED, reason=body.reason))

    def line_closed(self, fact: Fact, body: bodies.LineClosed) -> None:
        """The first one settles what was heard; it holds through a retcon, since the line that it ends did end."""
        found = self._open(body.line)
        if found is None:
            return
        known, entry = found
        state = LineState(body.state) if body.state in set(LineState) else LineState.CUT
        last_seq = 0 if state in _NOTHING_HEARD else body.last_seq
        entry = replace(
            entry,
            state=state,
            basis=body.basis,
            reason=body.reason or entry.reason,
            closed_seq=fact.seq,
            sentences=tuple(heard_up_to(item, last_seq, body.offset) for item in entry.sentences),
            ms=body.ms,
            tokens=tuple(body.tokens),
            cost=body.cost,
            engine=body.engine,
            model=body.model,
        )
        self.scroll.replace(known.at, entry)
        del self.open_lines[body.line]

    def passed(self, fact: Fact, body: bodies.Passed) -> None:
        """Nobody answers; of interest to the director."""
        if self.reader.oversees and not self.dead(fact):
            self.scroll.append(seen.PassedEntry(seq=fact.seq, turn=body.turn, reason=body.reason, at_ms=fact.at_ms))

    def inserted(self, _fact: Fact, _body: bodies.Inserted) -> None:
        """Where it was written it is no part of the story: a run of what was hidden ends there, and whether it is known itself `insert` says."""
        self.hiding = False

    def insert(self, insertion: Insertion) -> None:
        """Take in what was added to the past, where it stands: whoever was there by then knows it."""
        fact = insertion.fact
        if fact.seq in self.ledger.erased or self.dead(fact):
            return
        try:
            body = bodies.body_of(bodies.Inserted, fact.body)
        except ValueError:
            return
        own = bool(self.reader.member) and body.member == self.reader.member and body.block != "action"
        if not (own or self.reaches(insertion.audience)):
            self.missed = self.missed | {fact.seq}
            return
        self.places = {**self.places, fact.seq: insertion.place}
        name = body.name or (self.name_of(body.member) if body.member else "")
        self.scroll.append(self._line(insertion, body, name) if body.block == "line" else self._words(insertion, body, name))

    def _words(self, insertion: Insertion, body: bodies.Inserted, name: str) -> seen.SaidEntry:
        fact = insertion.fact
        return seen.SaidEntry(
            seq=fact.seq,
            member=body.member,
            name=name,
            text=body.text,
            struck=self.struck(fact),
            place=fact.place,
            audience=insertion.audience,
            at_ms=fact.at_ms,
            source="narrated" if body.block == "action" else "typed",
            inserted=True,
        )

    def _line(self, insertion: Insertion, body: bodies.Inserted, name: str) -> LineEntry:
        fact, struck = insertion.fact, self.struck(insertion.fact)
        sentence = SentenceEntry(
            seq=fact.seq,
            index=0,
            text=body.text,
            tagged=body.text,
            emotion=body.emotion,
            intensity=body.intensity,
            manner=body.manner,
            heard="all",
            heard_text=body.text,
            struck=struck,
        )
        return LineEntry(
            line=f"inserted-{fact.seq}",
            seq=fact.seq,
            character=body.member,
            name=name,
            turn=0,
            state=LineState.HEARD,
            closed_seq=fact.seq,
            sentences=(sentence,),
            place=fact.place,
            audience=insertion.audience,
            at_ms=fact.at_ms,
            by=fact.by,
            struck=struck,
            inserted=True,
        )
