"""What is done for one session: digest, memories, lessons, advice, expiry; each for itself, so that one that fails stops none of the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.core.clock import Clock
from services.core.errors import SouffleurError
from services.core.model.facts import Recommended
from services.core.settings import SummarizerSettings
from services.core.telemetry import ADVISER_FAILURES, DIGESTS
from services.summarizer.advise import advised
from services.summarizer.asking import Counsel, Models
from services.summarizer.condense import condensed, extracted
from services.summarizer.digest import Gap, due, gap, key_of, standing
from services.summarizer.heard import Passage, characters, knows
from services.summarizer.lease import BudgetSpent, Marks
from services.summarizer.memories import Memories, worth_keeping
from services.summarizer.record import Backoff, FactSource, Record
from services.summarizer.teaching import lessons
from services.summarizer.teller import Teller
from services.transcript.view import RecommendationEntry

_CALM_MS: Final = 2_000
"""After the past was changed: whoever changes it usually goes on for a moment."""
_IDLE_MS: Final = 90_000
"""A table that has been silent for so long is remembered without waiting for a digest."""
_TRIES: Final = 3
"""After so many failures of the light model a digest is extracted."""
_ADVISED: Final = 4
"""Characters who are advised one by one."""
_GROUPS: Final = 4
"""Digests for characters who did not witness everything, at one time."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Outcome:
    """What the director's wish came to."""

    summary: int = 0
    recommendations: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    patience_s: float = float("inf")
    """How long whoever wished for it waits for a digest; then it is extracted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Does it. Whatever fails is logged, counted and tried again later; nothing in play waits for any of it."""

    facts: FactSource
    teller: Teller
    models: Models
    marks: Marks
    memories: Memories
    remembers: Callable[[], bool]
    """By the settings."""
    settings: Callable[[], SummarizerSettings]
    clock: Clock

    async def visit(self, record: Record, *, live: bool) -> None:
        """Whatever is due. `live`: somebody owns the session."""
        passages = await record.passages()
        if record.withdrawn:
            async with self._guarded(record, record.remembering, "memory"):
                await self._forget(record)
        digested = 0
        async with self._guarded(record, record.condensing, "summary"):
            digested = await self._digest(record, passages, Outcome(), wanted=False)
            if digested:
                await record.catch_up(self.facts)
        if self.remembers():
            async with self._guarded(record, record.remembering, "memory"):
                await self._remember(record, passages, digested=bool(digested))
        async with self._guarded(record, record.teaching, "lesson"):
            await self._teach(record)
        if record.advice_due:
            async with self._guarded(record, record.advising, "advice"):
                await self._advise(record, passages, wanted=False)
        if live:
            async with self._guarded(record, record.expiring, "expiry"):
                await self._expire(record)

    async def wish(self, record: Record, what: str, patience_s: float) -> Outcome:
        """The director wants a digest, advice or both, now; `patience_s` is how long the answer is waited for."""
        outcome = Outcome(patience_s=patience_s / 2)
        passages = await record.passages()
        if what in ("summary", "both"):
            outcome.summary = await self._digest(record, passages, outcome, wanted=True)
            await record.catch_up(self.facts)
        if what in ("advice", "both"):
            if not self.settings().strong:
                outcome.remarks.append("no engine is configured for advice (summarizer.strong)")
            else:
                try:
                    outcome.recommendations = await self._advise(record, passages, wanted=True)
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
            backoff.failed(self.clock.wall_ms())
            ADVISER_FAILURES.labels(purpose, type(error).__name__).inc()

    def _failed(self, record: Record, backoff: Backoff, purpose: str, error: SouffleurError) -> None:
        backoff.failed(self.clock.wall_ms())
        ADVISER_FAILURES.labels(purpose, error.code).inc()
        _log.warning("summarizer.failed", session=record.sid, purpose=purpose, code=error.code, detail=error.detail, again_at_ms=backoff.until_ms)

    async def _digest(self, record: Record, passages: Sequence[Passage], outcome: Outcome, *, wanted: bool) -> int:
        """The table's digest, and one for every set of characters who did not witness all of it. Seq of the table's; 0 = nothing to do."""
        now, settings = self.clock.wall_ms(), self.settings()
        digests = standing(record.view, record.corrected, record.made_at)
        missing = gap(digests, passages)
        lost = bool(record.last_digest) and all(entry.seq != record.last_digest for entry in digests) and now - record.rewritten_ms >= _CALM_MS
        speaks = any(passage.spoken for passage in missing.new)
        if not missing.new or not (wanted or due(missing, settings, now) or (lost and speaks)):
            if wanted:
                outcome.remarks.append("nothing was said since the last digest")
            return 0
        if not wanted and now < record.condensing.until_ms:
            return 0
        for known in self._narrower(record, passages, missing):
            partial = gap(digests, [passage for passage in passages if known.issuperset(passage.seqs)], known)
            if any(passage.spoken for passage in partial.new):
                await self._made(record, partial, passages, outcome, wanted=wanted)
        # The whole one last: whoever witnessed everything goes by the newest that it may know.
        seq = await self._made(record, missing, passages, outcome, wanted=wanted)
        record.advice_due = bool(settings.strong)
        return seq

    def _narrower(self, record: Record, passages: Sequence[Passage], missing: Gap) -> list[frozenset[int]]:
        """What those characters know who did not witness all that the table's digest covers."""
        covers = frozenset(missing.covers)
        known = (frozenset(seq for passage in passages if knows(passage, member) for seq in passage.seqs) for member in characters(record.view.members))
        return sorted({seqs for seqs in known if seqs and not covers <= seqs}, key=len)[-_GROUPS:]

    async def _made(self, record: Record, missing: Gap, passages: Sequence[Passage], outcome: Outcome, *, wanted: bool) -> int:
        base = record.view.seq
        text, by = await self._text(record, missing, outcome, wanted=wanted)
        seq = await self.teller.digest(record.sid, key_of(missing.covers, passages), text, missing.covers)
        record.made_at[seq] = base
        record.condensing.succeeded()
        DIGESTS.labels(by).inc()
        _log.info("summarizer.digest", session=record.sid, seq=seq, covers=len(missing.covers), new=len(missing.new), by=by)
        return seq

    async def _text(self, record: Record, missing: Gap, outcome: Outcome, *, wanted: bool) -> tuple[str, str]:
        """By the light model; by extraction where there is none, where the hour's tokens are spent, or where it has failed too often."""
        settings = self.settings()
        if settings.light:
            try:
                async with asyncio.timeout(None if outcome.patience_s == float("inf") else outcome.patience_s):
                    return await condensed(self._counsel(record), missing, record.view.language), "model"
            except TimeoutError:
                outcome.remarks.append("the light model took too long, so this is an extract")
            except BudgetSpent as error:
                _log.info("summarizer.budget_spent", session=record.sid)
                outcome.remarks.append(error.detail)
            except SouffleurError as error:
                if not wanted and record.condensing.failures + 1 < _TRIES:
                    raise
                ADVISER_FAILURES.labels("summary", error.code).inc()
                _log.warning("summarizer.extracts_instead", session=record.sid, code=error.code, detail=error.detail)
                outcome.remarks.append(f"the light model failed, so this is an extract: {error.detail}")
        return await extracted(missing), "extract"

    def _counsel(self, record: Record) -> Counsel:
        return Counsel(self.models, record.sid, self.settings())

    async def _advise(self, record: Record, passages: Sequence[Passage], *, wanted: bool) -> list[str]:
        now = self.clock.wall_ms()
        if (now < record.advising.until_ms and not wanted) or not self.settings().strong:
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
        accepts = self.settings().accepts
        present = characters(record.view.members)[:_ADVISED] if accepts else [None]
        told: list[str] = []
        for only in present:
            proposals = await advised(self._counsel(record), record.view, passages, now, only)
            by_itself = accepts if only else ()
            told += [item.recommendation for item in proposals if await self._propose(record, item, accepted=item.category in by_itself)]
        return told

    async def _propose(self, record: Record, proposal: Recommended, *, accepted: bool) -> bool:
        if proposal.recommendation in record.recommended:
            return False
        new = await self.teller.recommend(record.sid, proposal)
        record.recommended.add(proposal.recommendation)
        if new and accepted:
            await self.teller.decide(record.sid, proposal.recommendation, "accepted")
        return new

    async def _teach(self, record: Record) -> None:
        now, settings = self.clock.wall_ms(), self.settings()
        if not record.drafts.waiting or now < record.teaching.until_ms:
            return
        counsel = self._counsel(record) if settings.light and now >= record.condensing.until_ms else None
        async for lesson, proposal in lessons(counsel, record, now + round(settings.expires_s * 1000)):
            if proposal is not None:
                # Made from its own line and from what the director put there.
                await self._propose(record, proposal, accepted="lesson" in settings.accepts)
            record.drafts.waiting.remove(lesson)
        record.teaching.succeeded()

    async def _remember(self, record: Record, passages: Sequence[Passage], *, digested: bool) -> None:
        now, settings = self.clock.wall_ms(), self.settings()
        if now < record.remembering.until_ms or not passages:
            return
        last = passages[-1]
        if not digested and now - last.at_ms < _IDLE_MS:
            return
        mark = max(last.seqs)
        done = await self.marks.get(record.sid)
        new = [passage for passage in passages if passage.seqs[0] > done]
        if not any(passage.spoken for passage in new):
            return
        try:
            found = await worth_keeping(self._counsel(record) if settings.light else None, record.sid, record.view, new)
        except SouffleurError as error:
            if not isinstance(error, BudgetSpent) and record.remembering.failures + 1 < _TRIES:
                raise
            found = await worth_keeping(None, record.sid, record.view, new)
        kept = await self.memories.add(found)
        await self.marks.set(record.sid, mark)
        record.remembering.succeeded()
        _log.info("summarizer.remembered", session=record.sid, memories=kept, upto=mark)

    async def _forget(self, record: Record) -> None:
        gone = await self.memories.forget_sources(record.sid, record.view.state.ledger.stands)
        record.withdrawn = False
        if gone:
            _log.info("summarizer.forgot", session=record.sid, memories=gone)

    async def _expire(self, record: Record) -> None:
        now = self.clock.wall_ms()
        if now < record.expiring.until_ms:
            return
        for entry in record.view.entries:
            late = isinstance(entry, RecommendationEntry) and entry.state == "proposed" and 0 < entry.expires_at_ms <= now
            if isinstance(entry, RecommendationEntry) and late and not entry.struck and entry.recommendation not in record.expired:
                await self.teller.decide(record.sid, entry.recommendation, "expired")
                record.expired.add(entry.recommendation)
        record.expiring.succeeded()
