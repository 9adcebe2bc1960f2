"""`POST /v1/realtime/calls`: an SDP offer in, the answer out, and the call goes on beside the request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.core.errors import InvalidRequest, NotFound, Unavailable
from services.gateway.edge import Edge, principal_of
from services.gateway.problems import NotInstalled, NotOffered
from services.gateway.realtime.config import SessionConfig, updated
from services.gateway.realtime.connection import Wanted
from services.gateway.realtime.errors import ClientError
from services.gateway.realtime.webrtc.offer import Offer, offer_of
from services.gateway.realtime.wire import Wire

if TYPE_CHECKING:
    from services.gateway.realtime.webrtc.calls import Calls
    from services.gateway.realtime.webrtc.peer import Peer

PATH: Final = "/v1/realtime/calls"
_PACKAGE: Final = __package__
Serve = Callable[[Wire, Wanted], Awaitable[None]]
Read = Callable[[Request, str], Wanted]


def installed() -> bool:
    """Whether this server can take calls."""
    return find_spec("aiortc") is not None


def router(edge: Edge, read: Read, serve: Serve) -> APIRouter:
    """`read` is what a request's query asks for, with the model that its form names; `serve` runs a connection. The lifespan ends all calls."""
    desk = _Desk(edge, read, serve)
    routes = APIRouter(tags=["realtime"], lifespan=desk.lifespan)
    routes.add_api_route(PATH, desk.begin, methods=["POST"], status_code=201, response_class=Response)
    routes.add_api_route(f"{PATH}/{{call_id}}", desk.end, methods=["DELETE"], status_code=204, response_class=Response)
    routes.add_api_route(f"{PATH}/{{call_id}}/hangup", desk.end, methods=["POST"], status_code=200, response_class=Response)
    return routes


class _Desk:
    def __init__(self, edge: Edge, read: Read, serve: Serve) -> None:
        self._edge = edge
        self._read = read
        self._serve = serve
        self._calls: Calls | None = None
        self._open = False

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Calls are taken while the application runs."""
        self._open = True
        try:
            yield
        finally:
            self._open = False
            if self._calls is not None:
                await self._calls.close()

    async def begin(self, request: Request) -> Response:
        """Answer an offer."""
        calls = await self._ready()
        offer = await offer_of(request)
        wanted = self._read(request, _model_of(offer))
        if offer.session is not None:
            _check(offer.session)
            wanted = replace(wanted, configured=offer.session)
        if not wanted.session and not wanted.character:
            raise NotFound("The model is npc/<slug>, one of /v1/models.")
        most = self._edge.runtime.settings.gateway.max_calls
        # Whoever calls may hang up, under whatever name they play.
        call_id, answer = await calls.answered(self._peer, offer.sdp, principal_of(request), lambda wire: self._serve(wire, wanted), most)
        return Response(answer, 201, {"Location": f"{PATH}/{call_id}"}, "application/sdp")

    async def end(self, call_id: str, request: Request) -> Response:
        """Hang up."""
        if self._calls is not None:
            await self._calls.hang_up(call_id, principal_of(request))
        return Response(status_code=204 if request.method == "DELETE" else 200)

    async def _ready(self) -> Calls:
        if not installed():
            raise NotInstalled("Calls by WebRTC need the package aiortc: install Souffleur with the extra webrtc (uv sync --extra webrtc).")
        if self._edge.runtime.settings.gateway.max_calls == 0:
            raise NotOffered("This server takes no calls by WebRTC (gateway.max_calls is 0): come by WebSocket.")
        if self._calls is None:
            # Some tenth of a second of imports: beside the loop, and only where somebody calls.
            made: Any = await asyncio.to_thread(import_module, f"{_PACKAGE}.calls")
            self._calls = self._calls or made.Calls()
        if not self._open:
            raise Unavailable
        return self._calls

    async def _peer(self) -> Peer:
        from services.gateway.realtime.webrtc.addresses import listening_at
        from services.gateway.realtime.webrtc.peer import Peer

        settings = self._edge.runtime.settings.gateway
        return Peer(list(settings.call_addresses) or await listening_at(settings.host), settings.call_stun)


def _model_of(offer: Offer) -> str:
    model = (offer.session or {}).get("model", "")
    return model if isinstance(model, str) else ""


def _check(session: Mapping[str, Any]) -> None:
    """Refuse now what would only be an event in a call that has to be made first."""
    try:
        updated(SessionConfig(session="", model="", hang_over_ms=0), session)
    except ClientError as error:
        raise InvalidRequest(f"{error.param or 'session'}: {error.message}") from None
