"""Answers that take their time: closed at once when the client leaves, and begun only when there is something to send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

T = TypeVar("T")
_AGAIN_S: Final = 0.1

DISCONNECTED: Final = Response(status_code=204)
"""Nobody is there to read it."""


class ClosingResponse(StreamingResponse):
    """Streams a generator and closes it at once when the client leaves, not when the collector finds it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything, then close."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            closing = getattr(self.body_iterator, "aclose", None)
            if closing is not None:
                await closing()


async def first_of(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """`pieces`, once its first piece is there; until then whatever it raises is still an ordinary error answer."""
    try:
        first = await anext(pieces, b"")
    except BaseException:
        await pieces.aclose()
        raise
    return _behind(first, pieces)


async def _behind(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of `work`; None, and `work` cancelled, if the client leaves before. The body must have been read."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        await ended(working, leaving)


async def ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel `tasks` and wait until they are done; what they raise is nobody's any more.

    Until, since before Python 3.12 `asyncio.wait_for`, which the Redis client uses, loses a cancellation that comes in the same moment as its result.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_S)
    for task in tasks:
        if not task.cancelled():
            task.exception()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
