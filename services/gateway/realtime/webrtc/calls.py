"""The calls of one server: so many at once, each with an end."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from services.core.errors import NotFound, Overloaded, Unavailable
from services.core.model.principal import Principal
from services.gateway.problems import StillRinging
from services.gateway.realtime.errors import GOING_AWAY, POLICY, ClientError, Hangup
from services.gateway.realtime.webrtc.peer import Peer
from services.gateway.realtime.webrtc.wire import CallWire

CONNECT_S: Final = 15.0
"""From the answer to an open data channel: ICE, DTLS and the channel's own handshake."""
_MOST_RINGING: Final = 6
"""Calls of one principal that are not connected yet: a table's worth behind one address, but nobody keeps the others out with them."""
_GOODBYE_S: Final = 3.0
"""So long a call may take to say its end by itself."""
_LAST_WORD_S: Final = 1.0

_log = structlog.get_logger(__name__)
Serve = Callable[[CallWire], Awaitable[None]]
"""Runs the realtime connection over the wire, to its end."""


@dataclass(slots=True)
class _Call:
    principal: Principal
    wire: CallWire | None = None
    """There from when it is connected."""
    task: asyncio.Task[None] | None = None
    end: Hangup | None = None
    """It was hung up, with this."""
    over: bool = False
    """Only letting go is left."""


class Calls:
    """`answered` begins one; it ends by itself, by `hang_up`, or with `close`."""

    def __init__(self) -> None:
        """None."""
        self._calls: dict[str, _Call] = {}
        self._closed = False

    def __len__(self) -> int:
        """How many there are, those included that are not connected yet."""
        return len(self._calls)

    async def answered(self, make: Callable[[], Awaitable[Peer]], offer: str, principal: Principal, serve: Serve, most: int) -> tuple[str, str]:
        """Id of the new call, and the SDP answer. Raises `Overloaded` beyond `most` calls, `StillRinging`, and what `Peer.answer` raises."""
        if len(self._calls) >= most:
            raise Overloaded
        if sum(call.principal.id == principal.id and call.wire is None for call in self._calls.values()) >= _MOST_RINGING:
            # It passes by itself within `CONNECT_S`, unlike a server that is full: no reason to come any other way.
            raise StillRinging
        call_id = f"rtc_{secrets.token_hex(12)}"
        call = self._calls[call_id] = _Call(principal)
        peer: Peer | None = None
        try:
            peer = await make()
            answer = await peer.answer(offer)
        except BaseException:
            del self._calls[call_id]
            if peer is not None:
                await peer.close()
            raise
        if self._closed:
            del self._calls[call_id]
            await peer.close()
            raise Unavailable
        call.task = asyncio.create_task(self._run(call_id, call, peer, serve), name="call")
        return call_id, answer

    async def hang_up(self, call_id: str, principal: Principal) -> None:
        """End a call of one's own; a director ends any. Raises `NotFound`."""
        call = self._calls.get(call_id)
        if call is None or (principal.role != "director" and call.principal.id != principal.id):
            raise NotFound("There is no such call.")
        await self._end([call], _hung_up)

    async def close(self) -> None:
        """End them all; none begins any more."""
        self._closed = True
        await self._end(list(self._calls.values()), _going_away)

    async def _end(self, calls: list[_Call], why: Callable[[], Hangup]) -> None:
        """Whoever serves a connected call says goodbye first; what only rings, or takes too long, is cancelled."""
        tasks = [call.task for call in calls if call.task is not None]
        for call in calls:
            call.end = call.end or why()
            if call.wire is not None:
                call.wire.hang_up(call.end)
            elif call.task is not None:
                call.task.cancel()
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=_GOODBYE_S)
        finally:
            for call in calls:
                if call.task is not None and not call.over:
                    call.task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, call_id: str, call: _Call, peer: Peer, serve: Serve) -> None:
        try:
            wire = call.wire = await peer.wire(CONNECT_S)
            if wire is None:
                _log.info("call.not_connected", call=call_id)
            else:
                await serve(wire)
        except Exception:
            _log.exception("call.failed", call=call_id)
        finally:
            del self._calls[call_id]
            call.over = True
            try:
                await _last_word(call)
            finally:
                await peer.close()


def _hung_up() -> Hangup:
    # For good: a page that was cut off without a word, or told to come again, would call again.
    return Hangup(POLICY, "hung_up", ClientError("hung_up", "The call was ended."), goodbye=True)


def _going_away() -> Hangup:
    return Hangup(GOING_AWAY, "going away")


async def _last_word(call: _Call) -> None:
    """Of a call that was hung up while whoever serves it could not say so, as long as a stage does not answer."""
    if call.wire is None or call.end is None or not call.wire.open:
        return
    with contextlib.suppress(Hangup, TimeoutError):
        async with asyncio.timeout(_LAST_WORD_S):
            await call.wire.close(call.end.code, call.end.reason)
