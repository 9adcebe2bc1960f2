"""Server-sent events: frames, heartbeats, ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest

from services.core.errors import NotFound
from services.gateway import sse


async def _all(frames: AsyncGenerator[bytes, None], stopping: asyncio.Event) -> list[bytes]:
    return [bytes(piece) async for piece in sse.response(frames, stopping).body_iterator]  # type: ignore[arg-type] # bytes are given


async def _once(value: bytes) -> AsyncGenerator[bytes, None]:
    yield value


async def test_a_frame_is_one_event_whatever_the_text_holds() -> None:
    """Line breaks in a text do not end its frame."""
    lines = sse.frame({"text": "a\nb\r\n\ndata: c"}, event="said", id=7).decode().split("\n")
    assert lines[:2] == ["id: 7", "event: said"]
    assert json.loads(lines[2].removeprefix("data: ")) == {"text": "a\nb\r\n\ndata: c"}
    assert lines[3:] == ["", ""]


async def test_silence_is_filled_with_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that drops idle connections sees traffic."""
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.01)
    go = asyncio.Event()

    async def late() -> AsyncGenerator[bytes, None]:
        await go.wait()
        yield b"late"

    pieces = aiter(sse.response(late(), asyncio.Event()).body_iterator)
    assert bytes(await anext(pieces)).startswith(b":")  # type: ignore[arg-type]
    go.set()
    async for piece in pieces:
        if piece == b"late":
            break
    else:
        pytest.fail("what was waited for never came")
    await pieces.aclose()  # type: ignore[attr-defined]


async def test_a_stopping_server_ends_an_endless_stream_and_closes_its_source() -> None:
    """Nobody has to be cut off."""
    stopping, closed = asyncio.Event(), asyncio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            await asyncio.Event().wait()
            yield b""
        finally:
            closed.set()

    stopping.set()
    assert await _all(endless(), stopping) == []
    assert closed.is_set()


async def test_an_error_behind_the_status_line_is_a_frame() -> None:
    """A typed error is told with its code; an unexpected one is masked."""

    async def failing(error: Exception) -> AsyncGenerator[bytes, None]:
        yield b"x"
        raise error

    pieces = await _all(failing(NotFound("gone")), asyncio.Event())
    assert pieces[0] == b"x"
    assert b"event: error" in pieces[1]
    assert b'"code":"not_found"' in pieces[1]
    assert b"secret" not in (await _all(failing(ValueError("secret")), asyncio.Event()))[1]


async def test_the_first_frame_is_waited_for() -> None:
    """A refusal before it is raised and not streamed."""

    async def refused() -> AsyncGenerator[bytes, None]:
        raise NotFound
        yield b""

    with pytest.raises(NotFound):
        await sse.started(refused(), asyncio.Event())
    answer = await sse.started(_once(b"first"), asyncio.Event())
    assert [piece async for piece in answer.body_iterator] == [b"first"]
