"""The other end of the text relay, a process of its own: an OpenAI-compatible server of fixed pace, and clients that read from it or through the program.

`python -m bench.relay_load` prints the server's address, then reads a `Wanted` as JSON from each line and answers each with a `Seen`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlsplit

import uvloop

from bench.relay_script import PACES, Pace, body_of, events_of
from bench.use import use_of

WARM_UP_S: Final = 1.0
_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_MODELS: Final = json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in PACES]}).encode()
_LISTED: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(_MODELS), _MODELS)
_LAST: Final = b"0\r\n\r\n"
_EMPTY: Final = b'"content":""'
_CONTENT: Final = b'"content":"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """So many streams at the same time, each one reply after another."""

    url: str
    streams: int
    seconds: float
    pace: str
    pid: int = 0
    """Of the program, if it stands between."""


@dataclass(slots=True)
class Seen:
    """What came of it, in milliseconds where it says nothing else."""

    first: list[float] = field(default_factory=list)
    """Request written -> first word here."""
    whole: list[float] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    failures: list[str] = field(default_factory=list)


class Fake(asyncio.Protocol):
    """Answers every POST with the same reply, token by token on an exact clock, or all at once; and a GET with its models."""

    def __init__(self) -> None:
        """One connection."""
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        if end and head.startswith(b"GET "):
            self._buffer = b""
            self._write(_LISTED)
        elif end and len(rest) >= length:
            self._buffer = b""
            pace = Pace.of(json.loads(rest)["model"])
            self._write(_HEAD)
            self._send(events_of(pace), pace, 0, time.monotonic())

    def _send(self, events: list[bytes], pace: Pace, at: int, began: float) -> None:
        """What is due by now."""
        due = len(events) if not pace.token_ms else min(len(events), int((time.monotonic() - began) * 1000 / pace.token_ms) + 1)
        self._write(b"".join(events[at:due]))
        if due < len(events):
            # A timer of the loop may come a millisecond early, and would then find nothing due.
            wait_s = max(0.0005, began + due * pace.token_ms / 1000 - time.monotonic())
            self._timer = self._loop.call_later(wait_s, self._send, events, pace, due, began)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)


class Reader(asyncio.Protocol):
    """One stream: asks, reads to the end, asks again."""

    def __init__(self, wanted: Wanted, seen: Seen, since: float, until: float) -> None:
        """What begins between the two moments counts."""
        self._seen, self._since, self._until = seen, since, until
        self._request = _request(wanted)
        self._parts: list[bytes] = []
        self._line = b""
        """Of which the end is still to come."""
        self._began = self._first = 0.0
        self._transport: asyncio.Transport | None = None
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection broke: {exc or 'closed'}")

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)
        # Counted as they come: a reply through a slow relay may last longer than the window.
        lines, _, self._line = (self._line + data).rpartition(b"\n")
        if self._since <= time.monotonic() < self._until:
            self._seen.tokens += _words(lines)
        if not self._first and _CONTENT in (fresh := b"".join(self._parts).replace(_EMPTY, b"")):
            self._first = time.monotonic()
            self._parts = [fresh]
        if data.endswith(_LAST) or (len(data) < len(_LAST) and b"".join(self._parts).endswith(_LAST)):
            self._answered(b"".join(self._parts))

    def _ask(self) -> None:
        self._parts, self._line, self._first, self._began = [], b"", 0.0, time.monotonic()
        if self._transport is not None:
            self._transport.write(self._request)

    def _answered(self, answer: bytes) -> None:
        if not self._first or b"data: [DONE]" not in answer:
            self._fail(repr(answer[:300]))
            return
        if self._since <= self._began < self._until:
            now = time.monotonic()
            self._seen.first.append(1000 * (self._first - self._began))
            self._seen.whole.append(1000 * (now - self._began))
        if time.monotonic() < self._until:
            self._ask()
        elif not self.done.done():
            self.done.set_result(None)

    def _fail(self, why: str) -> None:
        if not self.done.done():
            self._seen.failures.append(why)
            self.done.set_result(None)


def _words(answer: bytes) -> int:
    """A token of the fake is one word behind a blank, however they were put together on the way."""
    return sum(part.partition(b'"')[0].count(b" ") for part in answer.split(_CONTENT)[1:])


def _request(wanted: Wanted) -> bytes:
    parts = urlsplit(wanted.url)
    body = body_of(wanted.pace)
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def seen(wanted: Wanted) -> Seen:
    """Let all streams run, and count the middle."""
    found = Seen()
    loop, parts = asyncio.get_running_loop(), urlsplit(wanted.url)
    since = time.monotonic() + WARM_UP_S
    until = since + wanted.seconds
    made = [
        await loop.create_connection(lambda: Reader(wanted, found, since, until), parts.hostname or "127.0.0.1", parts.port or 80)
        for _ in range(wanted.streams)
    ]
    gc.collect()
    gc.freeze()
    await asyncio.sleep(since - time.monotonic())
    before = use_of(wanted.pid).program if wanted.pid else 0.0
    await asyncio.sleep(until - time.monotonic())
    found.cpu_s = use_of(wanted.pid).program - before if wanted.pid else 0.0
    found.seconds = wanted.seconds
    await asyncio.wait([reader.done for _, reader in made], timeout=30)
    for transport, reader in made:
        reader.done.cancel()
        transport.close()
    return found


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Fake, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    while line := await asyncio.to_thread(sys.stdin.readline):
        values: dict[str, Any] = json.loads(line)
        sys.stdout.write(json.dumps(asdict(await seen(Wanted(**values)))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_serve())
