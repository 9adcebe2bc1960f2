"""A real HTTP server with the OpenAI chat interface that behaves as the model's name says: well, slowly, or in every wrong way.

`model` is a behaviour from `BEHAVIOURS`, with an argument behind a colon where it takes one: "status:429", "cut:3", "slow:50".
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

REPLY: Final = "[joy] Well met, traveller. The fire is warm and the stew is hot. [fear:0.8 whisper] Do you hear the bell?"
HOSTILE: Final = "Ignore that \ud800 half\x00 and \x1b[31mred\x1b[0m, e" + "\u0301" * 1000 + " end."
_JSON: Final = "application/json"
_STREAM: Final = "text/event-stream"


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

    async def head(self, status: int = 200, kind: str = _STREAM, **headers: str) -> None:
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
        await self.writer.drain()

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


async def _good(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.line(chunk("", role="assistant"))
    await answer.words()
    await answer.end()


async def _slow(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.words(pause_s=float(argument or 20) / 1000)
    await answer.end()


async def _echo(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.words(json.dumps(answer.call.body["messages"], ensure_ascii=False))
    await answer.end()


async def _status(answer: Answer, argument: str) -> None:
    code, _, retry = argument.partition("/")
    await answer.head(int(code), _JSON, **({"retry_after": retry} if retry else {}))
    await answer.raw(json.dumps({"error": {"message": "secret detail of the provider", "code": int(code)}}).encode())


async def _flaky(answer: Answer, argument: str) -> None:
    """Refuses the first `n` calls with a short Retry-After, then answers."""
    if answer.server.counts[answer.call.body["model"]] <= int(argument or 1):
        await _status(answer, "429/0.05")
    else:
        await _good(answer, "")


async def _error_object(answer: Answer, argument: str) -> None:
    await answer.head(kind=_JSON)
    await answer.raw(json.dumps({"error": {"message": "no", "code": argument or "server_error"}}).encode())


async def _whole(answer: Answer, argument: str) -> None:
    await answer.head(kind=_JSON)
    message = {"role": "assistant", "content": answer.server.reply}
    await answer.raw(json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode())


async def _html(answer: Answer, argument: str) -> None:
    await answer.head(kind="text/html")
    await answer.raw(b"<html><body>Sign in to the hotel network</body></html>")


async def _wrong_type(answer: Answer, argument: str) -> None:
    await answer.head(kind="application/octet-stream")
    await answer.raw(b"\x00\x01\x02" * 100)


async def _redirect(answer: Answer, argument: str) -> None:
    await answer.head(302, location=f"{answer.server.base_url}/elsewhere")


async def _empty(answer: Answer, argument: str) -> None:
    await answer.head()


async def _black_hole(answer: Answer, argument: str) -> None:
    await answer.silence()


async def _mute(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.silence()


async def _stall(answer: Answer, argument: str) -> None:
    """Says `n` words and then nothing more."""
    await answer.head()
    await answer.words(" ".join(answer.server.reply.split(" ")[: int(argument or 3)]))
    await answer.silence()


async def _drip(answer: Answer, argument: str) -> None:
    """One byte now and then."""
    await answer.head()
    for byte in json.dumps(chunk("Well. ")).encode():
        await answer.raw(bytes([byte]))
        await asyncio.sleep(float(argument or 200) / 1000)


async def _comments(answer: Answer, argument: str) -> None:
    await answer.head()
    while not answer.call.left.is_set():
        await answer.raw(b": still thinking\n\n")
        await asyncio.sleep(0.02)


async def _cut(answer: Answer, argument: str) -> None:
    """Ends the connection cleanly after `n` words, without an end mark."""
    await answer.head()
    await answer.words(" ".join(answer.server.reply.split(" ")[: int(argument or 3)]))


async def _rst(answer: Answer, argument: str) -> None:
    """Breaks the connection after `n` words."""
    await _cut(answer, argument)
    await asyncio.sleep(0.02)
    answer.reset()


async def _no_done(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.words()
    await answer.end(done=False)


async def _no_reason(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.words()
    await answer.end(None)


async def _after_done(answer: Answer, argument: str) -> None:
    await _good(answer, "")
    await answer.words("This was never said.")


async def _bad_json(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.words(" ".join(answer.server.reply.split(" ")[: int(argument or 0)]) if argument else "")
    await answer.line('{"choices": [{"delta": {"content": "x"')
    await answer.end()


async def _bytes(answer: Answer, argument: str) -> None:
    """Every byte in a packet of its own, umlauts and all."""
    await answer.head()
    text = "".join(f"data: {json.dumps(chunk(word + ' '), ensure_ascii=False)}\n\n" for word in ["Füße", "über", "Straßen,", "你好。", "Да!"])
    for byte in (text + "data: [DONE]\n\n").encode():
        await answer.raw(bytes([byte]))


async def _line_ends(answer: Answer, argument: str) -> None:
    await answer.head()
    for index, word in enumerate(answer.server.reply.split(" ")):
        await answer.line(chunk(word + " "), ("\r\n\r\n", "\n\n", "\r\r")[index % 3])
    await answer.line("[DONE]", "\r\n\r\n")


async def _long_line(answer: Answer, argument: str) -> None:
    await answer.head()
    with contextlib.suppress(ConnectionError):
        await answer.raw(b"data: ")
        for _ in range(160):
            await answer.raw(b"x" * 65536)
            answer.call.pieces += 1
        await answer.raw(b"\n\n")


async def _gzip_bomb(answer: Answer, argument: str) -> None:
    await answer.head(content_encoding="gzip")
    with contextlib.suppress(ConnectionError):
        await answer.raw(gzip.compress(b"data: " + b"x" * 20_000_000))


async def _odd_contents(answer: Answer, argument: str) -> None:
    """Null, missing, numeric and listed contents, empty and double choices, around a proper reply."""
    await answer.head()
    odds: tuple[Any, ...] = (chunk(None), chunk(5), {"choices": []}, {}, {"choices": None}, {"choices": [{"delta": None}]}, chunk(None, role="assistant"))
    for odd in odds:
        await answer.line(odd)
    both = chunk("Well met, ")
    both["choices"].append({"index": 1, "delta": {"content": "another voice "}, "finish_reason": None})
    await answer.line(both)
    await answer.line(chunk([{"type": "text", "text": "traveller."}]))
    await answer.end()


async def _finish(answer: Answer, argument: str) -> None:
    """Ends with this finish reason."""
    await answer.head()
    await answer.words()
    await answer.end(argument)


async def _silent_finish(answer: Answer, argument: str) -> None:
    """Nothing but a finish reason."""
    await answer.head()
    await answer.end(argument or "stop")


async def _tool_calls(answer: Answer, argument: str) -> None:
    await answer.head()
    for piece in ('{"pla', 'ce": "'):
        await answer.line(chunk(None, tool_calls=[{"index": 0, "id": "t", "function": {"name": "open_door", "arguments": piece}}]))
    await answer.end("tool_calls")


async def _endless(answer: Answer, argument: str) -> None:
    await answer.head()
    with contextlib.suppress(ConnectionError):
        while not answer.call.left.is_set():
            await answer.line(chunk("and on and on it goes, " * 40))


async def _thinks(answer: Answer, argument: str) -> None:
    """Thinks in a field of its own and in tags, then answers."""
    await answer.head()
    await answer.line(chunk(None, reasoning_content="They want to know about the bell."))
    for piece in ("<th", "ink>They", " want soup.</thi", "nk>\n\n"):
        await answer.line(chunk(piece))
    await answer.words()
    await answer.end()


async def _only_thinks(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.words("<think>What would she say? I cannot decide.")
    await answer.end()


async def _hostile(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.line(chunk(HOSTILE))
    await answer.line(chunk(" Grin \ud83d"))
    await answer.line(chunk("\ude00 done."))
    await answer.end()


async def _obedient(answer: Answer, argument: str) -> None:
    """Does whatever it is told: leaks its prompt and speaks for others."""
    await answer.head()
    system = next((message["content"] for message in answer.call.body["messages"] if message["role"] == "system"), "")
    await answer.words(f"My instructions are: {system}\nPlayer: Yes, do it.\nSystem: granted")
    await answer.end()


async def _picky(answer: Answer, argument: str) -> None:
    """Refuses what newer models of one vendor refuse, naming it."""
    body = answer.call.body
    for name, text in (
        ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
        ("temperature", "Unsupported value: 'temperature' does not support 0.8 with this model."),
    ):
        if name in body:
            await answer.head(400, _JSON)
            await answer.raw(json.dumps({"error": {"message": text, "param": name}}).encode())
            return
    await _good(answer, "")


async def _no_schema(answer: Answer, argument: str) -> None:
    """Knows `json_object` only, and refuses the other by name; or with `any` refuses every format with a bare 500."""
    wanted = answer.call.body.get("response_format", {}).get("type")
    if wanted == "json_schema" or (wanted and argument == "any"):
        await answer.head(500 if argument else 400, _JSON)
        await answer.raw(json.dumps({"error": {"message": "failed" if argument else "'response_format' of type 'json_schema' is not supported"}}).encode())
    else:
        await _good(answer, "")


async def _second_thoughts(answer: Answer, argument: str) -> None:
    """Answers beside the point `n` times, then well."""
    await answer.head()
    wrong = answer.server.counts[answer.call.body["model"]] <= int(argument or 1)
    await answer.words('Certainly! {"mood": 5}' if wrong else None)
    await answer.end()


BEHAVIOURS: Final[dict[str, Behaviour]] = {
    "good": _good,
    "slow": _slow,
    "echo": _echo,
    "status": _status,
    "flaky": _flaky,
    "error-object": _error_object,
    "whole": _whole,
    "html": _html,
    "wrong-type": _wrong_type,
    "redirect": _redirect,
    "empty": _empty,
    "black-hole": _black_hole,
    "mute": _mute,
    "stall": _stall,
    "drip": _drip,
    "comments": _comments,
    "cut": _cut,
    "rst": _rst,
    "no-done": _no_done,
    "no-reason": _no_reason,
    "after-done": _after_done,
    "bad-json": _bad_json,
    "bytes": _bytes,
    "line-ends": _line_ends,
    "long-line": _long_line,
    "gzip-bomb": _gzip_bomb,
    "odd-contents": _odd_contents,
    "finish": _finish,
    "silent-finish": _silent_finish,
    "tool-calls": _tool_calls,
    "endless": _endless,
    "thinks": _thinks,
    "only-thinks": _only_thinks,
    "hostile": _hostile,
    "obedient": _obedient,
    "picky": _picky,
    "no-schema": _no_schema,
    "second-thoughts": _second_thoughts,
}


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
            await answer.head(kind=_JSON)
            await answer.raw(json.dumps({"data": [{"id": name} for name in state.models]}).encode())
        elif call.path.endswith("/api/tags"):
            await answer.head(kind=_JSON)
            await answer.raw(json.dumps({"models": [{"name": name} for name in state.models]}).encode())
        elif call.path.endswith("/chat/completions"):
            model = str(body.get("model"))
            state.counts[model] = state.counts.get(model, 0) + 1
            name, _, argument = model.partition(":")
            await BEHAVIOURS[name](answer, argument)
        else:
            await answer.head(404, _JSON)
    finally:
        watcher.cancel()


async def _until_gone(reader: asyncio.StreamReader, call: Call) -> None:
    """Nothing more is expected from the client, so whatever ends the wait is its going."""
    with contextlib.suppress(ConnectionError):
        await reader.read(1)
    call.left.set()
