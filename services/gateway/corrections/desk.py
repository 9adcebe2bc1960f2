"""The desk's office at the gateway: accepts corrections, passes live acts on, and remembers both in the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from ulid import ULID

from services.core.bus.corrections import CorrectionBus
from services.core.clock import Clock
from services.core.errors import Forbidden, InvalidRequest, SouffleurError
from services.core.model.desk import ActResponse
from services.core.model.principal import Principal
from services.core.rpc.client import StageClient
from services.core.telemetry import CORRECTIONS
from services.gateway.corrections.acts import request_of
from services.gateway.corrections.hotwords import names_taught
from services.gateway.corrections.relay import Relay
from services.gateway.corrections.requests import Act, Correction, Edit, Erase, Insert, Note, Retcon, Strike
from services.gateway.edge import Edge
from services.gateway.history import History, Table
from services.transcript.outbox import Outbox, Row
from services.transcript.outbox.row import LIVE, OPEN, TEXT
from services.transcript.view import SaidEntry

_ACTING: Final = frozenset({"director", "operator"})
"""Whose acts are passed on; what each of them may do is the owner's to say."""
_ACT_DUE_MS: Final = 5_000
"""A live act that is not resolved by then has probably lost its gateway: it is tried again, well before it means nothing any more."""
_ACT_AGAIN_MS: Final = 200
_CAUGHT_UP_S: Final = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Acted:
    """A live act: its row, and the owner's answer; None = the owner could not be reached, it is tried again."""

    row: Row
    answer: ActResponse | None


class Corrections:
    """One per gateway."""

    def __init__(self, outbox: Outbox, bus: CorrectionBus, relay: Relay, stage: StageClient, history: History, clock: Clock) -> None:  # noqa: PLR0917
        """`open` puts it together."""
        self.outbox = outbox
        self.bus = bus
        self.relay = relay
        self.history = history
        self._stage = stage
        self._clock = clock
        self._notes: dict[str, set[asyncio.Task[None]]] = {}
        """Session -> what is still to be noted of acts that took effect."""
        self._last_noted: dict[str, asyncio.Task[Row | None]] = {}
        """Session -> the noting that the next one waits for."""

    @classmethod
    @asynccontextmanager
    async def open(cls, edge: Edge, history: History) -> AsyncIterator[Corrections]:
        """With the outbox opened and the relay at work."""
        runtime = edge.runtime
        outbox = await Outbox.open(runtime.application_url, runtime.clock)
        try:
            async with runtime.bus() as bus, Relay(outbox, bus, edge.stage, runtime.clock, runtime.live).running() as relay:
                yield cls(outbox, bus, relay, edge.stage, history, runtime.clock)
        finally:
            await outbox.close()

    async def accept(self, session: str, principal: Principal, asked: Correction, *, undoes: str = "") -> Row:
        """Accept a correction: it is committed when this returns, and on its way.

        Raises `NotFound` for the session, `Forbidden`, `InvalidRequest` for facts that are not there, `Conflict` for an id that was used for something else.
        """
        if principal.role != "director":
            raise Forbidden("Only the director may do that.")
        table = await self.history.table(session)
        _check_facts(asked, table.view.seq)
        row = Row(
            id=asked.id or new_id(),
            session=session,
            principal=principal,
            sort=TEXT,
            kind=asked.kind,
            body=asked.body(),
            place=asked.place,
            base=asked.base,
            hotwords=_hotwords(asked, table),
            undoes=undoes,
            due_at_ms=self._clock.wall_ms() + self.relay.resend_ms,
        )
        accepted, new = await self.outbox.add(row)
        if new:
            CORRECTIONS.labels(row.kind, OPEN).inc()
            self.relay.send(accepted)
        return accepted

    async def act(self, session: str, principal: Principal, asked: Act, *, undoes: str = "") -> Acted:
        """A live act, at once: nothing is waited for before the owner is asked. Raises what the owner says."""
        if principal.role not in _ACTING:
            raise Forbidden("Only the director may do that.")
        row = Row(
            id=asked.id or new_id(),
            session=session,
            principal=principal,
            sort=LIVE,
            kind=asked.kind,
            body=asked.body(),
            place=asked.place,
            undoes=undoes,
            due_at_ms=self._clock.wall_ms() + _ACT_DUE_MS,
        )
        asking = asyncio.create_task(self._stage.act(request_of(row)), name="act")
        # Beside it, never before it: a database that is slow or gone must not keep anybody from falling silent.
        noting = self._noting(row)
        try:
            answer = await asyncio.shield(asking)
        except SouffleurError as error:
            if not error.retryable:
                self.relay.spawn(self._forgotten(noting))
                raise
            noted = await noting
            if noted is None:
                raise
            await self.outbox.postponed(noted, self._clock.wall_ms() + _ACT_AGAIN_MS)
            return Acted(noted, None)
        self._behind(session, self._done(noting, answer))
        return Acted(row, answer)

    async def caught_up(self, session: str) -> None:
        """Return when the outbox knows of the session's live acts that were answered already; a moment later at the most."""
        if tasks := self._notes.get(session):
            await asyncio.wait(list(tasks), timeout=_CAUGHT_UP_S)

    def _behind(self, session: str, work: Coroutine[Any, Any, None]) -> None:
        tasks = self._notes.setdefault(session, set())
        task = self.relay.spawn(work)
        tasks.add(task)

        def done(_: object) -> None:
            tasks.discard(task)
            if not tasks and self._notes.get(session) is tasks:
                del self._notes[session]

        task.add_done_callback(done)

    def _noting(self, row: Row) -> asyncio.Task[Row | None]:
        task = self._last_noted[row.session] = asyncio.create_task(self._noted(row, self._last_noted.get(row.session)), name="act-noted")

        def done(_: object) -> None:
            if self._last_noted.get(row.session) is task:
                del self._last_noted[row.session]

        task.add_done_callback(done)
        return task

    async def _noted(self, row: Row, before: asyncio.Task[Row | None] | None) -> Row | None:
        if before is not None:
            # The outbox numbers rows as they come, and whose act was the last one is read from the numbers.
            await asyncio.wait([before])
        try:
            return (await self.outbox.add(row))[0]
        except SouffleurError as error:
            _log.warning("acts.not_noted", session=row.session, act=row.id, reason=error.code)
            return None

    async def _done(self, noting: asyncio.Task[Row | None], answer: ActResponse) -> None:
        if row := await noting:
            await _in_spite(self.outbox.applied(row, answer.seq))

    async def _forgotten(self, noting: asyncio.Task[Row | None]) -> None:
        if row := await noting:
            await _in_spite(self.outbox.forget(row))


def new_id() -> str:
    """For whoever brings none."""
    return str(ULID()).lower()


async def _in_spite(work: Awaitable[None]) -> None:
    try:
        await work
    except SouffleurError as error:
        # The row stays open: the relay asks the owner once more, who knows the act by its id.
        _log.warning("acts.not_noted", reason=error.code)


def _check_facts(asked: Correction, head: int) -> None:
    """What it refers to has happened."""
    match asked:
        case Edit():
            named = [asked.target]
        case Strike():
            named = asked.targets
        case Erase():
            named = asked.seqs
        case Insert():
            named = [asked.after]
        case Note():
            named = [asked.removes]
        case Retcon():
            named = [asked.to + 1]
        case _:
            named = []
    if max(named, default=0) > head:
        raise InvalidRequest("There is nothing after that to be undone." if isinstance(asked, Retcon) else f"There is no fact {max(named)}.")


def _hotwords(asked: Correction, table: Table) -> tuple[str, ...]:
    """Names that were misheard, and are not yet known."""
    if not isinstance(asked, Edit) or not asked.text:
        return ()
    entry = table.view.entry_of(asked.target)
    if not isinstance(entry, SaidEntry) or entry.source != "voice":
        return ()
    known = set(table.view.hotwords)
    return tuple(name for name in names_taught(entry.text, asked.text, table.view.language) if name not in known)
