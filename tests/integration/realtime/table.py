"""A guest at the table: the official client on one side, its attachment at the scripted stage on the other."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import numpy as np
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from services.core.model.attachment import Onset, Paused, TextSaid, UtteranceEnded
from tests.integration.realtime.protocol import checked
from tests.integration.realtime.scripted import WAIT_S, Seat

RATE = 24_000


def tone(seconds: float, rate: int = RATE, level: int = 8000) -> bytes:
    """Loud enough for the energy detector."""
    samples = level * np.sin(2 * np.pi * 220 * np.arange(int(seconds * rate)) / rate)
    return samples.astype("<i2").tobytes()


def silence(seconds: float, rate: int = RATE) -> bytes:
    """Nothing."""
    return bytes(int(seconds * rate) * 2)


class Guest:
    """`expect` server events by type; everything that came is kept, and checked against the client's own types."""

    def __init__(self, connection: AsyncRealtimeConnection, seat: Seat) -> None:
        self.connection = connection
        self.seat = seat
        self.events: list[dict[str, Any]] = []

    @property
    def sid(self) -> str:
        return self.seat.opening.session

    @property
    def types(self) -> list[str]:
        """Of everything received, without our own extras."""
        return [event["type"] for event in self.events if not event["type"].startswith("souffleur.")]

    async def next(self) -> dict[str, Any]:
        """One event of any type."""
        async with asyncio.timeout(WAIT_S):
            raw = await self.connection.recv_bytes()
        event: dict[str, Any] = json.loads(raw)
        checked(event)
        self.connection.parse_event(raw)
        self.events.append(event)
        return event

    async def expect(self, name: str) -> dict[str, Any]:
        """The next event of this type."""
        while (event := await self.next())["type"] != name:
            pass
        return event

    async def send(self, **event: Any) -> None:
        """Any client event."""
        await self.connection.send_raw(json.dumps(event))

    async def append(self, pcm: bytes, step: int = 4800) -> None:
        """Audio, 100 ms a message."""
        for start in range(0, len(pcm), step):
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(pcm[start : start + step]).decode())

    async def update(self, **session: Any) -> dict[str, Any]:
        """`session.update`, and the session that is in force then."""
        await self.send(type="session.update", session={"type": "realtime", **session})
        shown: dict[str, Any] = (await self.expect("session.updated"))["session"]
        return shown


async def end_of(guest: Guest, seat: Seat) -> str:
    """The stage ends the utterance that has begun, once it pauses; its id."""
    onset = await seat.expect(Onset)
    await seat.expect(Paused)
    seat.send(UtteranceEnded(onset.utterance))
    return onset.utterance


async def type_text(guest: Guest, text: str, item_id: str | None = None, event_id: str | None = None) -> TextSaid:
    """The client adds words as an item; what the stage is told of them."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]} | ({"id": item_id} if item_id else {})
    await guest.send(type="conversation.item.create", item=item, **({"event_id": event_id} if event_id else {}))
    return await guest.seat.expect(TextSaid)
