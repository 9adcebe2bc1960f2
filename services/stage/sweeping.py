"""The sweep: what a dead stage left behind is taken up, so that all of it is closed and archived. Every stage looks for it from time to time."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from services.core.errors import NotFound, NotOwner, SouffleurError
from services.transcript.claims import Orphan
from services.transcript.log import TranscriptLog

_SWEEP_S: Final = 4.0
_AT_A_TIME: Final = 20
_BREATH_S: Final = 0.1

_log = structlog.get_logger(__name__)


class Sightings:
    """Which orphans may be taken up; told the time.

    After an absence of the store every lease has run out, and an owner that lives renews its own again. So nobody is
    taken for dead before one more lease has passed without a word of him, under the same fence.
    """

    def __init__(self, lease_s: float) -> None:
        """`lease_s` is how long a lease lasts."""
        self._lease_s = lease_s
        self._since: dict[Orphan, float] = {}

    def due(self, found: Sequence[Orphan], asked: float, answered: float) -> list[str]:
        """Sessions to take up, the longest known first, by what a look `found` that began and ended at these times."""
        self._since = {orphan: self._since.get(orphan, answered) for orphan in found}
        known = sorted(self._since.items(), key=lambda item: item[1])
        return [orphan.sid for orphan, since in known if orphan.mine or asked - since >= self._lease_s]

    def blind(self) -> None:
        """A look has failed: the store may have been away since the one before."""
        self._since.clear()

    def next_in_s(self, now: float) -> float | None:
        """When the first of those that are not due yet will be; None if there is none."""
        return min((left for since in self._since.values() if (left := since + self._lease_s - now) > 0), default=None)


class Sweep:
    """Looks for orphans and takes them up."""

    def __init__(self, log: TranscriptLog, address: str, lease_s: float, take_up: Callable[[str], Awaitable[object]]) -> None:
        """`address` is this stage's; `take_up` claims a session and closes what is open in it."""
        self._log = log
        self._address = address
        self._take_up = take_up
        self._everything = True
        """Until nothing is left of a former process of this address."""
        self._sightings = Sightings(lease_s)

    async def run(self) -> None:
        """At once, and then from time to time until cancelled."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        # redis-py may swallow a cancellation that arrives together with an answer (Python 3.11's `wait_for`): look for it.
        while task is None or not task.cancelling():
            due = await self._due(loop.time)
            for sid in due[:_AT_A_TIME]:
                await self._adopt(sid)
            if len(due) > _AT_A_TIME:
                # A stage with many sessions has died: on to the rest of them, with a breath for whatever else is going on.
                await asyncio.sleep(_BREATH_S)
                continue
            pause_s = _SWEEP_S * (0.5 + random.random())  # noqa: S311 - only that stages do not all look at the same moment
            next_s = self._sightings.next_in_s(loop.time())
            await asyncio.sleep(pause_s if next_s is None else min(pause_s, next_s))

    async def _due(self, now: Callable[[], float]) -> list[str]:
        asked = now()
        try:
            found = await self._log.orphans(self._address, everything=self._everything)
            self._everything = self._everything and any(orphan.mine for orphan in found)
            return self._sightings.due(found, asked, now())
        except SouffleurError as error:
            _log.debug("sweep.failed", code=error.code)
            self._sightings.blind()
            return []

    async def _adopt(self, sid: str) -> None:
        try:
            await self._take_up(sid)
        except NotFound:
            # It was claimed and nothing was ever written.
            with contextlib.suppress(SouffleurError):
                await self._log.forget(sid)
        except NotOwner:
            _log.debug("sweep.somebody_else", session=sid)
        except Exception as error:
            # One that cannot be taken up must not keep the others from it.
            _log.warning("session.not_adopted", session=sid, reason=type(error).__name__)
        else:
            _log.info("session.adopted", session=sid)
