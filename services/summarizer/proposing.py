"""Making proposals: advice from the strong engines, lessons from the director's corrections; and their end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from services.core.model.facts import Recommended
from services.summarizer.advise import advised
from services.summarizer.ground import Ground
from services.summarizer.heard import Passage, characters
from services.summarizer.lease import BudgetSpent
from services.summarizer.record import Record
from services.summarizer.teaching import lessons
from services.transcript.view import RecommendationEntry

_ADVISED: Final = 4
"""Characters who are advised one by one."""

_log = structlog.get_logger(__name__)


class Proposing:
    """Brings recommendations to the desk."""

    def __init__(self, ground: Ground) -> None:
        """Proposals are told to the owner; the director decides."""
        self._ground = ground

    async def advise(self, record: Record, passages: Sequence[Passage], *, wanted: bool) -> list[str]:
        """Ask the strong engines; ids of what is new."""
        now = self._ground.clock.wall_ms()
        if (now < record.advising.until_ms and not wanted) or not self._ground.settings().strong:
            return []
        try:
            told = await self._proposed(record, passages, now)
        except BudgetSpent:
            # The hour goes on: the next digest asks again.
            record.advice_due = False
            raise
        record.advice_due = False
        record.advising.succeeded()
        _log.info("summarizer.advice", session=record.sid, proposals=len(told))
        return told

    async def _proposed(self, record: Record, passages: Sequence[Passage], now: int) -> list[str]:
        """Where kinds are accepted by themselves nobody looks before a proposal steers: each character's is made from what it knows itself."""
        accepts = self._ground.settings().accepts
        present = characters(record.view.members)[:_ADVISED] if accepts else [None]
        told: list[str] = []
        for only in present:
            proposals = await advised(self._ground.counsel(record), record.view, passages, now, only)
            by_itself = accepts if only else ()
            told += [item.recommendation for item in proposals if await self._propose(record, item, accepted=item.category in by_itself)]
        return told

    async def _propose(self, record: Record, proposal: Recommended, *, accepted: bool) -> bool:
        if proposal.recommendation in record.recommended:
            return False
        new = await self._ground.teller.recommend(record.sid, proposal)
        record.recommended.add(proposal.recommendation)
        if new and accepted:
            await self._ground.teller.decide(record.sid, proposal.recommendation, "accepted")
        return new

    async def teach(self, record: Record) -> None:
        """Propose what the director's corrections teach."""
        now, settings = self._ground.clock.wall_ms(), self._ground.settings()
        if not record.drafts.waiting or now < record.teaching.until_ms:
            return
        counsel = self._ground.counsel(record) if settings.light and now >= record.condensing.until_ms else None
        async for lesson, proposal in lessons(counsel, record, now + round(settings.expires_s * 1000)):
            if proposal is not None:
                # Made from its own line and from what the director put there.
                await self._propose(record, proposal, accepted="lesson" in settings.accepts)
            record.drafts.waiting.remove(lesson)
        record.teaching.succeeded()

    async def expire(self, record: Record) -> None:
        """Drop what nobody decided on."""
        now = self._ground.clock.wall_ms()
        if now < record.expiring.until_ms or not record.recommended:
            return
        for entry in record.view.entries:
            late = isinstance(entry, RecommendationEntry) and entry.state == "proposed" and 0 < entry.expires_at_ms <= now
            if isinstance(entry, RecommendationEntry) and late and not entry.struck and entry.recommendation not in record.expired:
                await self._ground.teller.decide(record.sid, entry.recommendation, "expired")
                record.expired.add(entry.recommendation)
        record.expiring.succeeded()
