"""Server-sent events: one frame per value, a heartbeat while nothing happens, an end when the server stops."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from anyio import CancelScope
from starlette.requests import Request
from starlette.responses import StreamingResponse

from services.gateway.problems import problem, shown, status_of
from services.gateway.streaming import ClosingResponse, ended, first_of

HEARTBEAT_S: Final = 15.0
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def frame(data: Any, *, event: str = "", id: int | None = None) -> bytes:  # noqa: A002 - the field's own name
    """One event; `data` is written as JSON, which has no line breaks."""
    head = (f"id: {id}\n" if id is not None else "") + (f"event: {event}\n" if event else "")
    return f"{head}data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def response(frames: AsyncGenerator[bytes, None], stopping: asyncio.Event) -> StreamingResponse:
    """Stream `frames` until they end, the client leaves or the server stops; the generator is closed in every case."""
    return ClosingResponse(_beating(frames, stopping), media_type="text/event-stream", headers=_HEADERS)


def wanted(request: Request) -> bool:
    """The client asked for events instead of JSON."""
    return "text/event-stream" in request.headers.get("accept", "")


async def started(frames: AsyncGenerator[bytes, None], stopping: asyncio.Event) -> StreamingResponse:
    """As `response`, but waits for the first frame, so that a refusal is still an ordinary error answer."""
    return response(await first_of(frames), stopping)


async def _beating(frames: AsyncGenerator[bytes, None], stopping: asyncio.Event) -> AsyncIterator[bytes]:
    async with aclosing(frames):
        stop = asyncio.ensure_future(stopping.wait())
        turn = asyncio.ensure_future(anext(frames, None))
        try:
            while True:
                await asyncio.wait({turn, stop}, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
                if turn.done():
                    value = turn.result()
                    if value is None:
                        return
                    yield value
                    turn = asyncio.ensure_future(anext(frames, None))
                elif stop.done():
                    return
                else:
                    yield b": still here\n\n"
        except Exception as error:  # the status line is gone: it is told as a frame, and logged if unexpected
            told = shown(error)
            yield frame(problem(status_of(told), told.code, told.detail), event="error")
        finally:
            # The framework cancels over and over until we are out; a generator that still runs cannot be closed.
            with CancelScope(shield=True):
                await ended(turn, stop)
