"""What is left of a line that was cut while it was being spoken, so that it can be said after all."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from ulid import ULID

from services.core.model.fact import Basis, LineState
from services.core.model.facts import Corrected
from services.core.model.reply import Sentence
from services.stage.backstage import Backstage
from services.stage.conductor import Line
from services.stage.degradation import Degradation
from services.stage.drafting import Drafting
from services.stage.order import Timing
from services.stage.ordering import hearers
from services.stage.sight import Sight
from services.stage.turns import written_seq

Changes = Mapping[int, Corrected | None]
"""Sentence -> its new wording; None = it is struck."""
Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]
"""Runs a task of this name."""


def unheard(line: Line, stands: Callable[[int], bool], changes: Changes | None = None) -> list[Sentence]:
    """What nobody heard of it and still `stands`, as it is to be said now; of the sentence in which it was cut, its rest, or all of its new wording."""
    last_seq, offset = line.heard_to
    rest: list[Sentence] = []
    for sentence, written in zip(line.drafting.given, line.drafting.facts[1:], strict=False):
        seq = written_seq(written)
        if seq and not stands(seq):
            continue
        if seq and changes is not None and seq in changes:
            change = changes[seq]
            if change is not None:
                rest.append(_reworded(sentence, change))
        elif not seq or seq > last_seq:
            rest.append(sentence)
        elif seq == last_seq and (text := sentence.text[offset:].strip()):
            rest.append(replace(sentence, text=text, tagged=text))
    return rest


def standing(drafting: Drafting, sight: Sight) -> list[Sentence]:
    """All its words as they are to be said now: without what was struck, and what was corrected as corrected."""
    words: list[Sentence] = []
    for sentence, written in zip(drafting.given, drafting.facts[1:], strict=False):
        seq = written_seq(written)
        if seq and not sight.stands(seq):
            continue
        now = sight.sentence(seq)
        words.append(
            sentence if now is None else replace(sentence, text=now.text, tagged=now.tagged, emotion=now.emotion, intensity=now.intensity, manner=now.manner)
        )
    return words


def _reworded(sentence: Sentence, change: Corrected) -> Sentence:
    return replace(
        sentence,
        text=change.text or sentence.text,
        tagged=change.text or sentence.tagged,
        emotion=change.emotion or sentence.emotion,
        intensity=sentence.intensity if change.intensity is None else change.intensity,
        manner=change.manner or sentence.manner,
    )


class Remainders:
    """Lines of one place that were cut for a correction and go on as lines of their own, before anything else."""

    def __init__(self, backstage: Backstage, degradation: Degradation, spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]) -> None:
        """`spawn` runs a task as long as the place is there."""
        self._backstage = backstage
        self._degradation = degradation
        self._spawn = spawn
        self._waiting: deque[Drafting] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, line: Line, changes: Changes) -> None:
        """What is left of a line that was just cut, as corrected."""
        rest = unheard(line, self._backstage.sight.stands, changes)
        if not rest and line.drafting.complete:
            return
        old = line.order
        audience = hearers(old, self._backstage)
        order = replace(old, line=str(ULID()), audience=audience, timing=Timing(asked=self._backstage.clock.now()), retakes=old.line)
        drafting = Drafting(order, line.drafting.feed, self._backstage, self._degradation)
        drafting.task = self._spawn(drafting.continued(rest, line.drafting.rest()), "draft")
        self._waiting.append(drafting)

    def take(self) -> Drafting:
        """The next one."""
        return self._waiting.popleft()

    def give_up(self, reason: str, which: Callable[[Drafting], bool] = bool) -> None:
        """These are not said any more; without `which` none is."""
        for drafting in [drafting for drafting in self._waiting if which(drafting)]:
            self._waiting.remove(drafting)
            drafting.stop()
            drafting.close(LineState.ABORTED, (0, 0), Basis.DELIVERED, reason)
