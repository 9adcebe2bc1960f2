"""The relay: brings open rows of the outbox on their way, again and again until somebody has resolved them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from ulid import ULID

from services.core.bus.corrections import CorrectionBus, DeadLetter, Letter
from services.core.clock import Clock
from services.core.ending import goes_on
from services.core.errors import NotFound, SouffleurError
from services.core.live import LiveSettings
from services.core.rpc.client import StageClient
from services.gateway.corrections.acts import LASTING, request_of, subject_of
from services.transcript.outbox import OPEN, Outbox, Row
from services.transcript.outbox.row import LIVE, TEXT

_TICK_S: Final = 0.5
_PAGE: Final = 200
_ON_THE_WAY: Final = 256
"""Letters that are being published at a time; the rest is sent when due."""
_ACT_AGAIN_MS: Final = 2_000
_FLEETING_MS: Final = 15_000
"""A line that is to be released, or words to be said, mean nothing later."""
_LASTING_MS: Final = 600_000
_KEPT_MS: Final = 30 * 86_400_000
"""Applied rows are kept this long."""
_FAILED_KEPT_MS: Final = 90 * 86_400_000
"""Rows that are conflicted or dead, and letters that the bus has put aside: somebody may still want to look at them."""
_SWEEP_S: Final = 10.0

_log = structlog.get_logger(__name__)


class Relay:
    """One per gateway; several do no harm."""

    def __init__(self, outbox: Outbox, bus: CorrectionBus, stage: StageClient, clock: Clock, live: LiveSettings) -> None:
        """Runs within `running`."""
        self._outbox = outbox
        self._bus = bus
        self._stage = stage
        self._clock = clock
        self._live = live
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self.moving = asyncio.Lock()
        """Held while a dead letter is moved: nobody looks at it half way."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Relay]:
        """For the time of the block. What is on its way at the end gets a moment."""
        loops = [asyncio.create_task(loop, name="relay") for loop in (self._resending(), self._rejoicing(), self._sweeping())]
        try:
            yield self
        finally:
            for task in loops:
                task.cancel()
            await asyncio.wait(loops)
            if self._tasks:
                _, late = await asyncio.wait(list(self._tasks), timeout=_TICK_S)
                for task in late:
                    task.cancel()

    @property
    def resend_ms(self) -> int:
        """How long a row may be on its way before it is sent again."""
        return int(self._live.current.bus.resend_s * 1000)

    def send(self, row: Row) -> None:
        """Bring an accepted row on its way, without waiting. If that cannot be, it goes when it is due."""
        if self._bus.link.connected and len(self._tasks) < _ON_THE_WAY:
            self.spawn(self._publish(row))

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have something done that nobody need wait for."""
        task = asyncio.create_task(work, name="relay-work")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def hurry(self) -> None:
        """Look for due rows at once."""
        self._wake.set()

    async def _publish(self, row: Row, *, again: bool = False) -> None:
        letter = Letter(id=str(ULID()).lower(), session=row.session, correction=row.id, again=again)
        try:
            await self._bus.publish(letter)
        except SouffleurError as error:
            _log.warning("corrections.not_sent", session=row.session, correction=row.id, reason=error.code)

    async def _rejoicing(self) -> None:
        """The bus is back: everything that is open goes at once."""
        seen = 0
        while goes_on():
            seen = await self._bus.link.next_up(seen)
            await self._tried(self._outbox.hasten())
            self.hurry()

    async def _resending(self) -> None:
        while goes_on():
            await self._tried(self._send_due())
            try:
                async with asyncio.timeout(_TICK_S):
                    await self._wake.wait()
            except TimeoutError:
                continue
            finally:
                self._wake.clear()

    async def _send_due(self) -> None:
        for row in await self._outbox.due(LIVE, _PAGE):
            await self._act_again(row)
        while self._bus.link.connected and (rows := await self._outbox.due(TEXT, _PAGE)):
            await asyncio.gather(*map(self._send_again, rows))

    async def _send_again(self, row: Row) -> None:
        if await self._outbox.postponed(row, self._clock.wall_ms() + self.resend_ms):
            await self._publish(row, again=True)

    async def _act_again(self, row: Row) -> None:
        now = self._clock.wall_ms()
        if not await self._outbox.postponed(row, now + _ACT_AGAIN_MS):
            return
        if now - row.created_at_ms > (_LASTING_MS if row.kind in LASTING else _FLEETING_MS):
            await self._outbox.died(row.session, row.id, "The stage could not be reached in time.")
            return
        if any(subject_of(later) == subject_of(row) for later in await self._outbox.later_acts(row)):
            await self._outbox.conflicted(row, "", 0, "A later act has decided that otherwise.")
            return
        try:
            answer = await self._stage.act(request_of(row))
        except SouffleurError as error:
            if not error.retryable:
                await self._outbox.died(row.session, row.id, error.detail)
            return
        await self._outbox.applied(row, answer.seq)

    async def _sweeping(self) -> None:
        while goes_on():
            await self._tried(self._sweep())
            await asyncio.sleep(_SWEEP_S)

    async def _sweep(self) -> None:
        """Letters that the bus has put aside by itself are dead rows; old rows and old letters go."""
        now = self._clock.wall_ms()
        await self._outbox.prune(now - _KEPT_MS, now - _FAILED_KEPT_MS)
        if self._bus.link.connected and (await self._bus.counts()).dead:
            async with self.moving:
                for dead in await self._bus.dead(_PAGE):
                    await self._mark_dead(dead)
                    if 0 < dead.at_ms < now - _FAILED_KEPT_MS:
                        await self._dropped(dead)

    async def _mark_dead(self, dead: DeadLetter) -> None:
        try:
            row = await self._outbox.get(dead.letter.session, dead.letter.correction)
        except NotFound:
            return
        if row.state == OPEN:
            await self._outbox.died(row.session, row.id, f"It was tried {dead.attempts} times without success.", dead.attempts)

    async def _dropped(self, dead: DeadLetter) -> None:
        try:
            await self._bus.drop(dead.letter.id)
        except NotFound:
            # Another gateway was quicker.
            return

    async def _tried(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except SouffleurError as error:
            # Database or bus are away; the next round finds everything as it is.
            _log.warning("relay.hindered", reason=error.code, detail=error.detail)
        except Exception:
            # A loop that ended would be missed by nobody until somebody's correction stays on its way for ever.
            _log.exception("relay.broken")
