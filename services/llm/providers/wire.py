"""HTTP/1.1 to one server, for streams of many small pieces: a read takes all that has come, whatever number of chunks that was.

The general client costs a tenth of a millisecond a chunk, and a provider sends one for each token. There are no redirects, cookies, proxies
or compressed bodies here.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httptools
import httpx2

_HEADERS: Final = 64 * 1024
_BUFFER: Final = 256 * 1024
"""More than this waits in the kernel, and then at the server."""
_IDLE: Final = 64
_IDLE_S: Final = 15.0
"""Most servers keep a connection longer than that."""


class Answer(asyncio.Protocol):
    """One connection, and the answer that is being read from it."""

    def __init__(self) -> None:
        """Nothing has been asked."""
        self.status_code = 0
        self.headers: dict[str, str] = {}
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self._wake = asyncio.Event()
        self._reset()

    def _reset(self) -> None:
        self._parser: Any = httptools.HttpResponseParser(self)
        self.status_code, self.headers = 0, {}
        self._size = 0
        """What has come since the last piece of the body: the head, or what is between two pieces or behind the last one."""
        self._body: list[bytes] = []
        self._waiting = 0
        self._begun = self._complete = self._lasting = False
        self._failure: httpx2.TransportError | None = None

    # What the parser tells.

    def on_header(self, name: bytes, value: bytes) -> None:
        """One line of the head; what stands behind the body is nothing to us."""
        if not self._begun:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head is there."""
        status = int(self._parser.get_status_code())
        # 100 and the like only announce the answer.
        self._begun, self.status_code = status >= 200, status

    def on_body(self, body: bytes) -> None:
        """A piece of a chunk."""
        self._size = 0
        self._body.append(body)
        self._waiting += len(body)
        if self._waiting > _BUFFER and self.transport is not None:
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        """The end of an answer."""
        if self._begun:
            self._complete, self._lasting = True, bool(self._parser.should_keep_alive())
        else:
            self.headers = {}

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Something has come."""
        try:
            self._size += len(data)
            self._parser.feed_data(data)
            if self._size > _HEADERS:
                raise httptools.HttpParserError("the head does not end")  # noqa: TRY301 - the parser itself has no bound
        except httptools.HttpParserError:
            self._fail(httpx2.RemoteProtocolError("the server does not speak HTTP"))
            self.drop()
        self._wake.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side, or this one, has hung up."""
        bounded = "content-length" in self.headers or "transfer-encoding" in self.headers
        if self._begun and exc is None and not bounded:
            self._complete = True
        elif not self._complete:
            self._fail(httpx2.ReadError("the connection broke"))
        self._lasting = False
        self._wake.set()

    def _fail(self, failure: httpx2.TransportError) -> None:
        self._failure = self._failure or failure

    # One request.

    async def ask(self, request: bytes, within_s: float) -> None:
        """Send it and wait for the answer's head."""
        self._reset()
        if self.transport is None or self.transport.is_closing():
            raise httpx2.ReadError("the connection broke")
        self.transport.write(request)
        while not self._begun:
            await self._more(within_s)

    async def read(self, within_s: float) -> bytes:
        """All of the body that has come, waiting for some; empty at its end. What came before a failure comes before it."""
        while not self._body:
            if self._complete:
                return b""
            await self._more(within_s)
        body, self._body = b"".join(self._body), []
        if self._waiting > _BUFFER and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
        self._waiting = 0
        return body

    async def _more(self, within_s: float) -> None:
        if self._failure is not None:
            raise self._failure
        self._wake.clear()
        try:
            async with asyncio.timeout(within_s):
                await self._wake.wait()
        except TimeoutError:
            raise httpx2.ReadTimeout("the server is silent") from None

    @property
    def untouched(self) -> bool:
        """Nothing at all has come of the request."""
        return not self._size and not self._begun

    @property
    def reusable(self) -> bool:
        """The answer was read to its end, and the server takes another request."""
        return self._lasting and not self._body and self.transport is not None and not self.transport.is_closing()

    def drop(self) -> None:
        """Close it at once, which stops whoever answers."""
        if self.transport is not None:
            self.transport.abort()


class Response:
    """An answer as the general client would show it."""

    def __init__(self, answer: Answer, within_s: float) -> None:
        """Its head is there."""
        self._answer = answer
        self._within_s = within_s
        self.status_code = answer.status_code
        self.headers: Mapping[str, str] = answer.headers

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        """The body; each piece is all that has come since the last one."""
        while piece := await self._answer.read(self._within_s):
            yield piece


class Wire:
    """Connections to one server, kept open between requests."""

    def __init__(self, url: str, headers: Mapping[str, str], context: ssl.SSLContext, *, connect_s: float, idle_s: float) -> None:
        """`url` is the address to post to; `headers` go with every request."""
        parts = urlsplit(url)
        self._host, self._tls = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._context = context if self._tls else None
        self._connect_s, self._idle_s = connect_s, idle_s
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"POST {path} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}", *(f"{name}: {value}" for name, value in headers.items())]
        self._head = "\r\n".join(lines).encode("latin-1", "replace")
        self._free: list[Answer] = []

    @asynccontextmanager
    async def post(self, body: bytes) -> AsyncGenerator[Response, None]:
        """Ask, and read within the block; leaving it before the end of the answer stops the server. Raises `httpx2.TransportError`."""
        request = self._head + f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        answer = await self._asked(request)
        try:
            yield Response(answer, self._idle_s)
        finally:
            if answer.reusable and len(self._free) < _IDLE:
                answer.idle_since = time.monotonic()
                self._free.append(answer)
            else:
                answer.drop()

    async def _asked(self, request: bytes) -> Answer:
        while (answer := self._kept()) is not None:
            try:
                return await self._ask(answer, request)
            except httpx2.ReadError:
                # The server had hung up meanwhile: that is no answer.
                if not answer.untouched:
                    raise
        return await self._ask(await self._connected(), request)

    async def _ask(self, answer: Answer, request: bytes) -> Answer:
        try:
            await answer.ask(request, self._idle_s)
        except BaseException:
            answer.drop()
            raise
        return answer

    def _kept(self) -> Answer | None:
        while self._free:
            answer = self._free.pop()
            if answer.reusable and time.monotonic() - answer.idle_since < _IDLE_S:
                return answer
            answer.drop()
        return None

    async def _connected(self) -> Answer:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_s):
                _, answer = await loop.create_connection(Answer, self._host, self._port, ssl=self._context)
        except TimeoutError:
            raise httpx2.ConnectTimeout("no connection") from None
        except (OSError, UnicodeError) as error:
            raise httpx2.ConnectError(f"no connection: {type(error).__name__}") from None
        return answer

    def close(self) -> None:
        """Hang up."""
        for answer in self._free:
            answer.drop()
        self._free.clear()
