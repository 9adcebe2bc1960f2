"""A WebSocket client that does next to nothing: finished frames out, whole messages in, at the moment they come."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import Callable
from typing import Final, cast
from urllib.parse import urlsplit

TEXT: Final = 0x1
BINARY: Final = 0x2
_CLOSE: Final = 0x8
_PING: Final = 0x9
_PONG: Final = 0xA
_FINAL: Final = 0x80
_MASKED: Final = 0x80
_NO_MASK: Final = bytes(4)
"""The mask of zeros is a legal one, and leaves the payload as it is."""
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(kind: int, payload: bytes) -> bytes:
    """One whole client message, ready to be written."""
    size = len(payload)
    if size < 126:
        head = bytes((_FINAL | kind, _MASKED | size))
    elif size < 1 << 16:
        head = bytes((_FINAL | kind, _MASKED | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FINAL | kind, _MASKED | 127)) + size.to_bytes(8, "big")
    return head + _NO_MASK + payload


class Wire(asyncio.Protocol):
    """`take` is called with the kind and the payload of every message, on the loop, as soon as its last byte is here."""

    def __init__(self, url: str, subprotocol: str, take: Callable[[int, bytes], None], lost: Callable[[str], None]) -> None:
        """`lost` is told once why nothing more comes, unless `close` was called."""
        self._url = urlsplit(url)
        self._subprotocol = subprotocol
        self._take = take
        self._lost = lost
        self._key = base64.b64encode(os.urandom(16))
        self._buffer = bytearray()
        self._open = False
        self._closing = False
        self._transport: asyncio.Transport | None = None

    async def connect(self) -> None:
        """Connect and ask for the upgrade."""
        await asyncio.get_running_loop().create_connection(lambda: self, self._url.hostname or "127.0.0.1", self._url.port or 80)

    def send(self, ready: bytes) -> None:
        """Write a message made by `frame`."""
        if self._transport is not None:
            self._transport.write(ready)

    def close(self) -> None:
        """Say goodbye and leave."""
        self._closing = True
        if self._transport is not None:
            self._transport.write(frame(_CLOSE, (1000).to_bytes(2, "big")))
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        lines = [
            f"GET {self._url.path}?{self._url.query} HTTP/1.1",
            f"Host: {self._url.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {self._key.decode()}",
            "Sec-WebSocket-Version: 13",
            *([f"Sec-WebSocket-Protocol: {self._subprotocol}"] if self._subprotocol else []),
        ]
        self._transport.write("\r\n".join([*lines, "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open and not self._upgraded():
            return
        while (message := self._message()) is not None:
            self._read(*message)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closing:
            self._closing = True
            self._lost(f"the connection broke: {exc or 'closed by the server'}")

    def _upgraded(self) -> bool:
        head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not end:
            return False
        accepted = base64.b64encode(hashlib.sha1(self._key + _GUID).digest())  # noqa: S324 - the protocol says so
        if b" 101 " not in head.partition(b"\r\n")[0] or accepted not in head or (self._subprotocol and self._subprotocol.encode() not in head):
            self._fail(f"no upgrade: {head[:200]!r}")
            return False
        self._buffer = bytearray(rest)
        self._open = True
        return True

    def _message(self) -> tuple[int, bytes] | None:
        """The next whole frame; the server sends every message in one."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(buffer) < start:
                return None
            size = int.from_bytes(buffer[2:start], "big")
        if len(buffer) < start + size:
            return None
        kind, payload = buffer[0], bytes(buffer[start : start + size])
        del buffer[: start + size]
        return kind, payload

    def _read(self, kind: int, payload: bytes) -> None:
        if kind in (_FINAL | TEXT, _FINAL | BINARY):
            self._take(kind & 0xF, payload)
        elif kind == _FINAL | _PING:
            self.send(frame(_PONG, payload))
        elif kind == _FINAL | _CLOSE:
            self._fail(f"closed by the server: {payload[2:].decode(errors='replace')}")
        elif kind != _FINAL | _PONG:
            self._fail("a message came in pieces")

    def _fail(self, reason: str) -> None:
        if not self._closing:
            self._closing = True
            self._lost(reason)
        if self._transport is not None:
            self._transport.close()
