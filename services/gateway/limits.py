"""What a request body may be: of a stated type, not larger than its route needs, and not slower than a patient person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.core.settings import GatewaySettings
from services.gateway.problems import answer

_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_JSON: Final = frozenset({"application/json", "application/merge-patch+json"})
_SPECIAL: Final = {
    "/v1/audio/transcriptions": frozenset({"multipart/form-data"}),
    "/v1/realtime/calls": frozenset({"application/sdp", "multipart/form-data"}),
}
"""Paths whose bodies are not JSON."""

ORDINARY_BYTES: Final = 3 * 1024 * 1024
"""Largest body where no recording is expected: a card of 2 MiB with what JSON escapes add."""

CHUNK_S: Final = 30.0
"""Longest wait for the next piece of a body."""


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
        limit = most if path in _SPECIAL else min(most, ORDINARY_BYTES)
        length = headers.get("content-length")
        if length is not None and (not length.isascii() or not length.isdigit() or int(length) > limit):
            await answer(path, 413, "too_large", f"The body may have {limit} bytes here.")(scope, receive, send)
            return
        if scope["method"] in _UNSAFE and not _type_fits(path, headers):
            wanted = ", ".join(sorted(_SPECIAL.get(path, _JSON)))
            await answer(path, 415, "unsupported_media_type", f"The body must be {wanted}.")(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)


def _type_fits(path: str, headers: Headers) -> bool:
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if given:
        return given in _SPECIAL.get(path, _JSON)
    return headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0
    complete = False

    async def counted() -> Message:
        nonlocal seen, complete
        if complete:
            # From here on only a disconnect can come, and it may take as long as the answer does.
            return await receive()
        try:
            async with asyncio.timeout(CHUNK_S):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "The body did not arrive in time.") from None
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if seen > limit:
                raise HTTPException(413, f"The body may have {limit} bytes here.")
        return message

    return counted
