"""Connections over HTTP that take too long: to say what they want, or to read it. Uvicorn waits for both for ever, and nothing of ours runs meanwhile."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES: Final = 64 * 1024
"""Of a request's head, or of anything else that is no body, beside what came in one piece with its beginning."""
HEAD_S: Final = 10.0
"""From the connection, or the first byte behind the last answer, to the end of the head."""
READ_S: Final = 30.0
"""In which something of what waits for the client is to leave."""
_SENT_BYTES: Final = 256 * 1024
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class PatientProtocol(HttpToolsProtocol):
    """Uvicorn's own, with an end to its patience."""

    _size = 0
    """Bytes since a head began or ended, or something of a body came."""
    _asking: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None
    _unread = 0
    """Bytes that waited for the client at the last look."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Nothing is asked yet."""
        super().connection_made(transport)
        if (connection := transport.get_extra_info("socket")) is not None:
            # What the system takes in a client's stead is not seen here: with much of it a slow one would look like one that does not read.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT_BYTES)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for."""
        self._head_came()
        self._stop_looking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head."""
        self._size += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self._size > HEAD_BYTES:
            if self._asking is not None:
                self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._asking is None and (self.cycle is None or self.cycle.response_complete):
            # Whatever comes behind an answer has ended uvicorn's own wait for the next request.
            self._await_head()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._size = 0

    def on_headers_complete(self) -> None:
        """It has come whole."""
        self._head_came()
        self._size = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """It has a limit of its own."""
        self._size = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The next one may begin."""
        self._size = 0
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client is slow, or reads nothing at all."""
        super().pause_writing()
        self._unread = self.transport.get_write_buffer_size()
        self._look_later()

    def resume_writing(self) -> None:
        """It has read."""
        self._stop_looking()
        super().resume_writing()

    def _await_head(self) -> None:
        self._asking = self.loop.call_later(HEAD_S, self.transport.close)

    def _head_came(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _look_later(self) -> None:
        self._stop_looking()
        self._reading = self.loop.call_later(READ_S, self._look)

    def _look(self) -> None:
        unread = self.transport.get_write_buffer_size()
        if unread >= self._unread:
            self.transport.abort()
        else:
            self._unread = unread
            self._look_later()

    def _stop_looking(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
