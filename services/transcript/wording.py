"""The wording of one sentence as it is to be spoken now: the fact, with whatever changed it since."""

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
    acts = _in_force(seq, found[1:])
    targets = {target for act in acts if act.kind == Kind.STRUCK for target in body_of(Struck, act.body).targets}
    if seq in targets or await _strikes_line(log, sid, sentence.line, targets):
        raise NotFound(f"sentence {seq} is struck")
    for act in acts:
        if act.kind == Kind.CORRECTED and act.seq not in targets:
            change = body_of(Corrected, act.body)
            if change.target == seq:
                sentence = replace(sentence, text=change.text, tagged=change.text, emotion=change.emotion or sentence.emotion)
    return sentence


def _in_force(seq: int, later: list[Fact]) -> list[Fact]:
    """Corrections and strikes after `seq` that no retcon took back."""
    acts: list[Fact] = []
    for fact in later:
        if fact.kind == Kind.RETCONNED:
            to = body_of(Retconned, fact.body).to
            if to < seq:
                raise NotFound(f"sentence {seq} was retconned")
            acts = [act for act in acts if act.seq <= to]
        elif fact.kind == Kind.ERASED and seq in body_of(Erased, fact.body).seqs:
            raise NotFound(f"sentence {seq} was erased")
        elif fact.kind in (Kind.CORRECTED, Kind.STRUCK):
            acts.append(fact)
    return acts


async def _strikes_line(log: Facts, sid: str, line: str, targets: set[int]) -> bool:
    for target in targets:
        fact = await log.one(sid, target)
        if fact is not None and fact.kind == Kind.LINE_OPENED and body_of(LineOpened, fact.body).line == line:
            return True
    return False
