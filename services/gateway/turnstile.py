"""The turnstile: turns and connections that begin, let in as long as anything new is taken; requests that are a turn are counted. Pure ASGI."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from services.core.draining import Draining
from services.core.errors import Unavailable
from services.gateway.problems import answer, status_of

_AGAIN: Final = {"Retry-After": "2"}
_TRY_AGAIN: Final = 1013


class Turnstile:
    """Refuses (503, `unavailable`) whatever begins a turn, a session or a connection while the program is draining; all else goes on."""

    def __init__(self, app: ASGIApp, draining: Draining) -> None:
        """`draining` is asked at every beginning, and waits for the turns that were let in."""
        self._app = app
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in or refuse."""
        try:
            if _begins(scope):
                self._draining.refuse()
        except Unavailable as refusal:
            await _refused(refusal, scope, receive, send)
            return
        if _is_turn(scope):
            with self._draining.counting("requests", lambda: 1):
                await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _is_turn(scope: Scope) -> bool:
    """Its answer comes with the end of a turn, or of what stands for one where there is no session."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    path = str(scope["path"])
    return path.startswith("/v1/") or (path.startswith("/api/sessions/") and path.endswith("/messages"))


def _begins(scope: Scope) -> bool:
    new_session = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == "/api/sessions"
    return scope["type"] == "websocket" or new_session or _is_turn(scope)


async def _refused(refusal: Unavailable, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await answer(scope["path"], status_of(refusal), refusal.code, refusal.detail, headers=_AGAIN)(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": _TRY_AGAIN, "reason": refusal.code})
