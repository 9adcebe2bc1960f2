"""A participant as the page is one: a raw WebSocket, binary audio both ways, played as it comes and reported."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import connect

from tests.acceptance.player import FRAME, RATE, Player

SUBPROTOCOL = "souffleur.pcm"


@dataclass(slots=True)
class Piece:
    """One binary frame and where it belongs."""

    moment: float
    line: str
    seq: int
    pcm: bytes


@dataclass(slots=True)
class Page(Player):
    """As a `Player`, over the page's own protocol. Its loudspeaker is as fast as the network: what came has been played."""

    pieces: list[Piece] = field(default_factory=list)

    async def send(self, kind: str, **fields: Any) -> None:
        """One JSON event."""
        await self.connection.send(json.dumps({"type": kind, **fields}))

    async def listen(self) -> None:
        belongs: Mapping[str, Any] = {}
        async for message in self.connection:
            moment = time.monotonic()
            if isinstance(message, str):
                event = json.loads(message)
                if event["type"] == "souffleur.audio":
                    belongs = event
                self.events.append((moment, event))
                self._arrived.set()
            else:
                assert len(message) % 2 == 0
                self.pieces.append(Piece(moment, belongs["line_id"], belongs["seq"], message))
                await self.send("souffleur.played", line_id=belongs["line_id"], played_ms=len(self.sound(belongs["line_id"])) * 1000 // (2 * RATE))

    async def microphone(self) -> None:
        begin, count = time.monotonic(), 0
        while True:
            frame = bytes(self._speech[:FRAME])
            del self._speech[:FRAME]
            if frame and not self._speech:
                self._spoken.set()
            await self.connection.send(frame.ljust(FRAME, b"\0"))
            count += 1
            await asyncio.sleep(max(0.0, begin + count * 0.02 - time.monotonic()))

    def sound(self, line: str) -> bytes:
        """All audio of a line."""
        return b"".join(piece.pcm for piece in self.pieces if piece.line == line)


@asynccontextmanager
async def page(
    websocket: str, model: str, *, session: Mapping[str, Any] | None = None, query: Mapping[str, Any] | None = None, mic: bool = True
) -> AsyncIterator[Page]:
    """Connect as the page does, configure, and start microphone and loudspeaker."""
    url = f"{websocket}/realtime?{urlencode({'model': model, **(query or {})})}"
    async with connect(url, subprotocols=[SUBPROTOCOL], compression=None, proxy=None) as connection, asyncio.TaskGroup() as group:  # type: ignore[list-item]
        assert connection.subprotocol == SUBPROTOCOL
        one = Page(connection)
        tasks = [group.create_task(one.listen())]
        try:
            await one.wait_for("session.created")
            await one.send("souffleur.configure", hears=True, reports_playback=True)
            if session:
                await one.send("session.update", session={"type": "realtime", **session})
                await one.wait_for("session.updated")
            if mic:
                tasks.append(group.create_task(one.microphone()))
            yield one
        finally:
            for task in tasks:
                task.cancel()
