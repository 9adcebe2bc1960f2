"""A real HTTP server with the OpenAI chat interface that behaves as the model's name says: well, slowly, or in every wrong way.

`model` is a behaviour from `BEHAVIOURS`, with an argument behind a colon where it takes one: "status:429", "cut:3", "slow:50".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from tests.making.openai_answer import JSON, Answer, Behaviour, Call, OpenAiServer
from tests.making.openai_faults import FAULTS
from tests.making.openai_words import WORDS

BEHAVIOURS: Final[dict[str, Behaviour]] = WORDS | FAULTS


@asynccontextmanager
async def openai_server() -> AsyncIterator[OpenAiServer]:
    """Listen on a free loopback port for the time of the block."""
    state = OpenAiServer()
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await _serve(state, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone, which is what many tests want
        finally:
            running.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    state.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield state
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _serve(state: OpenAiServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    body = json.loads(await reader.readexactly(length)) if length else {}
    call = Call(first.split(" ")[1], headers, body)
    state.calls.append(call)
    answer = Answer(state, call, writer)
    watcher = asyncio.create_task(_until_gone(reader, call))
    try:
        if call.path.endswith("/models"):
            await answer.head(kind=JSON)
            await answer.raw(json.dumps({"data": [{"id": name} for name in state.models]}).encode())
        elif call.path.endswith("/api/tags"):
            await answer.head(kind=JSON)
            await answer.raw(json.dumps({"models": [{"name": name} for name in state.models]}).encode())
        elif call.path.endswith("/chat/completions"):
            model = str(body.get("model"))
            state.counts[model] = state.counts.get(model, 0) + 1
            name, _, argument = model.partition(":")
            await BEHAVIOURS[name](answer, argument)
        else:
            await answer.head(404, JSON)
    finally:
        watcher.cancel()


async def _until_gone(reader: asyncio.StreamReader, call: Call) -> None:
    """Nothing more is expected from the client, so whatever ends the wait is its going."""
    with contextlib.suppress(ConnectionError):
        await reader.read(1)
    call.left.set()
