"""The doorkeeper: whom this server answers to at all. Pure ASGI, for HTTP and WebSockets alike, before anything is accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.core.settings import GatewaySettings
from services.gateway.principals import host_of, is_here
from services.gateway.problems import TOLD, answer

_WILDCARDS: Final = frozenset({"", "0.0.0.0", "::", "*"})  # noqa: S104 - compared with, never bound to
_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_SCHEMES: Final = {"ws": "http", "wss": "https"}

_POLICY: Final = (
    "default-src 'self'",
    "script-src 'self' blob: 'wasm-unsafe-eval'",
    "worker-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)
PAGE_POLICY: Final = "; ".join(_POLICY)
"""No inline script anywhere; `blob:` and wasm are what an AudioWorklet of the built page needs."""

_HEADERS: Final = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_CORS: Final = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID, X-Souffleur-Session, "
    "X-Souffleur-Operator, X-Souffleur-Operator-Name",
    "Access-Control-Max-Age": "600",
}
_EXPOSED: Final = "ETag, Location, Retry-After"


class Doorkeeper:
    """Refuses foreign Hosts (421) and foreign Origins (403); adds security headers and CORS answers."""

    def __init__(self, app: ASGIApp, settings: Callable[[], GatewaySettings]) -> None:
        """`settings` is asked on every request, so that a change counts at once."""
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        settings = self._settings()
        refusal = _refusal(scope, headers, settings)
        if refusal is not None:
            await _deny(scope, receive, send, refusal)
            return
        origin = headers.get("origin")
        shared = origin is not None and _normal(origin) in _origins(settings.allowed_origins)
        if scope["type"] == "http" and scope["method"] == "OPTIONS" and shared and "access-control-request-method" in headers:
            await _decorated(Response(status_code=204, headers=_CORS), origin or "", scope, receive, send)
            return
        try:
            await self._app(scope, receive, _decorating(send, origin if shared else None))
        except Exception:
            if TOLD not in scope:
                raise


def _refusal(scope: Scope, headers: Headers, settings: GatewaySettings) -> Response | None:
    path = scope["path"]
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not _known_host(host_of(hosts[0]), scope, settings):
        return answer(path, 421, "unknown_host", "This server does not answer to that host name; see gateway.allowed_hosts.")
    origins = headers.getlist("origin")
    if len(origins) > 1 or (origins and not _known_origin(origins[0], hosts[0], scope, settings)):
        return answer(path, 403, "foreign_origin", "Pages of that origin may not call this server; see gateway.allowed_origins.")
    cross_site = headers.get("sec-fetch-site") in ("cross-site", "same-site")
    if cross_site and not origins and scope.get("method", "GET") in _UNSAFE:
        return answer(path, 403, "foreign_origin", "Pages of other sites may not change anything here.")
    return None


def _known_host(name: str, scope: Scope, settings: GatewaySettings) -> bool:
    if not name:
        return False
    if is_here(name):
        return True
    known = {host.lower().rstrip(".") for host in settings.allowed_hosts}
    if settings.host not in _WILDCARDS:
        known.add(settings.host.lower())
    # The address that the connection really arrived at: a rebound name never looks like this.
    server = scope.get("server")
    if server:
        known.add(str(server[0]).lower())
    return name in known


def _known_origin(origin: str, host: str, scope: Scope, settings: GatewaySettings) -> bool:
    normal = _normal(origin)
    if not normal:
        return False
    scheme = _SCHEMES.get(scope["scheme"], scope["scheme"])
    # A proxy in front may speak TLS where this hop does not.
    own = {_normal(f"{scheme}://{host}"), _normal(f"https://{host}")}
    return normal in own or normal in _origins(settings.allowed_origins)


def _origins(values: Iterable[str]) -> set[str]:
    return {_normal(value) for value in values} - {""}


def _normal(origin: str) -> str:
    """Scheme, host and port in one spelling; empty for `null` and whatever else is no origin."""
    try:
        parts = urlsplit(origin.strip().lower())
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port or (443 if parts.scheme == 'https' else 80)}"


async def _deny(scope: Scope, receive: Receive, send: Send, refusal: Response) -> None:
    if scope["type"] == "http":
        await refusal(scope, receive, _decorating(send, None))
    elif "websocket.http.response" in scope.get("extensions", {}):
        await refusal(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": ""})


async def _decorated(response: Response, origin: str, scope: Scope, receive: Receive, send: Send) -> None:
    await response(scope, receive, _decorating(send, origin))


def _decorating(send: Send, origin: str | None) -> Send:
    async def decorated(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.add_vary_header("Origin")
            if origin is not None:
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Expose-Headers"] = _EXPOSED
        await send(message)

    return decorated
