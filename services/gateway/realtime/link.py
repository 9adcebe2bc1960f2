"""The attachment to a session, which outlives one stage: when the stream breaks, the session is joined again behind the last fact."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from typing import Final, Protocol

import structlog

from services.core.errors import Overloaded, SouffleurError, Unavailable
from services.core.model.attachment import AttachDown, Attached, AttachOpen, AttachUp, CancelLine, Configure, Goodbye, Played
from services.core.model.fact import Fact
from services.core.rpc.client import Stream

_UP: Final = 512
_ATTACH_S: Final = 10.0
_ATTEMPTS: Final = 12
"""Some 15 s: a stage that dies is back in ten."""
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 2.0
_STEADY_S: Final = 10.0
"""An attachment that held so long was a good one: the next break starts counting afresh."""
_GOODBYE_S: Final = 1.0
"""So long a stage has to hear a goodbye."""
_LASTING: Final = (Configure, Played, CancelLine)
"""As good for the next stage as for the one that it was meant for, and repeated by nobody."""

_log = structlog.get_logger(__name__)


class Stage(Protocol):
    """The stages as they are called here."""

    async def attach(self, opening: AttachOpen) -> tuple[Attached, Stream[AttachUp, AttachDown], AsyncIterator[AttachDown]]:
        """Join a session."""
        ...


class StageLink:
    """`open` once; then `pump` and `events` run side by side for as long as the connection lives.

    What could not be sent before a break is told to nobody: whoever is given the `Attached` behind it tells that stage what is open, from
    its beginning. A pause or a final of speech that it has not heard of would only be refused.
    """

    def __init__(self, stage: Stage, opening: AttachOpen) -> None:
        """`opening` is how the session is joined; what is configured later is kept for the next time."""
        self._stage = stage
        self._opening = opening
        self._up: asyncio.Queue[AttachUp] = asyncio.Queue(_UP)
        self._stream: Stream[AttachUp, AttachDown] | None = None
        self._down: AsyncIterator[AttachDown] | None = None
        self._renewed = asyncio.Event()
        self._attached_at = 0.0
        self._leaving = False
        self._left = asyncio.Event()

    async def open(self) -> Attached:
        """Join. Raises an error of ours."""
        try:
            async with asyncio.timeout(_ATTACH_S):
                attached, self._stream, self._down = await self._stage.attach(self._opening)
        except TimeoutError:
            raise Unavailable("the stage does not answer") from None
        # Where it is by now is the session's business: whoever comes back is not carried to where it once came in. Who only watches
        # has no seat there: nobody but this one knows where.
        place = self._opening.place if self._opening.monitor else ""
        self._opening = replace(self._opening, participant=attached.participant, place=place)
        self._attached_at = asyncio.get_running_loop().time()
        self._renewed.set()
        return attached

    def send(self, event: AttachUp) -> None:
        """Send in order, without waiting. Raises `Overloaded` if the stage has been away for too long."""
        if self._leaving:
            return
        if isinstance(event, Configure):
            self._remember(event)
        try:
            self._up.put_nowait(event)
        except asyncio.QueueFull:
            raise Overloaded from None

    async def pump(self) -> None:
        """Send what is queued, up to a goodbye."""
        while True:
            event = await self._up.get()
            while True:
                stream = self._stream
                try:
                    if stream is not None:
                        await stream.send(event)
                        if isinstance(event, Goodbye):
                            # The stage ends its side when it has read all of this one: then it has heard the goodbye.
                            await stream.finish()
                            return
                        break
                except SouffleurError:
                    _log.info("attachment.send_failed")
                # `events` meets the same break, joins again and sets this.
                if stream is self._stream:
                    self._renewed.clear()
                    await self._renewed.wait()
                if not isinstance(event, _LASTING):
                    break

    async def events(self) -> AsyncIterator[AttachDown]:
        """Everything the stage sends, until `leave`; another `Attached` after a break. Raises an error of ours when there is no way back."""
        failures = 0
        while True:
            try:
                async for event in self._received():
                    if isinstance(event, Fact) and event.seq:
                        self._opening = replace(self._opening, after_seq=max(self._opening.after_seq, event.seq))
                    yield event
                reason = "ended"
            except SouffleurError as error:
                if not error.retryable:
                    raise
                reason = error.code
            if self._leaving:
                self._left.set()
                return
            if asyncio.get_running_loop().time() - self._attached_at > _STEADY_S:
                failures = 0
            _log.warning("attachment.broken", reason=reason)
            failures, attached = await self._again(failures)
            yield attached

    async def _received(self) -> AsyncIterator[AttachDown]:
        if self._down is None:
            raise Unavailable
        async for event in self._down:
            yield event

    async def _again(self, failures: int) -> tuple[int, Attached]:
        self._drop_stream()
        while True:
            failures += 1
            if failures > _ATTEMPTS:
                raise Unavailable("the stage cannot be reached")
            wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (failures - 1))
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads a crowd, guards nothing
            try:
                attached = await self.open()
            except SouffleurError as error:
                if not error.retryable:
                    raise
                _log.info("attachment.refused", code=error.code, attempt=failures)
            else:
                # Nothing is waited for from here to whoever is given this: what is sent from now on is meant for the new stage.
                self._forget()
                return failures, attached

    def _forget(self) -> None:
        for event in [self._up.get_nowait() for _ in range(self._up.qsize())]:
            if isinstance(event, _LASTING):
                self._up.put_nowait(event)

    def _remember(self, change: Configure) -> None:
        given = {item.name: getattr(change, item.name) for item in fields(change)}
        given = {name: value for name, value in given.items() if value is not None}
        names = ("hears", "reports_playback", "head_count", *(("place",) if self._opening.monitor else ()))
        lasting = {name: given[name] for name in names if name in given}
        self._opening = replace(self._opening, configure=replace(self._opening.configure, **given), **lasting)

    def _drop_stream(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
            self._stream = self._down = None

    async def leave(self) -> None:
        """Say goodbye, while `pump` and `events` still run: a seat is kept much longer for somebody whose connection broke."""
        if self._stream is None or self._up.full():
            # A stage that does not hear it keeps the seat; that is all.
            return
        self.send(Goodbye())
        self._leaving = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._left.wait()

    def close(self) -> None:
        """Let go of the session."""
        self._drop_stream()
