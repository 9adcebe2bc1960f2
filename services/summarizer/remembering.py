"""Writing memories: once for each passage, and gone with what they rest on; anew where that comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from services.core.errors import SouffleurError
from services.summarizer.ground import Ground
from services.summarizer.heard import Passage
from services.summarizer.lease import BudgetSpent, Marks
from services.summarizer.memories import Memories, worth_keeping
from services.summarizer.record import Record

_IDLE_MS: Final = 90_000
"""A table that has been silent for so long is remembered without waiting for a digest."""
_TRIES: Final = 3
"""After so many failures of the light model memories are extracted."""

_log = structlog.get_logger(__name__)


class Remembering:
    """Keeps and forgets."""

    def __init__(self, ground: Ground, memories: Memories, marks: Marks) -> None:
        """`marks` say how far each session is remembered."""
        self._ground = ground
        self._memories = memories
        self._marks = marks

    async def remember(self, record: Record, passages: Sequence[Passage], *, digested: bool) -> None:
        """Keep what was heard since the last time, if a digest was made of it or the table has fallen silent; at once what is back."""
        now, settings = self._ground.clock.wall_ms(), self._ground.settings()
        if now < record.remembering.until_ms or not passages:
            return
        last = passages[-1]
        back = {passage.seqs for passage in passages if not record.returned.isdisjoint(passage.seqs)}
        if not (digested or back) and now - last.at_ms < _IDLE_MS:
            return
        mark = max(passage.heard_seq for passage in passages)
        done = await self._marks.get(record.sid)
        new = [passage for passage in passages if passage.heard_seq > done or passage.seqs in back]
        if not any(passage.spoken for passage in new):
            return
        try:
            found = await worth_keeping(self._ground.counsel(record) if settings.light else None, record.sid, record.view, new)
        except SouffleurError as error:
            if not isinstance(error, BudgetSpent) and record.remembering.failures + 1 < _TRIES:
                raise
            found = await worth_keeping(None, record.sid, record.view, new)
        kept = await self._memories.add(found)
        await self._marks.set(record.sid, max(done, mark))
        record.returned.clear()
        record.remembering.succeeded()
        _log.info("summarizer.remembered", session=record.sid, memories=kept, upto=mark)

    async def forget(self, record: Record) -> None:
        """Drop what rests on facts that do not stand, and note which of those stand again on which it was dropped before."""
        ledger, before = record.view.state.ledger, record.looked_over
        gone = await self._memories.forget_sources(record.sid, ledger.stands)
        record.returned.update(fact.seq for fact in record.view.state.facts if not before.stands(fact.seq) and ledger.stands(fact.seq))
        record.looked_over, record.withdrawn = ledger, False
        if gone:
            _log.info("summarizer.forgot", session=record.sid, memories=gone)
