"""What is done with a letter: the row it names, and every open one of the session before it, is told to the owner and marked with what became of it.

Nothing here is remembered. The owner writes a fact once per correction id, and a resolved row stays as it is: whoever takes a letter over
that somebody else died with repeats what was done and comes to the same end. Since no row is told before those accepted earlier, the order holds
even where letters are lost, sent again, or taken by several services at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from services.core import telemetry
from services.core.bus.corrections import Letter, Verdict
from services.core.clock import Clock
from services.core.errors import NotFound, SouffleurError
from services.core.model.attachment import TellRequest, TellResponse
from services.core.model.fact import Kind
from services.core.rpc.client import StageClient
from services.corrections.kinds import FACTS
from services.corrections.turns import OwnerSilent, Turns
from services.transcript.outbox import Outbox, Row

POINTS: Final = ("received", "read", "told", "taught", "marked")
"""Where a hook is called: the letter is there; its rows are read; the fact is written; its names are taught; the row is marked."""
_PATIENCE_S: Final = 10.0
"""How long an owner that cannot be reached is asked again before the row is left to be sent again later."""
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0

Hook = Callable[[str], Awaitable[None]]
_log = structlog.get_logger(__name__)


class Worker:
    """Handles letters; any number at a time, those of one session one after the other."""

    def __init__(self, outbox: Outbox, stage: StageClient, clock: Clock, *, attempts: int, hook: Hook | None = None, patience_s: float = _PATIENCE_S) -> None:
        """`hook` is called at each of `POINTS`."""
        self._outbox = outbox
        self._stage = stage
        self._clock = clock
        self._attempts = attempts
        self._hook = hook
        self._patience_s = patience_s
        self._turns = Turns(clock)

    async def handle(self, letter: Letter, attempt: int) -> Verdict:
        """See to the row that it names."""
        await self._reached("received")
        try:
            async with self._turns.turn(letter.session):
                return await self._look(letter, attempt)
        except OwnerSilent:
            # Another letter of the session asks for its owner; this one does not stand in the way of other sessions meanwhile.
            _log.info("corrections.put_off", session=letter.session, correction=letter.correction, reason="owner_silent")
            return Verdict.DONE
        except SouffleurError as error:
            if not error.retryable:
                raise
            # Owner or database are not there. The row stays open and is shown as pending; it is sent again, so the letter has done its part.
            _log.warning("corrections.put_off", session=letter.session, correction=letter.correction, reason=error.code)
            await asyncio.sleep(_LONGEST_PAUSE_S)
            return Verdict.DONE
        except Exception:
            if attempt < self._attempts:
                await asyncio.sleep(_FIRST_PAUSE_S * 2**attempt)
                raise
            _log.exception("corrections.gave_up", session=letter.session, correction=letter.correction)
            await self._outbox.died(letter.session, letter.correction, "It could not be carried out; the log says why.", attempt)
            return Verdict.DEAD

    async def _look(self, letter: Letter, attempt: int) -> Verdict:
        rows = await self._outbox.open_upto(letter.session, letter.correction)
        if not rows:
            return await self._resolved(letter)
        verdict = Verdict.DONE
        for row in rows:
            # The common case, a row at its first delivery, costs no note beforehand.
            noted = row.id != letter.correction or attempt > 1 or letter.again or row.attempts > 0
            if await self._see_to(row, noted=noted) and row.id == letter.correction:
                verdict = Verdict.DEAD
        return verdict

    async def _resolved(self, letter: Letter) -> Verdict:
        """Somebody has seen to it: sent twice, found on the way to a later one, or died before the letter was put aside."""
        try:
            row = await self._outbox.get(letter.session, letter.correction)
        except NotFound:
            _log.warning("corrections.unknown", session=letter.session, correction=letter.correction)
            return Verdict.DONE
        return Verdict.DEAD if row.state == "dead" else Verdict.DONE

    async def _see_to(self, row: Row, *, noted: bool) -> bool:
        """Tell it and mark it; whether it came to be dead. Raises a retryable error if the owner cannot be reached."""
        if row.attempts >= self._attempts:
            return await self._died(row, row.detail or "It was tried too often.")
        if noted:
            await self._outbox.begun(row, row.attempts + 1)
        await self._reached("read")
        try:
            told = await self._told(row)
        except SouffleurError as error:
            if error.retryable:
                if noted:
                    # It is not the row's fault.
                    await self._outbox.begun(row, 0)
                raise
            return await self._died(row, error.detail)
        if told.conflicted:
            await self._outbox.conflicted(row, told.current, told.current_seq, "It has changed since you saw it.")
            await self._marked(row, "conflicted")
            return False
        await self._reached("told")
        if row.hotwords:
            await self._teach(row)
            await self._reached("taught")
        if row.kind == "erase":
            await self._outbox.erase(row.session, told.erased)
        await self._outbox.applied(row, told.seq)
        await self._marked(row, "applied")
        return False

    async def _told(self, row: Row) -> TellResponse:
        body = row.body if row.kind != "edit" else {**row.body, "base": row.base}
        return await self._asked(
            TellRequest(
                session=row.session,
                principal=row.principal,
                key=row.id,
                kind=FACTS[row.kind],
                body=json.dumps(body, ensure_ascii=False),
                place=row.place,
                base=row.base,
            )
        )

    async def _teach(self, row: Row) -> None:
        """What was misheard once is expected from here on."""
        body = json.dumps({"hotwords": list(row.hotwords)}, ensure_ascii=False)
        await self._asked(TellRequest(session=row.session, principal=row.principal, key=f"{row.id}:hotwords", kind=Kind.SCENE_SET, body=body))

    async def _asked(self, request: TellRequest) -> TellResponse:
        """Ask the owner; once it has answered, what was put off because it did not is due."""
        session = request.session
        try:
            async with self._turns.asking(session):
                told = await self._patiently(request)
        except SouffleurError as error:
            if error.retryable:
                self._turns.unreachable(session)
            elif self._turns.answered(session):
                await self._outbox.hasten(session)
            raise
        if self._turns.answered(session):
            await self._outbox.hasten(session)
        return told

    async def _patiently(self, request: TellRequest) -> TellResponse:
        """Ask again and again while the owner is only not there."""
        deadline = self._clock.now() + self._patience_s
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return await self._stage.tell(request)
            except SouffleurError as error:
                if not error.retryable or self._clock.now() + pause > deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _died(self, row: Row, detail: str) -> bool:
        await self._outbox.died(row.session, row.id, detail)
        await self._marked(row, "dead")
        return True

    async def _marked(self, row: Row, state: str) -> None:
        telemetry.CORRECTIONS.labels(row.kind, state).inc()
        _log.info("corrections.resolved", session=row.session, correction=row.id, kind=row.kind, state=state)
        await self._reached("marked")

    async def _reached(self, point: str) -> None:
        if self._hook is not None:
            await self._hook(point)
