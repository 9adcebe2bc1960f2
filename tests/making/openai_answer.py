"""One request to the OpenAI chat interface, and the answering side of it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

REPLY: Final = "[joy] Well met, traveller. The fire is warm and the stew is hot. [fear:0.8 whisper] Do you hear the bell?"
JSON: Final = "application/json"
STREAM: Final = "text/event-stream"


@dataclass(slots=True)
class Call:
    """One request, as it came, and what became of it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client hung up before the end."""
    pieces: int = 0
    """Chunks that were written."""


@dataclass(slots=True)
class OpenAiServer:
    """Where it listens, and what it was asked."""

    base_url: str = ""
    reply: str = REPLY
    """What well-behaved models answer."""
    models: list[str] = field(default_factory=lambda: ["good"])
    calls: list[Call] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """Calls per model."""


class Answer:
    """The answering side of one request."""

    def __init__(self, server: OpenAiServer, call: Call, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.call = call
        self.writer = writer

    async def head(self, status: int = 200, kind: str = STREAM, **headers: str) -> None:
        """Status line and headers; the body ends when the connection does."""
        lines = [
            f"HTTP/1.1 {status} X",
            f"content-type: {kind}",
            "connection: close",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        await self.raw(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def raw(self, data: bytes) -> None:
        """Bytes, at once."""
        self.writer.write(data)
        try:
            await self.writer.drain()
        except ConnectionError:
            self.call.left.set()
            raise

    async def line(self, payload: object, end: str = "\n\n") -> None:
        """One data line."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        await self.raw(f"data: {text}{end}".encode())
        self.call.pieces += 1

    async def words(self, text: str | None = None, pause_s: float = 0.0, end: str = "\n\n") -> None:
        """The reply, word by word."""
        for word in (text if text is not None else self.server.reply).split(" "):
            await self.line(chunk(word + " "), end)
            if pause_s:
                await asyncio.sleep(pause_s)

    async def end(self, reason: str | None = "stop", *, done: bool = True) -> None:
        """Finish reason, usage and the end mark."""
        if reason is not None:
            await self.line(chunk(None, reason))
        await self.line({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 22}})
        if done:
            await self.line("[DONE]")

    def reset(self) -> None:
        """Break the connection the hard way (RST)."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def silence(self) -> None:
        """Say nothing until the client has gone."""
        await self.call.left.wait()


Behaviour = Callable[[Answer, str], Awaitable[None]]


def chunk(content: object, finish: str | None = None, **delta: object) -> dict[str, Any]:
    """One chunk of a completion."""
    body = dict(delta)
    if content is not None:
        body["content"] = content
    return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, "delta": body, "finish_reason": finish}]}
