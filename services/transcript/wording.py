"""The wording of one sentence as it is to be spoken now: the fact, with whatever changed it since. Agrees with the director's view."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from services.core.errors import NotFound
from services.core.model.fact import Fact, Kind
from services.core.model.facts import Corrected, Erased, LineOpened, Retconned, Spoken, Struck, body_of


class Facts(Protocol):
    """The log as this needs it."""

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        """Facts with `after` < seq <= `upto`."""
        ...

    async def one(self, sid: str, seq: int) -> Fact | None:
        """The fact at `seq`."""
        ...


async def spoken(log: Facts, sid: str, seq: int) -> Spoken:
    """The `sentence` at `seq` with its corrections. Raises `NotFound` if there is none, or if it is struck, retconned or erased."""
    found = await log.read(sid, after=seq - 1) if seq > 0 else []
    if not found or found[0].kind != Kind.SENTENCE:
        raise NotFound(f"fact {seq} is not a sentence")
    sentence = body_of(Spoken, found[0].body)
    undone: set[int] = set()
    for fact in found[1:]:
        if fact.kind == Kind.CORRECTED:
            sentence = _corrected(sentence, seq, body_of(Corrected, fact.body))
        elif fact.kind == Kind.RETCONNED and body_of(Retconned, fact.body).to < seq:
            undone.add(seq)
        elif fact.kind == Kind.STRUCK:
            undone.update(body_of(Struck, fact.body).targets)
        elif fact.kind == Kind.ERASED:
            undone.update(body_of(Erased, fact.body).seqs)
    if seq in undone or await _opens_line(log, sid, sentence.line, undone):
        raise NotFound(f"sentence {seq} has been taken back")
    return sentence


def _corrected(sentence: Spoken, seq: int, change: Corrected) -> Spoken:
    if change.target != seq:
        return sentence
    return replace(sentence, text=change.text, tagged=change.text, emotion=change.emotion or sentence.emotion)


async def _opens_line(log: Facts, sid: str, line: str, seqs: set[int]) -> bool:
    """One of `seqs` is the opening of the line: then the whole line is meant."""
    for seq in seqs:
        fact = await log.one(sid, seq)
        if fact is not None and fact.kind == Kind.LINE_OPENED and body_of(LineOpened, fact.body).line == line:
            return True
    return False
