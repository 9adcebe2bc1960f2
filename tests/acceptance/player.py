"""A player behind the official `openai` client: a microphone in real time, ears with time stamps."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from openai import AsyncOpenAI

RATE = 24000
FRAME = RATE // 50 * 2


@dataclass(slots=True)
class Player:
    """One realtime connection; `events` holds (monotonic time, event as a dict), in order."""

    connection: Any
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    sent_bytes: int = 0
    _speech: bytearray = field(default_factory=bytearray)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _spoken: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        async for event in self.connection:
            self.events.append((time.monotonic(), event.to_dict()))
            self._arrived.set()

    async def microphone(self) -> None:
        """20 ms of speech or silence every 20 ms."""
        begin, count = time.monotonic(), 0
        silence = bytes(FRAME)
        while True:
            frame = bytes(self._speech[:FRAME])
            del self._speech[:FRAME]
            if frame and not self._speech:
                self._spoken.set()
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(frame.ljust(FRAME, b"\0") or silence).decode())
            self.sent_bytes += FRAME
            count += 1
            await asyncio.sleep(max(0.0, begin + count * 0.02 - time.monotonic()))

    async def say(self, pcm: bytes) -> float:
        """Speak; returns the moment at which the last sample went out."""
        self._spoken.clear()
        self._speech += pcm
        await self._spoken.wait()
        return time.monotonic()

    async def wait_for(self, wanted: Callable[[dict[str, Any]], bool] | str, *, after: int = 0, timeout_s: float = 20.0) -> tuple[int, float, dict[str, Any]]:
        """(index, time, event) of the first matching event from index `after` on."""
        matches = wanted if callable(wanted) else lambda event: event["type"] == wanted
        index = after
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    while index < len(self.events):
                        if matches(self.events[index][1]):
                            return index, *self.events[index]
                        index += 1
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            kinds = [event["type"] for _, event in self.events[after:]]
            raise AssertionError(f"{wanted} never came; after it was asked for came {kinds[-40:]}") from None

    def of(self, kind: str, after: int = 0) -> list[tuple[float, dict[str, Any]]]:
        return [(moment, event) for moment, event in self.events[after:] if event["type"] == kind]


@asynccontextmanager
async def player(
    websocket: str, model: str, *, session: Mapping[str, Any] | None = None, query: Mapping[str, Any] | None = None, mic: bool = True
) -> AsyncIterator[Player]:
    """Connect, configure, and start the microphone."""
    async with (
        AsyncOpenAI(api_key="unused", base_url="http://127.0.0.1:9/v1", websocket_base_url=websocket) as client,
        client.realtime.connect(model=model, extra_query=dict(query or {})) as connection,
        asyncio.TaskGroup() as group,
    ):
        one = Player(connection)
        tasks = [group.create_task(one.listen())]
        try:
            await one.wait_for("session.created")
            if session:
                before = len(one.events)
                await connection.session.update(session=cast(Any, {"type": "realtime", **session}))
                await one.wait_for("session.updated", after=before)
            if mic:
                tasks.append(group.create_task(one.microphone()))
            yield one
        finally:
            for task in tasks:
                task.cancel()


def samples(pcm: bytes) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64)


def speech_end_s(pcm: bytes, rate: int, floor: float = 0.03) -> float:
    """Where the last sound is: 10 ms windows above `floor` of the loudest one."""
    data = samples(pcm)
    window = rate // 100
    energy = np.sqrt(np.mean(data[: len(data) // window * window].reshape(-1, window) ** 2, axis=1))
    loud = np.nonzero(energy > floor * energy.max())[0]
    return float((loud[-1] + 1) / 100)


def rms(pcm: bytes) -> float:
    data = samples(pcm)
    return float(np.sqrt(np.mean(data**2))) if len(data) else 0.0


def gaps_ms(deltas: list[tuple[float, int]]) -> list[float]:
    """For (arrival, bytes) of one line: the silence before each piece, for a listener who plays what comes as it comes."""
    found, end = [], 0.0
    for arrival, size in deltas:
        if end:
            found.append(max(0.0, (arrival - end) * 1000))
        end = max(end, arrival) + size / 2 / RATE
    return found
