"""A player's seat: one realtime connection after the other, the voice that is heard there, what is said into it, and how long it took to come back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.chaos.evidence import Told
from tests.waiting import until

UNDERSTOOD: Final = "What was that noise?"
"""What recognition makes of every utterance."""
_AGAIN_S: Final = 0.1
_OPEN_S: Final = 5.0
_SOCKET: Final[dict[str, Any]] = {
    "open_timeout": _OPEN_S,
    "ping_interval": 2,
    "ping_timeout": 4,
    "max_size": 2**22,
    "proxy": None,
    # The voice as bytes: nobody need read it as JSON.
    "subprotocols": ["souffleur.pcm"],
}
_FRAME_S: Final = 0.02
_TONE: Final = ((8000).to_bytes(2, "little", signed=True) * 30 + (-8000).to_bytes(2, "little", signed=True) * 30) * 8
"""20 ms of a square wave of 400 Hz at 24 kHz: any detector of loudness takes it for a voice."""
_SPOKEN, _SILENT = 40, 60
"""Frames of an utterance, and of the silence that ends it."""
_HEARD_S: Final = 6.0


@dataclass(slots=True)
class Gateway:
    """When it was last seen to come back: clients cannot be back before it is."""

    url: str
    up_since: float = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        up = True
        async with httpx2.AsyncClient(base_url=self.url, trust_env=False, timeout=0.3) as client:
            while True:
                try:
                    await client.get("/healthz")
                except httpx2.HTTPError:
                    up = False
                else:
                    self.up_since, up = (self.up_since if up else time.monotonic()), True
                await asyncio.sleep(_AGAIN_S)


@dataclass(slots=True)
class Seat:
    """`sit` runs beside everything else; what is shown there is told to `shown`."""

    address: Callable[[], str]
    """Where to connect, with what has been seen until then."""
    gateway: Gateway
    shown: list[Told]
    participant: str = ""
    sound_at: float = 0.0
    """When the voice of a character last came."""
    resumed_s: list[float] = field(default_factory=list)
    """From a break, or from when the gateway was there again if that was later, until the client was back in its seat."""
    _socket: ClientConnection | None = None
    _broke_at: float = 0.0

    async def sit(self) -> None:
        """After a break come back to the same seat, with what was seen."""
        while True:
            try:
                async with connect(f"{self.address()}&participant={self.participant}", **_SOCKET) as socket:
                    async for message in socket:
                        self._take(socket, message)
            except (OSError, WebSocketException, TimeoutError):
                pass
            if self._socket is not None:
                self._socket, self._broke_at = None, time.monotonic()
            await asyncio.sleep(_AGAIN_S)

    def _take(self, socket: ClientConnection, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.sound_at = time.monotonic()
            return
        event: dict[str, Any] = json.loads(message)
        if event["type"] == "souffleur.fact":
            self.shown.append(Told.of(event["fact"]))
        elif event["type"] == "souffleur.attached":
            self.participant = event["participant"]
            if self._broke_at:
                self.resumed_s.append(time.monotonic() - max(self._broke_at, self.gateway.up_since))
                self._broke_at = 0.0
            self._socket = socket

    async def speak(self, within_s: float, *, once: bool = False) -> None:
        """Say something until it is understood: again where a break took the words with it, unless it is to be said `once`.

        Raises `AssertionError` if it never is understood.
        """
        before, until_s = self._understood(), time.monotonic() + within_s
        while self._understood() == before:
            await self._say()
            patience_s = max(0.0, until_s - time.monotonic()) if once else min(_HEARD_S, until_s - time.monotonic())
            with suppress(AssertionError):
                await until(lambda: self._understood() > before, patience_s, UNDERSTOOD)
            assert self._understood() > before or time.monotonic() < until_s, "what was said was never understood"

    def _understood(self) -> int:
        return sum(fact.kind == "said" and fact.body["text"] == UNDERSTOOD for fact in self.shown)

    async def _say(self) -> None:
        socket = await until(lambda: self._socket, _HEARD_S, "a seat")
        for number in range(_SPOKEN + _SILENT):
            try:
                await socket.send(_TONE if number < _SPOKEN else bytes(len(_TONE)))
            except WebSocketException:
                return
            await asyncio.sleep(_FRAME_S)
