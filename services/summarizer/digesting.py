"""Making digests: when one is due, of what, for whom, and by whom."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from services.core.errors import SouffleurError
from services.core.telemetry import ADVISER_FAILURES, DIGESTS
from services.summarizer.condense import condensed, extracted
from services.summarizer.digest import Gap, due, gap, key_of, standing
from services.summarizer.ground import Ground, Outcome
from services.summarizer.heard import Passage, characters, knows
from services.summarizer.lease import BudgetSpent
from services.summarizer.record import Record
from services.transcript.view import SummaryEntry

_CALM_MS: Final = 2_000
"""After the past was changed: whoever changes it usually goes on for a moment."""
_TRIES: Final = 3
"""After so many failures of the light model a digest is extracted."""
_GROUPS: Final = 4
"""Digests for characters who did not witness everything, at one time."""

_log = structlog.get_logger(__name__)


class Digesting:
    """Condenses what was heard."""

    def __init__(self, ground: Ground) -> None:
        """Digests are told to the owner."""
        self._ground = ground

    async def digest(self, record: Record, passages: Sequence[Passage], outcome: Outcome, *, wanted: bool) -> int:
        """The table's digest, and one for every set of characters who did not witness all of it. Seq of the table's; 0 = nothing to do."""
        now, settings = self._ground.clock.wall_ms(), self._ground.settings()
        digests = standing(record.view, record.corrected, record.made_at)
        missing = gap(digests, passages)
        if wanted:
            await self._shared(record, digests, passages, outcome)
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

    async def _shared(self, record: Record, digests: Sequence[SummaryEntry], passages: Sequence[Passage], outcome: Outcome) -> None:
        """One of what every character here knows, where not all of them know everything: what may be told to a whole cast later."""
        known = self._known(record, passages)
        shared = frozenset.intersection(*known) if known else frozenset()
        missing = gap(digests, passages)
        if all(shared.issuperset(passage.seqs) for passage in passages) or (missing.new and shared in self._narrower(record, passages, missing)):
            # The table's, or one of those that are made beside it.
            return
        partial = gap(digests, [passage for passage in passages if shared.issuperset(passage.seqs)], shared)
        if any(passage.spoken for passage in partial.new):
            await self._made(record, partial, passages, outcome, wanted=True)

    def _known(self, record: Record, passages: Sequence[Passage]) -> list[frozenset[int]]:
        """What each character here knows of it."""
        return [frozenset(seq for passage in passages if knows(passage, member) for seq in passage.seqs) for member in characters(record.view.members)]

    def _narrower(self, record: Record, passages: Sequence[Passage], missing: Gap) -> list[frozenset[int]]:
        """What those characters know who did not witness all that the table's digest covers."""
        covers = frozenset(missing.covers)
        return sorted({seqs for seqs in self._known(record, passages) if seqs and not covers <= seqs}, key=len)[-_GROUPS:]

    async def _made(self, record: Record, missing: Gap, passages: Sequence[Passage], outcome: Outcome, *, wanted: bool) -> int:
        base = record.view.seq
        text, by = await self._text(record, missing, outcome, wanted=wanted)
        seq = await self._ground.teller.digest(record.sid, key_of(missing.covers, passages, record.corrected), text, missing.covers)
        record.made_at[seq] = base
        record.condensing.succeeded()
        DIGESTS.labels(by).inc()
        _log.info("summarizer.digest", session=record.sid, seq=seq, covers=len(missing.covers), new=len(missing.new), by=by)
        return seq

    async def _text(self, record: Record, missing: Gap, outcome: Outcome, *, wanted: bool) -> tuple[str, str]:
        """By the light model; by extraction where there is none, where the hour's tokens are spent, or where it has failed too often."""
        settings = self._ground.settings()
        if settings.light:
            try:
                async with asyncio.timeout(None if outcome.until is None else max(0.0, outcome.until - self._ground.clock.now())):
                    return await condensed(self._ground.counsel(record), missing, record.view.language), "model"
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
