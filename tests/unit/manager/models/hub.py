"""A model hub on loopback: ranges, checksums in headers, a redirect to where the bytes are, and faults on request."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Hub:
    """What it serves, how it misbehaves, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    """For each of the next answers: the connection is cut after so many bytes."""
    ranges: bool = True
    checksums: bool = True
    lies: dict[str, bytes] = field(default_factory=dict)
    """Path to the bytes that are sent instead, with the checksum of the right ones."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """(method, path, Range header)."""


@contextmanager
def serving() -> Iterator[Hub]:
    """Serve for the time of the block on a free port."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.hub.asked.append(("HEAD", self.path, ""))
        self._redirect_or_refuse()

    def do_GET(self) -> None:
        self.hub.asked.append(("GET", self.path, self.headers.get("Range", "")))
        if self.path.startswith("/cdn/"):
            self._bytes(self.path.removeprefix("/cdn"))
        else:
            self._redirect_or_refuse()

    def _redirect_or_refuse(self) -> None:
        content = self.hub.files.get(self.path)
        if self.path.startswith("/cdn/"):
            content = self.hub.files[self.path.removeprefix("/cdn")]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
        elif content is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
        else:
            self.send_response(302)
            self.send_header("Location", f"/cdn{self.path}")
            self.send_header("Content-Length", "0")
            if self.hub.checksums:
                self.send_header("X-Linked-Size", str(len(content)))
                self.send_header("X-Linked-ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.end_headers()

    def _bytes(self, path: str) -> None:
        content = self.hub.lies.get(path, self.hub.files[path])
        wanted = self.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.hub.ranges else 0
        if start >= len(content) and start:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        body = content[start:]
        if self.hub.cut_after:
            self.wfile.write(body[: self.hub.cut_after.pop(0)])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""
