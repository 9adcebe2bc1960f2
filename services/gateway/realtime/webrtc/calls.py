"""The calls of one server: so many at once, each with an end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from services.core.errors import NotFound, Overloaded, Unavailable
from services.core.model.principal import Principal
from services.gateway.problems import StillRinging
from services.gateway.realtime.webrtc.peer import Peer
from services.gateway.realtime.webrtc.wire import CallWire

CONNECT_S: Final = 15.0
"""From the answer to an open data channel: ICE, DTLS and the channel's own handshake."""
_MOST_RINGING: Final = 6
"""Calls of one principal that are not connected yet: a table's worth behind one address, but nobody keeps the others out with them."""

_log = structlog.get_logger(__name__)
Serve = Callable[[CallWire], Awaitable[None]]
"""Runs the realtime connection over the wire, to its end."""


@dataclass(slots=True)
class _Call:
    principal: Principal
    connected: bool = False
    task: asyncio.Task[None] | None = None


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
        if sum(call.principal.id == principal.id and not call.connected for call in self._calls.values()) >= _MOST_RINGING:
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
        await self._end([call])

    async def close(self) -> None:
        """End them all; none begins any more."""
        self._closed = True
        await self._end(list(self._calls.values()))

    async def _end(self, calls: list[_Call]) -> None:
        tasks = [call.task for call in calls if call.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, call_id: str, call: _Call, peer: Peer, serve: Serve) -> None:
        try:
            wire = await peer.wire(CONNECT_S)
            if wire is None:
                _log.info("call.not_connected", call=call_id)
            else:
                call.connected = True
                await serve(wire)
        except Exception:
            _log.exception("call.failed", call=call_id)
        finally:
            del self._calls[call_id]
            await peer.close()
