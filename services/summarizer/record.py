"""What the service knows of one session: the director's view, moved forward by reading only what is new, and what is to be done about it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from services.core.model.fact import Fact, Kind
from services.core.telemetry import RECOMMENDATIONS
from services.summarizer.heard import Heard, Passage
from services.summarizer.lessons import Drafts
from services.transcript.view import DIRECTOR, View, fold
from services.transcript.view.state import REWRITING

_PAGE: Final = 200
_FEW: Final = 20
_DECISIONS: Final = frozenset({"accepted", "pinned", "rejected", "expired"})


class FactSource(Protocol):
    """Where facts are read: `TranscriptLog`, with the archive behind it."""

    def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> Coroutine[Any, Any, list[Fact]]:
        """Facts with `after` < seq <= `upto`, at most `limit`."""
        ...


@dataclass(slots=True)
class Backoff:
    """When something that failed is tried again."""

    failures: int = 0
    until_ms: int = 0

    def failed(self, now_ms: int) -> None:
        """Wait longer each time: 5 s, 15 s, 45 s ... up to ten minutes."""
        self.until_ms = now_ms + min(600_000, 5_000 * 3**self.failures)
        self.failures = min(self.failures + 1, 10)

    def succeeded(self) -> None:
        """Begin anew."""
        self.failures = self.until_ms = 0


@dataclass(slots=True)
class Record:
    """One followed session."""

    sid: str
    view: View = field(default_factory=lambda: fold((), DIRECTOR))
    corrected: dict[int, int] = field(default_factory=dict)
    """Fact -> the last correction of its wording."""
    made_at: dict[int, int] = field(default_factory=dict)
    """Digest made here -> the last fact that was known then."""
    last_digest: int = 0
    """Seq of the newest digest that was ever told."""
    recommended: set[str] = field(default_factory=set)
    """Every recommendation that was ever told."""
    heard: Heard = field(default_factory=Heard)
    drafts: Drafts = field(default_factory=Drafts)
    rewritten_ms: int = 0
    """When the past was last changed."""
    withdrawn: bool = False
    """Facts were struck, retconned, erased or reworded, or stand again, since memories were last looked over."""
    looked_over: int = 0
    """The last fact that was known when memories were last looked over."""
    returned: set[int] = field(default_factory=set)
    """Facts of passages that are to be remembered once more: they had been undone then and stand again, or say something else."""
    advice_due: bool = False
    """There is a digest that the adviser has not seen."""
    condensing: Backoff = field(default_factory=Backoff)
    advising: Backoff = field(default_factory=Backoff)
    remembering: Backoff = field(default_factory=Backoff)
    teaching: Backoff = field(default_factory=Backoff)
    expiring: Backoff = field(default_factory=Backoff)
    expired: set[str] = field(default_factory=set)
    """Recommendations whose end was told from here."""

    async def catch_up(self, source: FactSource) -> None:
        """Read what is new. Gives way between pages: a table may be playing in the same process."""
        began = self.view.seq
        while page := await source.read(self.sid, self.view.seq, limit=_PAGE):
            if len(page) > _FEW or any(fact.kind in REWRITING for fact in page):
                # The one step whose cost grows with the session: the loop goes on meanwhile.
                await asyncio.to_thread(self.take, page)
            else:
                self.take(page)
            if began:
                _count(page)
            if len(page) < _PAGE:
                return
            await asyncio.sleep(0)

    async def passages(self) -> list[Passage]:
        """What was heard."""
        return await asyncio.to_thread(self.heard.of, self.view)

    def take(self, facts: Sequence[Fact]) -> None:
        """Move the view forward and keep the accounts."""
        self.view = self.view.advance(facts)
        for fact in facts:
            reworded = self.drafts.take(fact)
            if fact.kind in REWRITING:
                self.withdrawn, self.rewritten_ms = True, fact.at_ms
                # What was corrected says what it said before.
                gone = frozenset(fact.body.get("seqs") or ()) if fact.kind == Kind.ERASED else frozenset()
                self.corrected |= {target: fact.seq for target, seq in self.corrected.items() if seq in gone}
            elif fact.kind == Kind.CORRECTED and reworded and isinstance(target := fact.body.get("target"), int):
                self.corrected[target], self.rewritten_ms, self.withdrawn = fact.seq, fact.at_ms, True
            elif fact.kind == Kind.SUMMARIZED and fact.body.get("covers"):
                self.last_digest = fact.seq
            elif fact.kind == Kind.RECOMMENDED:
                self.recommended.add(str(fact.body.get("recommendation")))


def _count(facts: Sequence[Fact]) -> None:
    for fact in facts:
        if fact.kind == Kind.RECOMMENDATION_DECIDED and (state := fact.body.get("state")) in _DECISIONS:
            RECOMMENDATIONS.labels(state).inc()
