"""Writing memories: once for each passage, and gone with what they rest on; anew where that comes back or says something else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from services.core.errors import SouffleurError
from services.summarizer.ground import Ground
from services.summarizer.heard import Passage
from services.summarizer.lease import BudgetSpent, Marks
from services.summarizer.memories import Memories, worth_keeping
from services.summarizer.record import Record
from services.transcript.memory import Memory
from services.transcript.view.state import Ledger

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
        now = self._ground.clock.wall_ms()
        if now < record.remembering.until_ms or not passages:
            return
        if not (digested or record.returned) and now - passages[-1].at_ms < _IDLE_MS:
            return
        mark = max(passage.heard_seq for passage in passages)
        done = await self._marks.remembered(record.sid)
        new = [passage for passage in passages if passage.heard_seq > done or not record.returned.isdisjoint(passage.seqs)]
        kept = 0
        if any(passage.spoken for passage in new):
            kept = await self._memories.add(await self._found(record, new))
            await self._marks.remember(record.sid, max(done, mark))
            record.remembering.succeeded()
            _log.info("summarizer.remembered", session=record.sid, memories=kept, upto=mark)
        if record.returned:
            await self._marks.settle(record.sid, record.looked_over)
            record.returned.clear()

    async def forget(self, record: Record, passages: Sequence[Passage]) -> None:
        """Drop what rests on facts that do not stand or say something else since, and note which of `passages`, all of now, are to be remembered once more."""
        view, sid = record.view, record.sid
        settled = await self._marks.settled(sid)
        if settled > record.looked_over:
            # By another process, or by this one before it was started anew.
            record.looked_over = settled
            record.returned.clear()
        since, stands = record.looked_over, view.state.ledger.stands
        before = await asyncio.to_thread(Ledger.of, [fact for fact in view.state.facts if fact.seq <= since])
        reworded = {target for target, seq in record.corrected.items() if seq > since}
        gone = await self._memories.forget_sources(sid, lambda seq: stands(seq) and seq not in reworded)
        back = {fact.seq for fact in view.state.facts if not before.stands(fact.seq) and stands(fact.seq)}
        # A memory may have rested on more than what has changed.
        again = record.returned.union(back, reworded, *(memory.sources for memory in gone))
        done = await self._marks.remembered(sid)
        record.returned = again.intersection(seq for passage in passages if passage.heard_seq <= done for seq in passage.seqs)
        record.looked_over, record.withdrawn = view.seq, False
        if not record.returned:
            await self._marks.settle(sid, view.seq)
        if gone:
            _log.info("summarizer.forgot", session=sid, memories=len(gone))

    async def _found(self, record: Record, new: Sequence[Passage]) -> list[Memory]:
        """By the light model; by extraction where there is none, where the hour's tokens are spent, or where it has failed too often."""
        try:
            return await worth_keeping(self._ground.counsel(record) if self._ground.settings().light else None, record.sid, record.view, new)
        except SouffleurError as error:
            if not isinstance(error, BudgetSpent) and record.remembering.failures + 1 < _TRIES:
                raise
            return await worth_keeping(None, record.sid, record.view, new)
