"""Following the sessions that play: the archive is asked every second which ones moved, so that nothing on the way of a turn knows of this service."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final, Protocol

import structlog

from services.core.ending import goes_on
from services.core.errors import InvalidRequest, NotFound, Overloaded, SouffleurError
from services.summarizer.ground import Outcome
from services.summarizer.lease import Leases
from services.summarizer.record import FactSource, Record
from services.summarizer.work import Work
from services.transcript.archive import SessionPage, SessionRow

MOST_SESSIONS: Final = 500
"""Sessions followed at a time, the last active ones; one page of the archive has no more."""
MOST_FACTS: Final = 500_000
"""Facts of the sessions followed at a time: what is known of a session weighs as much as it is long."""

_LOOK_S: Final = 1.0
_AGAIN_S: Final = 5.0
"""A session in which nothing moves is looked at this often: time passes there too."""
_FEW: Final = 64
"""Sessions that are asked for first: most archives have no more that play."""
_FRESH_S: Final = 1_800.0
_AT_ONCE: Final = 2
"""Visits at a time."""
_WISHES: Final = 8
_PATIENCE_S: Final = 2.0
"""How long turns are given way to."""
_FAREWELL_S: Final = 5.0
_LEASE_MARGIN_S: Final = 60.0
_HELD_S: Final = 20.0
"""A lease that was taken this long ago still has most of its time: it is not prolonged by every visit."""

_log = structlog.get_logger(__name__)


class Sessions(Protocol):
    """What was played lately: `Archive`."""

    def sessions(self, limit: int = 100, cursor: str | None = None) -> Coroutine[Any, Any, SessionPage]:
        """The last active first."""
        ...


class Facts(FactSource, Protocol):
    """Facts, and who writes them: `TranscriptLog`."""

    def head(self, sid: str) -> Coroutine[Any, Any, int]:
        """The last fact; 0 = none."""
        ...

    def owner(self, sid: str) -> Coroutine[Any, Any, str | None]:
        """The stage that owns it."""
        ...


@dataclass(slots=True)
class _Followed:
    record: Record
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    head: int = 0
    next_s: float = 0.0
    prolong_s: float = 0.0
    """When the lease is to be taken or prolonged."""
    elsewhere: bool = False
    """Another instance has the lease."""
    visit: asyncio.Task[None] | None = None


class Following:
    """One record per session, one visit at a time for each."""

    def __init__(self, sessions: Sessions, facts: Facts, leases: Leases, work: Work, *, look_s: float = _LOOK_S, most_facts: int = MOST_FACTS) -> None:
        """`look_s`: how often it is asked what moved; `most_facts` of the sessions that are followed, more only if the last active one alone has more."""
        self._sessions = sessions
        self._facts = facts
        self._leases = leases
        self._work = work
        self._settings = work.ground.settings
        self._clock = work.ground.clock
        self._calm = work.ground.calm
        self._look_s = look_s
        self._most_facts = most_facts
        self._followed: OrderedDict[str, _Followed] = OrderedDict()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._wishes = 0

    async def run(self) -> None:
        """Until cancelled."""
        failed = False
        while goes_on():
            await asyncio.sleep(self._look_s)
            if not self._settings().enabled:
                continue
            try:
                await self._look()
            except SouffleurError as error:
                if not failed:
                    _log.warning("summarizer.cannot_look", code=error.code, detail=error.detail)
                failed = True
            else:
                failed = False

    async def close(self) -> None:
        """End what runs and give the leases up."""
        visits = [item.visit for item in self._followed.values() if item.visit is not None]
        for visit in visits:
            visit.cancel()
        await asyncio.gather(*visits, return_exceptions=True)
        with suppress(SouffleurError, TimeoutError):
            # Without the store they end by themselves.
            async with asyncio.timeout(_FAREWELL_S):
                for sid in self._followed:
                    await self._leases.release(sid)

    async def wish(self, sid: str, what: str, patience_s: float) -> Outcome:
        """Now, whoever has the lease: what is told twice is written once."""
        if what not in ("summary", "advice", "both"):
            raise InvalidRequest("what is wanted is summary, advice or both")
        if self._wishes >= _WISHES:
            raise Overloaded
        self._wishes += 1
        try:
            await self._calm.wait(_PATIENCE_S)
            found = self._kept(sid)
            async with found.lock:
                await found.record.catch_up(self._facts)
                self._drop(list(self._followed)[: -self._fitting(item.record.view.seq for item in reversed(self._followed.values()))])
                if found.record.view.seq == 0:
                    self._followed.pop(sid, None)
                    raise NotFound("There is no session of that id.")
                return await self._work.wish(found.record, what, patience_s)
        finally:
            self._wishes -= 1

    async def _look(self) -> None:
        fresh = await self._fresh()
        rows, now = fresh[: self._fitting(map(self._weight, fresh))], self._clock.now()
        # Of those that nobody plays any more nothing is kept.
        self._drop(self._followed.keys() - {row.id for row in rows})
        for row in reversed(rows):
            found = self._kept(row.id)
            busy = found.visit is not None and not found.visit.done()
            if not busy and (row.head > found.head or now >= found.next_s):
                found.head, found.next_s = row.head, now + _AGAIN_S
                found.visit = asyncio.create_task(self._visit(found), name=f"summarizer:{row.id}")

    async def _fresh(self) -> list[SessionRow]:
        """Sessions in which something moved lately, the last active first."""
        since_ms = self._clock.wall_ms() - max(_FRESH_S, self._settings().every_s + _FRESH_S) * 1000
        page = await self._sessions.sessions(_FEW)
        if page.next_cursor is not None and page.items[-1].active_at_ms >= since_ms:
            # All at once: what moves between two pages would be in neither.
            page = await self._sessions.sessions(MOST_SESSIONS)
        return [row for row in page.items if row.active_at_ms >= since_ms]

    def _kept(self, sid: str) -> _Followed:
        found = self._followed.get(sid)
        if found is None:
            found = self._followed[sid] = _Followed(Record(sid))
        self._followed.move_to_end(sid)
        return found

    def _weight(self, row: SessionRow) -> int:
        """Facts that are known of it, or will be with the next visit."""
        found = self._followed.get(row.id)
        return found.record.view.seq if found is not None and found.elsewhere else row.head

    def _fitting(self, weights: Iterable[int]) -> int:
        """How many of the sessions that weigh so much are followed, the last active first; that one in any case."""
        sums = accumulate(weights)
        return sum(count == 1 or (count <= MOST_SESSIONS and facts <= self._most_facts) for count, facts in enumerate(sums, 1))

    def _drop(self, sids: Iterable[str]) -> None:
        """Follow these no longer, unless somebody is at work there."""
        for sid in sids:
            waits = self._followed[sid]
            if not waits.lock.locked() and (waits.visit is None or waits.visit.done()):
                del self._followed[sid]

    async def _visit(self, found: _Followed) -> None:
        sid = found.record.sid
        try:
            await self._calm.wait(_PATIENCE_S)
            async with self._slots:
                # A wish lasts as long as its models take: no other session waits for that.
                if not found.lock.locked():
                    async with found.lock:
                        await self._visited(found)
        except SouffleurError as error:
            _log.warning("summarizer.visit_failed", session=sid, code=error.code, detail=error.detail)
            # What is known of it may no longer be what stands in the store.
            self._followed.pop(sid, None)
        except Exception:
            _log.exception("summarizer.visit_broken", session=sid)
            self._followed.pop(sid, None)

    async def _visited(self, found: _Followed) -> None:
        sid = found.record.sid
        if self._clock.now() >= found.prolong_s:
            found.elsewhere = not await self._leases.hold(sid, self._settings().timeout_s + _LEASE_MARGIN_S)
            if found.elsewhere:
                return
            found.prolong_s = self._clock.now() + _HELD_S
        await found.record.catch_up(self._facts)
        live = bool(found.record.recommended) and await self._facts.owner(sid) is not None
        await self._work.visit(found.record, live=live)
