"""What a request body may be: of a stated type, not larger than its route needs, and not slower than a patient person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.core.settings import GatewaySettings
from services.core.voices import MAX_CLIPS
from services.gateway.problems import answer

_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_JSON: Final = frozenset({"application/json", "application/merge-patch+json"})
_SPECIAL: Final = {
    "/v1/audio/transcriptions": frozenset({"multipart/form-data"}),
    "/v1/realtime/calls": frozenset({"application/sdp", "multipart/form-data"}),
}
"""Paths whose bodies are not JSON."""
_OWN: Final = {"/v1/realtime/calls": 256 * 1024, "/api/voices": MAX_CLIPS // 3 * 4 + 1024 * 1024}
"""Paths with a limit of their own: an offer is never long, a voice comes with all its clips in base64."""
_DOCUMENT: Final = frozenset({"text/plain", "text/vnd.fountain", "text/x-fountain"})
""".../screenplay: an edited document."""

ORDINARY_BYTES: Final = 3 * 1024 * 1024
"""Largest body where no recording is expected: a card of 2 MiB with what JSON escapes add."""

CHUNK_S: Final = 30.0
"""Longest wait for the next piece of a body."""

LINGER_BYTES: Final = 32 * 1024 * 1024
LINGER_S: Final = 5.0
"""What is still read of a body that has been refused."""


class BodyLimits:
    """Refuses bodies by type (415) and size (413), counting while they stream in."""

    def __init__(self, app: ASGIApp, settings: Callable[[], GatewaySettings]) -> None:
        """`settings` is asked on every request."""
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the head at once, the body while it is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = scope["path"]
        most = self._settings().max_body_bytes
        limit = min(most, _OWN.get(path, most if path in _SPECIAL else ORDINARY_BYTES))
        body = _Body(receive, send, limit, expected=headers.get("content-length", "0") != "0" or "transfer-encoding" in headers)
        length = headers.get("content-length")
        if length is not None and (not length.isascii() or not length.isdigit() or int(length) > limit):
            await answer(path, 413, "too_large", f"The body may have {limit} bytes here.")(scope, receive, body.send)
        elif scope["method"] in _UNSAFE and not _type_fits(path, headers):
            wanted = ", ".join(sorted(_types(path)))
            await answer(path, 415, "unsupported_media_type", f"The body must be {wanted}.")(scope, receive, body.send)
        else:
            await self._app(scope, body.receive, body.send)


class _Body:
    """One request's body, counted as it is read."""

    def __init__(self, receive: Receive, send: Send, limit: int, *, expected: bool) -> None:
        self._receive = receive
        self._send = send
        self._limit = limit
        self._seen = 0
        self._complete = not expected

    async def receive(self) -> Message:
        if self._complete:
            # From here on only a disconnect can come, and it may take as long as the answer does.
            return await self._receive()
        try:
            async with asyncio.timeout(CHUNK_S):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The body did not arrive in time.") from None
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._seen > self._limit:
                raise HTTPException(413, f"The body may have {self._limit} bytes here.")
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self._complete and not await self._drained():
            # What is still coming would be read and thrown away for as long as somebody sends it.
            MutableHeaders(scope=message)["Connection"] = "close"
        await self._send(message)

    async def _drained(self) -> bool:
        """Read away what is left, within bounds: a client that is still writing does not look at its answer."""
        left = LINGER_BYTES
        try:
            async with asyncio.timeout(LINGER_S):
                while left > 0:
                    message = await self._receive()
                    if message["type"] != "http.request":
                        return False
                    if not message.get("more_body", False):
                        return True
                    left -= len(message.get("body", b""))
        except TimeoutError:
            pass
        return False


def _type_fits(path: str, headers: Headers) -> bool:
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if given:
        return given in _types(path)
    return headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers


def _types(path: str) -> frozenset[str]:
    return _DOCUMENT if path.startswith("/api/sessions/") and path.endswith("/screenplay") else _SPECIAL.get(path, _JSON)
