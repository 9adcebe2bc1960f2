"""A real HTTP server with the OpenAI speech interface, whose voice is a tone; it keeps what it was asked for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

RATE = 24_000


@dataclass(slots=True)
class SpeechServer:
    """Where it listens, and what came."""

    base_url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    status: int = 200
    endless: bool = False
    hung_up: threading.Event = field(default_factory=threading.Event)
    """Set when a client left before the end."""


@contextmanager
def speech_server() -> Iterator[SpeechServer]:
    """Serve on a free loopback port for the time of the block."""
    state = SpeechServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.asked.append(asked)
            state.keys.append(self.headers.get("authorization", ""))
            if self.path != "/v1/audio/speech" or state.status != 200:
                self.send_error(state.status if state.status != 200 else 404)
                return
            self.send_response(200)
            self.send_header("content-type", "audio/pcm")
            self.send_header("connection", "close")
            self.end_headers()
            self.close_connection = True
            seconds = len(asked["input"]) * 0.06 / float(asked.get("speed", 1.0))
            times = np.arange(round(seconds * RATE)) / RATE
            data = np.round(6000 * np.sin(2 * np.pi * 170 * times)).astype("<i2").tobytes()
            try:
                # Odd sizes, since a network cuts where it likes.
                for start in range(0, len(data), 3333):
                    self.wfile.write(data[start : start + 3333])
                while state.endless:
                    self.wfile.write(data)
            except OSError:
                state.hung_up.set()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.endless = False
        server.shutdown()
        server.server_close()
        thread.join(5)
