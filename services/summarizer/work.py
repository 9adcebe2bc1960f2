"""What is done for one session: digest, memories, lessons, advice, expiry; each for itself, so that one that fails stops none of the others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from services.core.errors import SouffleurError
from services.core.telemetry import ADVISER_FAILURES
from services.summarizer.digesting import Digesting
from services.summarizer.ground import Ground, Outcome
from services.summarizer.proposing import Proposing
from services.summarizer.record import Backoff, FactSource, Record
from services.summarizer.remembering import Remembering

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Does it. Whatever fails is logged, counted and tried again later; nothing in play waits for any of it."""

    facts: FactSource
    ground: Ground
    digesting: Digesting
    proposing: Proposing
    remembering: Remembering
    remembers: Callable[[], bool]
    """By the settings."""

    async def visit(self, record: Record, *, live: bool) -> None:
        """Whatever is due. `live`: somebody owns the session."""
        passages = await record.passages()
        if record.withdrawn:
            async with self._guarded(record, record.remembering, "memory"):
                await self.remembering.forget(record, passages)
        digested = 0
        async with self._guarded(record, record.condensing, "summary"):
            digested = await self.digesting.digest(record, passages, Outcome(), wanted=False)
            if digested:
                await record.catch_up(self.facts)
                # A model was asked meanwhile: what was taken back or erased since is not to be remembered.
                passages = await record.passages()
        if self.remembers():
            async with self._guarded(record, record.remembering, "memory"):
                await self.remembering.remember(record, passages, digested=bool(digested))
        async with self._guarded(record, record.teaching, "lesson"):
            await self.proposing.teach(record)
        if record.advice_due:
            async with self._guarded(record, record.advising, "advice"):
                await self.proposing.advise(record, passages, wanted=False)
        # Most sessions never have a recommendation, and are asked nothing.
        if live and record.recommended:
            async with self._guarded(record, record.expiring, "expiry"):
                # Models were asked meanwhile, and the director may have decided.
                await record.catch_up(self.facts)
                await self.proposing.expire(record)

    async def wish(self, record: Record, what: str, patience_s: float) -> Outcome:
        """The director wants a digest, advice or both, now; `patience_s` is how long the answer is waited for."""
        outcome = Outcome(until=self.ground.clock.now() + patience_s / 2)
        passages = await record.passages()
        if what in ("summary", "both"):
            outcome.summary = await self.digesting.digest(record, passages, outcome, wanted=True)
            await record.catch_up(self.facts)
        if what in ("advice", "both"):
            if not self.ground.settings().strong:
                outcome.remarks.append("no engine is configured for advice (summarizer.strong)")
            else:
                try:
                    outcome.recommendations = await self.proposing.advise(record, passages, wanted=True)
                except SouffleurError as error:
                    self._failed(record, record.advising, "advice", error)
                    outcome.remarks.append(f"the adviser failed: {error.detail}")
        return outcome

    @asynccontextmanager
    async def _guarded(self, record: Record, backoff: Backoff, purpose: str) -> AsyncIterator[None]:
        """Around one piece of work: what it fails with is noted, and the piece is left alone for a while."""
        try:
            yield
        except SouffleurError as error:
            self._failed(record, backoff, purpose, error)
        except Exception as error:
            # The next piece and the next session must not suffer for it.
            _log.exception("summarizer.broken", session=record.sid, purpose=purpose)
            backoff.failed(self.ground.clock.wall_ms())
            ADVISER_FAILURES.labels(purpose, type(error).__name__).inc()

    def _failed(self, record: Record, backoff: Backoff, purpose: str, error: SouffleurError) -> None:
        backoff.failed(self.ground.clock.wall_ms())
        ADVISER_FAILURES.labels(purpose, error.code).inc()
        _log.warning("summarizer.failed", session=record.sid, purpose=purpose, code=error.code, detail=error.detail, again_at_ms=backoff.until_ms)
