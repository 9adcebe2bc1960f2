"""The wording of one sentence as it is to be spoken now: the fact, with whatever changed it since. Agrees with the director's view."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from services.core.errors import NotFound
from services.core.model.fact import Fact, Kind
from services.core.model.facts import Corrected, Erased, Inserted, LineOpened, Retconned, Spoken, body_of
from services.transcript.view.places import Place
from services.transcript.view.strikes import struck_by


class TakenBack(NotFound):
    """This was to be spoken, and is not any more."""


class Facts(Protocol):
    """The log as this needs it."""

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        """Facts with `after` < seq <= `upto`."""
        ...

    async def one(self, sid: str, seq: int) -> Fact | None:
        """The fact at `seq`."""
        ...


async def spoken(log: Facts, sid: str, seq: int) -> Spoken:
    """The `sentence` at `seq` with its corrections.

    Raises:
        TakenBack: it is struck, retconned or erased, or its line was given other words.
        NotFound: there is none. An inserted line was never to be spoken, so there is none either.
    """
    found = await log.read(sid, after=seq - 1) if seq > 0 else []
    if not found or found[0].kind != Kind.SENTENCE:
        raise NotFound(f"fact {seq} is not a sentence")
    wording = _Wording(log, sid, seq, body_of(Spoken, found[0].body), struck_by(found))
    for fact in found:
        await wording.take(fact)
    if await wording.is_undone():
        raise TakenBack(f"sentence {seq} has been taken back")
    return wording.sentence


class _Wording:
    """A sentence, and what became of it."""

    def __init__(self, log: Facts, sid: str, seq: int, sentence: Spoken, struck: frozenset[int]) -> None:
        self.sentence = sentence
        self._log, self._sid, self._seq = log, sid, seq
        self._struck = struck
        self._undone = set(struck)
        self._instead: set[int] = set()
        """Sentences of a newer attempt at the same line."""
        self._releases: dict[str, int] = {}

    async def take(self, fact: Fact) -> None:
        """One more fact, from the sentence itself onwards."""
        match fact.kind:
            case Kind.CORRECTED:
                self.sentence = _corrected(self.sentence, self._seq, body_of(Corrected, fact.body))
            case Kind.SENTENCE:
                later = body_of(Spoken, fact.body)
                if later.line == self.sentence.line and later.attempt > self.sentence.attempt:
                    self._instead.add(fact.seq)
            case Kind.RELEASED:
                self._releases.setdefault(str(fact.body.get("line")), fact.seq)
            case Kind.RETCONNED if fact.seq not in self._struck:
                await self._take_back(body_of(Retconned, fact.body).to, fact.seq)
            case Kind.ERASED:
                self._undone.update(body_of(Erased, fact.body).seqs)
                self._instead.difference_update(body_of(Erased, fact.body).seqs)

    async def is_undone(self) -> bool:
        """It is not to be spoken."""
        return bool(self._instead) or self._seq in self._undone or await _opens_line(self._log, self._sid, self.sentence.line, self._undone)

    async def _take_back(self, to: int, before: int) -> None:
        point = await self._point(to, before)
        if self._place(self._seq) > point:
            self._undone.add(self._seq)
        self._instead = {seq for seq in self._instead if self._place(seq) <= point}

    def _place(self, seq: int) -> Place:
        """Where a sentence of this line stands by now."""
        release = self._releases.get(self.sentence.line, 0)
        return (release, seq) if seq < release else (seq,)

    async def _point(self, to: int, before: int) -> Place:
        """Where the fact `to` stood when `before` was written; what was released before the sentence does not matter here."""
        behind: list[int] = []
        # A point that lay ahead was nothing yet: what stands there now does not move it.
        while 0 < to < before and (fact := await self._log.one(self._sid, to)) is not None:
            if fact.kind in {Kind.LINE_OPENED, Kind.SENTENCE}:
                release = self._releases.get(str(fact.body.get("line")), 0)
                return (*((release, to) if to < release < before else (to,)), *reversed(behind))
            if fact.kind != Kind.INSERTED or not 0 <= (after := body_of(Inserted, fact.body).after) < to:
                break
            behind.append(to)
            to, before = after, to
        return (to, *reversed(behind))


def _corrected(sentence: Spoken, seq: int, change: Corrected) -> Spoken:
    if change.target != seq:
        return sentence
    feels = change.emotion or change.intensity is not None or change.manner
    worded = sentence if not change.text and feels else replace(sentence, text=change.text, tagged=change.text)
    return replace(
        worded,
        emotion=change.emotion or sentence.emotion,
        intensity=sentence.intensity if change.intensity is None else change.intensity,
        manner=change.manner or sentence.manner,
    )


async def _opens_line(log: Facts, sid: str, line: str, seqs: set[int]) -> bool:
    """One of `seqs` is the opening of the line: then the whole line is meant."""
    for seq in seqs:
        fact = await log.one(sid, seq)
        if fact is not None and fact.kind == Kind.LINE_OPENED and body_of(LineOpened, fact.body).line == line:
            return True
    return False
