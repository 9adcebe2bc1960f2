"""`WS /v1/realtime`: who may come in, and how many. Calls by WebRTC come to the same connection."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

from services.core.errors import InvalidRequest, Overloaded, SouffleurError, Unavailable
from services.core.model.principal import Principal
from services.gateway.edge import Edge, principal_of
from services.gateway.hearing.ear import Hearing
from services.gateway.hearing.pool import VadPool
from services.gateway.hearing.utterance import Limits
from services.gateway.hearing.vad import builder
from services.gateway.principals import operator_of
from services.gateway.realtime.config import MOST_HEADS, PLACE_LENGTH
from services.gateway.realtime.connection import Connection, Wanted
from services.gateway.realtime.roster import Rosters
from services.gateway.realtime.voice import SUBPROTOCOL
from services.gateway.realtime.webrtc import routes as webrtc
from services.gateway.realtime.wire import SocketWire, Wire

_PREFIX: Final = "npc/"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME_LENGTH: Final = 64
_SLACK_S: Final = 5.0
"""Audio kept beyond the longest utterance: the pre-roll, and what comes until the stage has decided."""
_FOREIGN: Final = "realtime"
"""The subprotocol that the vendor's browser clients ask for."""
_REALTIME: Final = "realtime"
_GUESTS: Final = "page"
"""Whatever a guest's client is: nothing that it says tells it from the page."""


def router(edge: Edge) -> APIRouter:
    """The realtime endpoints. Their lifespan ends the calls, then the voice activity's thread."""
    doors = _Doors(edge)
    routes = APIRouter(lifespan=doors.lifespan)
    routes.add_api_websocket_route("/v1/realtime", doors.enter)
    routes.include_router(webrtc.router(edge, lambda request, model: _wanted(request, binary=True, model=model), doors.serve))
    return routes


class _Doors:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._hearing: Hearing | None = None
        self._rosters = Rosters(edge.log, edge.archive, edge.runtime.clock)
        self._inside = 0

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Voice activity is judged while the application runs."""
        runtime = self._edge.runtime
        pool = VadPool(builder(runtime.settings.hearing.vad))
        self._hearing = Hearing(pool=pool, recogniser=self._edge.stt, limits=self._limits, clock=runtime.clock)
        try:
            yield
        finally:
            self._hearing = None
            await pool.close()

    def _limits(self) -> Limits:
        settings = self._edge.runtime.settings
        return Limits(longest_s=settings.stage.longest_utterance_s + _SLACK_S, final_timeout_s=settings.stt.final_timeout_s)

    async def serve(self, wire: Wire, wanted: Wanted) -> None:
        """One client whose wire stands."""
        if self._hearing is None:
            raise Unavailable
        await Connection(wire, self._edge, self._hearing, self._rosters, wanted).run()

    async def enter(self, socket: WebSocket) -> None:
        """One client."""
        if self._hearing is None or self._inside >= self._edge.runtime.settings.gateway.max_sockets:
            await _turned_away(socket, Unavailable() if self._hearing is None else Overloaded())
            return
        self._inside += 1
        try:
            offered = socket.scope.get("subprotocols") or []
            chosen = next((name for name in (SUBPROTOCOL, _FOREIGN) if name in offered), None)
            try:
                wanted = _wanted(socket, binary=chosen == SUBPROTOCOL)
            except InvalidRequest as error:
                await _turned_away(socket, error)
                return
            await socket.accept(subprotocol=chosen)
            await self.serve(SocketWire(socket, binary=wanted.binary), wanted)
        finally:
            self._inside -= 1


def _wanted(socket: HTTPConnection, *, binary: bool, model: str = "") -> Wanted:
    """What the query asks for; `model` where it names none."""
    query = socket.query_params
    model = (query.get("model") or model)[: _NAME_LENGTH * 2]
    slug = model.removeprefix(_PREFIX)
    after = query.get("after_seq", "0")
    monitor = query.get("monitor", "") == "1"
    principal = _acting(principal_of(socket), query.get("name", ""), query.get("role", ""))
    if monitor and principal.role == "director" and (operator := query.get("operator")):
        # Whoever only watches is nobody's participant: seats stay with the connection's own principal.
        principal = operator_of(principal, operator, principal.name)
    return Wanted(
        principal=principal,
        model=model,
        character=slug if model.startswith(_PREFIX) and _ID.fullmatch(slug) else "",
        session=_identifier(query.get("session", "")),
        participant=_identifier(query.get("participant", "")),
        after_seq=int(after) if after.isascii() and after.isdigit() and len(after) < 16 else 0,
        binary=binary,
        monitor=monitor,
        platform=_platform(principal_of(socket), query.get("platform", "")),
        place=_printable(query.get("place", ""), PLACE_LENGTH),
        heads=_heads(query.get("heads", "1")),
    )


def _platform(principal: Principal, claimed: str) -> str:
    """Where its words come from. Approval may depend on it, so it is believed only of what runs at this machine: bridges, and the director's own page."""
    return (_identifier(claimed) or _REALTIME) if principal.role == "director" else _GUESTS


def _acting(principal: Principal, name: str, role: str) -> Principal:
    """The principal under the name that it gives itself. A role may be laid down, never taken up."""
    name = _printable(name, _NAME_LENGTH)
    return replace(principal, name=name or principal.name, role="player" if role == "player" else principal.role)


def _printable(text: str, most: int) -> str:
    return "".join(sign for sign in text if sign.isprintable()).strip()[:most]


def _heads(text: str) -> int:
    """How many sit behind the microphone. Raises `InvalidRequest`: a room's that were taken for one person's would answer everybody."""
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST_HEADS):
        raise InvalidRequest(f"heads is 1 to {MOST_HEADS}")
    return int(text)


def _identifier(text: str) -> str:
    """An id as it is; what cannot be one becomes one that is nowhere found."""
    return text if not text or _ID.fullmatch(text) else "invalid"


async def _turned_away(socket: WebSocket, error: SouffleurError) -> None:
    status, headers = (503, {"retry-after": "2"}) if error.retryable else (400, {})
    problem = {"type": "about:blank", "title": error.code, "status": status, "code": error.code, "detail": error.detail}
    await socket.send_denial_response(JSONResponse(problem, status, headers, "application/problem+json"))
