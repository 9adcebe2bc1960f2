"""The sessions that this stage owns: claimed on first touch, kept by renewing, released when idle, given up when somebody else took them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

import structlog
from ulid import ULID

from services.core.ending import goes_on
from services.core.errors import Conflict, NotFound, NotOwner, Recovering, SouffleurError, StaleFence
from services.core.model.attachment import OpenRequest, OpenResponse
from services.core.model.fact import Author, Basis, Draft, Fact, Kind, LineState
from services.core.model.facts import LineClosed, Passed, fields_of
from services.core.runtime import Runtime
from services.core.telemetry import SESSIONS
from services.stage.backstage import Backstage
from services.stage.door import SEAT_KEPT_S, Door
from services.stage.opening import opening_facts
from services.stage.roster import Roster
from services.stage.session import Session
from services.stage.sight import Sight
from services.stage.sweeping import Sweep
from services.stage.writer import Writer
from services.transcript.archive import Archive
from services.transcript.archiver import Archiver
from services.transcript.log import TranscriptLog

_RENEWALS_PER_LEASE: Final = 3
_KNOCK_S: Final = 1.0
_SETTLE_S: Final = 5.0
_RELEASE_S: Final = 2.0
_IDLE: Final = "idle"
"""Why a session is released that nobody is in any more; the others are left to the next owner as they are."""
_TOGETHER: Final = 64
"""Leases that are renewed at a time."""
_FORGET_S: Final = 3_600.0
"""After that the store need not hold an archived session that nobody owns."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Owned:
    """A session, its door and the task that writes for it."""

    session: Session
    door: Door
    writing: asyncio.Task[None]


class House:
    """All sessions of this process."""

    def __init__(self, runtime: Runtime, log: TranscriptLog, archive: Archive, archiver: Archiver) -> None:
        """Use `open_house`."""
        self._runtime = runtime
        self.log = log
        self._archive = archive
        self._archiver = archiver
        self._owned: dict[str, Owned] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._address = runtime.address("stage")
        self._closing: set[asyncio.Task[None]] = set()
        self.draining = runtime.draining

    async def open(self, request: OpenRequest) -> OpenResponse:
        """Make a session or find it; its opening facts are durable and archived when this returns."""
        self.draining.refuse()
        drafts = opening_facts(request, self.wall_ms())
        sid = request.session or str(ULID()).lower()
        owned = await self._owning(sid, new=True)
        created = owned.session.roster.head == 0
        if created:
            if request.mode == "approve":
                await owned.session.sight.open()
            await _written(owned.session, drafts)
            await self._archiver.settle(sid)
        return OpenResponse(sid, owned.session.writer.durable, created)

    async def get(self, sid: str) -> Owned:
        """The live session. Raises `NotFound`, or `NotOwner` with the stage to ask."""
        return await self._owning(sid, new=False)

    def running(self) -> int:
        """How many lines are on their way to their end."""
        return sum(owned.session.running() for owned in self._owned.values())

    def _alone(self, sid: str) -> asyncio.Lock:
        """The session's lock. It lasts as long as somebody holds it or waits for it."""
        lock = self._locks.get(sid)
        if lock is None:
            lock = self._locks[sid] = asyncio.Lock()
        return lock

    async def _owning(self, sid: str, *, new: bool) -> Owned:
        async with self._alone(sid):
            owned = self._owned.get(sid)
            if owned is None:
                # It would be given up in a moment: the next owner has it to claim once, not twice.
                self.draining.refuse()
                if not new and await self.log.head(sid) == 0 and await self._archive.mark(sid) == 0:
                    raise NotFound("there is no such session")
                owned = await self._claim(sid)
                self._owned[sid] = owned
                SESSIONS.inc()
                # Its last owner may have left facts that are in the stream alone.
                self._archiver.notify(sid)
            return owned

    async def _claim(self, sid: str) -> Owned:
        deserted = await self._deserted(sid)
        await self._lease(sid)
        try:
            owned = await self._rebuild(sid)
        except BaseException:
            with contextlib.suppress(SouffleurError):
                # Otherwise nobody could claim it before the lease has expired. The sweep comes back to it.
                await self.log.release(sid)
            raise
        owned.door.expect()
        if deserted:
            owned.door.see_out()
        return owned

    async def _deserted(self, sid: str) -> bool:
        """It was released in order longer ago than a seat is kept: nobody who sat there is on their way back."""
        left_s = await self.log.forgets_in_s(sid)
        return left_s is not None and left_s < _FORGET_S - SEAT_KEPT_S

    async def _lease(self, sid: str) -> None:
        """Claim the session; at once from an owner that is not there any more. Raises `NotOwner` if it is."""
        lease_s = self._runtime.settings.stage.lease_s
        try:
            await self.log.claim(sid, self._address, lease_s)
        except NotOwner as owner:
            if await answers(owner.address):
                raise
            _log.warning("session.taken_over", session=sid)
            await self.log.claim(sid, self._address, lease_s, dead=owner.address)

    async def _rebuild(self, sid: str) -> Owned:
        runtime = self._runtime
        await self._archiver.restore(sid)
        roster, sight = Roster(), Sight(lambda: self.log.read(sid))
        entries = await self.log.entries(sid)
        # Shown to many before: a store that comes back with less has lost it, whoever wrote it.
        self.log.hold(sid, entries, await self._archive.mark(sid))
        facts = [entry.fact() for entry in entries]
        for fact in facts:
            roster.advance(fact)
        if Sight.needed(facts):
            sight.begin(facts)
        session: Session
        writer = Writer(
            self.log,
            sid,
            head=roster.head,
            announce=lambda fact: self._announce(session, fact),
            lost=lambda error: self._lost(session, error),
            regain=lambda: self._regain(sid),
        )
        backstage = Backstage(
            session=sid,
            roster=roster,
            writer=writer,
            roleplay=runtime.llm(),
            voices=runtime.tts(),
            settings=lambda: runtime.settings,
            clock=runtime.clock,
            sight=sight,
            calm=runtime.calm,
        )
        session = Session(backstage)
        writing = asyncio.create_task(writer.run(), name=f"writer:{sid}")
        try:
            await self._tidy(session)
        except BaseException:
            writing.cancel()
            raise
        return Owned(session, Door(session, self.log, runtime.clock), writing)

    async def _regain(self, sid: str) -> None:
        """The store came back with less than it had acknowledged: it gets back what the archive and this process hold."""
        await self.log.regain(sid, self._runtime.settings.stage.lease_s)
        try:
            facts = await self._archiver.restore(sid) + await self.log.replay(sid)
        except Conflict as hole:
            # Nobody has them any more, or others stand there: what this process knows of the session is not what is written.
            raise StaleFence(hole.detail) from hole
        _log.warning("session.recovered", session=sid, facts=facts)

    def _announce(self, session: Session, fact: Fact) -> None:
        session.announce(fact)
        self._archiver.notify(session.sid)

    async def _tidy(self, session: Session) -> None:
        """What a dead owner left open is closed: nobody knows how much of it was heard, so nothing was."""
        roster, now = session.roster, self._runtime.clock.wall_ms()
        drafts = [
            Draft(
                key=f"{line.line}:close",
                kind=Kind.LINE_CLOSED,
                at_ms=now,
                by=Author("stage"),
                place=line.place,
                audience=line.audience,
                body=fields_of(LineClosed(line=line.line, state=LineState.ABORTED, basis=Basis.ESTIMATED, reason="owner_lost")),
            )
            for line in roster.open_lines.values()
        ]
        for words in roster.open_turns():
            body = fields_of(Passed(turn=words.first, reason="owner_lost"))
            key = f"pass:{words.first}:{words.last}"
            drafts.append(
                Draft(key=key, kind=Kind.PASSED, at_ms=now, by=Author("stage"), place=words.place, audience=words.audience, cause=words.last, body=body)
            )
        await _written(session, drafts)

    def _lost(self, session: Session, error: SouffleurError) -> None:
        _log.warning("session.given_up", session=session.sid, code=error.code)
        self._let_go(session, error.code, ours=not isinstance(error, StaleFence))

    def _let_go(self, session: Session, reason: str, *, ours: bool = True) -> None:
        """Release it, without waiting for that."""
        task = asyncio.create_task(self._release(session, reason, ours=ours), name=f"release:{session.sid}")
        self._closing.add(task)
        task.add_done_callback(self._released)

    def _released(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("session.release_failed", task=task.get_name(), exc_info=error)

    async def _release(self, session: Session, reason: str, *, ours: bool = True) -> None:
        sid = session.sid
        async with self._alone(sid):
            owned = self._owned.get(sid)
            if owned is None or owned.session is not session:
                # Released already; whoever claimed the session anew meanwhile keeps it.
                return
            if reason == _IDLE and session.attachments:
                # Somebody has come in meanwhile.
                return
            del self._owned[sid]
            SESSIONS.dec()
            if reason == _IDLE:
                owned.door.see_out()
            owned.door.close()
            forget_s = 0.0
            if ours and owned.session.writer.given_up:
                # At once: whoever claims it when the store is back finds there what the store may have lost.
                await self._kept(sid)
            try:
                with contextlib.suppress(SouffleurError):
                    # Without the store nothing can be closed in order; the next owner tidies up.
                    await owned.session.close(reason)
                    if ours and not owned.session.writer.given_up:
                        # What is not archived now stays in the stream, and the session on the list: whoever takes it up from there archives it.
                        await self._archiver.settle(sid, timeout_s=_SETTLE_S)
                        forget_s = _FORGET_S
            finally:
                owned.writing.cancel()
                await asyncio.gather(owned.writing, return_exceptions=True)
                if ours and await self._kept(sid):
                    # The store lacks what the archive has now: somebody is to see to that.
                    forget_s = 0.0
                with contextlib.suppress(SouffleurError, TimeoutError):
                    # Without the store the lease ends by itself.
                    async with asyncio.timeout(_RELEASE_S):
                        await self.log.release(sid, forget_s=forget_s)

    async def _kept(self, sid: str) -> bool:
        """What this process alone may have, the archive gets before the session is let go; whether there was anything."""
        try:
            async with asyncio.timeout(_SETTLE_S):
                return await self._archiver.keep(sid)
        except Exception:
            # Whatever it was, the session is let go.
            _log.exception("session.not_kept", session=sid)
            return True

    def wall_ms(self) -> int:
        """The date, for facts."""
        return self._runtime.clock.wall_ms()

    async def keep(self) -> None:
        """Renew every lease, and let go of sessions that nobody has used for a while; runs until cancelled."""
        stage = self._runtime.settings.stage
        while goes_on():
            await asyncio.sleep(stage.lease_s / _RENEWALS_PER_LEASE)
            owned = list(self._owned.items())
            # Each takes a connection to the store, of which there are only so many.
            for first in range(0, len(owned), _TOGETHER):
                some = owned[first : first + _TOGETHER]
                await asyncio.gather(*(self._keep(*one) for one in some))
                # If this fails they are looked at in vain, for their leases are alive.
                with contextlib.suppress(SouffleurError):
                    await self.log.renewed([sid for sid, _ in some], stage.lease_s)

    async def _keep(self, sid: str, owned: Owned) -> None:
        stage, idle_s = self._runtime.settings.stage, self._runtime.clock.now() - owned.session.touched
        if not owned.session.attachments and idle_s > stage.idle_release_s:
            self._let_go(owned.session, _IDLE)
            return
        try:
            await self.log.renew(sid, stage.lease_s)
        except StaleFence as error:
            self._lost(owned.session, error)
        except Recovering:
            owned.session.writer.catch_up()
        except SouffleurError as error:
            _log.warning("lease.not_renewed", session=sid, code=error.code)
        except Exception:
            # Whatever it was: the other leases are renewed, and this one is tried again.
            _log.exception("lease.not_renewed", session=sid)

    async def close(self) -> None:
        """Close and release everything; one that cannot be keeps no other from it."""
        for owned in list(self._owned.values()):
            self._let_go(owned.session, "shutdown")
        await asyncio.gather(*self._closing, return_exceptions=True)


async def answers(address: str) -> bool:
    """Does anybody listen at `unix:<path>` or `host:port`? A peer that is merely slow counts as there."""
    try:
        async with asyncio.timeout(_KNOCK_S):
            if address.startswith("unix:"):
                _, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
            else:
                host, _, port = address.rpartition(":")
                _, writer = await asyncio.open_connection(host, int(port))
    except (ConnectionRefusedError, FileNotFoundError, ValueError):
        return False
    except (TimeoutError, OSError):
        return True
    writer.close()
    return True


async def _written(session: Session, drafts: Sequence[Draft]) -> None:
    for future in [session.writer.write(draft) for draft in drafts]:
        await future


@asynccontextmanager
async def open_house(runtime: Runtime) -> AsyncIterator[House]:
    """The house with its archive; leaving it closes every session in order."""
    async with contextlib.AsyncExitStack() as stack:
        archive = await Archive.open(runtime.archive_url)
        stack.push_async_callback(archive.close)
        log = TranscriptLog(runtime.redis, archive)
        archiver = Archiver(log, archive)
        stack.push_async_callback(archiver.close)
        house = House(runtime, log, archive, archiver)
        stack.push_async_callback(house.close)
        sweep = Sweep(log, runtime.address("stage"), runtime.settings.stage.lease_s, house.get)
        keepers = [asyncio.create_task(house.keep(), name="leases"), asyncio.create_task(sweep.run(), name="sweep")]
        stack.push_async_callback(_ended, keepers)
        yield house


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
