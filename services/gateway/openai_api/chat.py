"""POST /v1/chat/completions, streamed and plain."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from ulid import ULID

from services.core.errors import TooLarge
from services.core.model.reply import Delta, ReplyFinished
from services.gateway.edge import Edge
from services.gateway.openai_api.chat_request import ChatRequest
from services.gateway.openai_api.chat_sources import ChatEvent, in_session, stateless
from services.gateway.openai_api.models import character_of
from services.gateway.principals import principal_of
from services.gateway.problems import openai_error, shown, status_of
from services.gateway.streaming import DISCONNECTED, ClosingResponse, first_of, unless_gone
from services.gateway.strict_json import StrictRoute
from services.gateway.turns import Turns, Words

MAX_WORDS: Final = 4_000
"""Code points that may be said in a session at once."""
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_REASONS: Final = {"stop": "stop", "length": "length", "truncated": "length", "content_filter": "content_filter"}


@dataclass(frozen=True, slots=True)
class _Head:
    """What every chunk of one completion repeats."""

    id: str
    created: int
    model: str


def router(edge: Edge, turns: Turns) -> APIRouter:
    """The completion route."""
    routes = APIRouter(prefix="/v1/chat", tags=["openai"], route_class=StrictRoute)

    @routes.post("/completions", response_model=None)
    async def complete(wanted: ChatRequest, request: Request, x_souffleur_session: Annotated[str, Header(max_length=64)] = "") -> Response:
        """Answer as the character; with the header X-Souffleur-Session in that session, else without a trace."""
        character = await character_of(wanted.model, edge.characters)
        head = _Head(f"chatcmpl-{ULID()}", edge.runtime.clock.wall_ms() // 1000, wanted.model)
        session = x_souffleur_session
        events = in_session(turns, _words(wanted, request, session)) if session else stateless(edge, wanted, character)
        if wanted.stream:
            options = wanted.stream_options
            frames = _frames(head, events, usage=options is not None and bool(options.include_usage))
            return ClosingResponse(await first_of(frames), media_type="text/event-stream", headers=_HEADERS)
        answer = await unless_gone(request, _whole(head, events))
        return answer if answer is not None else DISCONNECTED

    return routes


def _words(wanted: ChatRequest, request: Request, session: str) -> Words:
    text = wanted.last_words()
    if len(text) > MAX_WORDS:
        raise TooLarge(f"What is said may have {MAX_WORDS} characters.")
    return Words(session=session, principal=principal_of(request), text=text, message=str(ULID()), minted=True)


async def _whole(head: _Head, events: AsyncGenerator[ChatEvent, None]) -> JSONResponse:
    text, finished = [], ReplyFinished("stop")
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Delta):
                text.append(event.text)
            elif isinstance(event, ReplyFinished):
                finished = event
    message = {"role": "assistant", "content": "".join(text), "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": _REASONS.get(finished.reason, "stop"), "logprobs": None}
    return JSONResponse(
        {"id": head.id, "object": "chat.completion", "created": head.created, "model": head.model, "choices": [choice], "usage": _usage(finished)},
    )


async def _frames(head: _Head, events: AsyncGenerator[ChatEvent, None], *, usage: bool) -> AsyncGenerator[bytes, None]:
    """Server-sent chunks. Nothing is sent before the first word: until then an error is an ordinary answer."""
    finished = ReplyFinished("stop")
    begun = False
    async with aclosing(events):
        try:
            async for event in events:
                if isinstance(event, Delta):
                    if not begun:
                        begun = True
                        yield _chunk(head, {"role": "assistant", "content": ""})
                    yield _chunk(head, {"content": event.text})
                elif isinstance(event, ReplyFinished):
                    finished = event
        except Exception as error:
            if not begun:
                raise
            told = shown(error)
            yield _data(openai_error(status_of(told), told.code, told.detail))
            return
    if not begun:
        yield _chunk(head, {"role": "assistant", "content": ""})
    yield _chunk(head, {}, _REASONS.get(finished.reason, "stop"))
    if usage:
        yield _data({"id": head.id, "object": "chat.completion.chunk", "created": head.created, "model": head.model, "choices": [], "usage": _usage(finished)})
    yield b"data: [DONE]\n\n"


def _chunk(head: _Head, delta: dict[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
    return _data({"id": head.id, "object": "chat.completion.chunk", "created": head.created, "model": head.model, "choices": [choice]})


def _data(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def _usage(finished: ReplyFinished) -> dict[str, int]:
    total = finished.prompt_tokens + finished.completion_tokens
    return {"prompt_tokens": finished.prompt_tokens, "completion_tokens": finished.completion_tokens, "total_tokens": total}
