"""A caller: the library's own peer at the other end, with a microphone that is told what to say and ears that remember when they heard it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import httpx2
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame

from services.gateway.realtime.webrtc.addresses import offering
from tests.integration.realtime.protocol import checked
from tests.integration.realtime.scripted import WAIT_S

RATE = 48_000
FRAME = RATE // 50
LOUD = 0.01
"""RMS of 1 above which a frame is sound; Opus makes next to nothing of silence."""


class Microphone(MediaStreamTrack):
    """20 ms every 20 ms: what it was told to say, else silence."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.speech = bytearray()
        self.spoken = asyncio.Event()
        self._began: float | None = None
        self._count = 0

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        await asyncio.sleep(max(0.0, self._began + self._count * 0.02 - now))
        pcm = bytes(self.speech[: FRAME * 2]).ljust(FRAME * 2, b"\0")
        if self.speech:
            del self.speech[: FRAME * 2]
            if not self.speech:
                self.spoken.set()
        frame = AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._count * FRAME, Fraction(1, RATE)
        self._count += 1
        return frame


@dataclass(slots=True)
class Caller:
    """One call; `events` and `heard` are (monotonic time, what came)."""

    peer: RTCPeerConnection
    microphone: Microphone = field(default_factory=Microphone)
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    heard: list[tuple[float, float]] = field(default_factory=list)
    """RMS of every 20 ms."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    location: str = ""
    answer: str = ""
    _channel: Any = None
    _ears: asyncio.Task[None] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _parts: dict[int, list[str]] = field(default_factory=dict)

    async def offer(self, *, microphone: bool = True) -> str:
        """An offer as a browser makes one, with all its addresses."""
        self._channel = self.peer.createDataChannel("oai-events")
        self._channel.on("message", self._take)
        self._channel.on("close", self.closed.set)
        self.peer.on("track", self._listen)
        if microphone:
            self.peer.addTrack(self.microphone)
        else:
            self.peer.addTransceiver("audio", direction="recvonly")
        with offering(["127.0.0.1"]):
            await self.peer.setLocalDescription()
        return str(self.peer.localDescription.sdp)

    async def connect(self, answer: str, *, greeted: bool = True) -> None:
        """Take the server's answer, and wait for the session."""
        self.answer = answer
        await self.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        if greeted:
            await self.expect("session.created")

    async def say(self, pcm: bytes) -> float:
        """Speak PCM16 at 48 kHz; when the last of it went out."""
        self.microphone.spoken.clear()
        self.microphone.speech += pcm
        async with asyncio.timeout(len(pcm) / 2 / RATE + WAIT_S):
            await self.microphone.spoken.wait()
        return time.monotonic()

    def send(self, **event: Any) -> None:
        """Any client event."""
        self._channel.send(json.dumps(event))

    async def expect(self, wanted: str | Callable[[dict[str, Any]], bool], *, after: int = 0, timeout_s: float = WAIT_S) -> dict[str, Any]:
        """The first matching event from index `after` on."""
        matches = wanted if callable(wanted) else lambda event: event["type"] == wanted
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    for _, event in self.events[after:]:
                        if matches(event):
                            return event
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{wanted} never came; there were {[event['type'] for _, event in self.events[after:]][-40:]}") from None

    async def sound(self, *, after: float = 0.0, timeout_s: float = WAIT_S) -> float:
        """When the first loud frame after this moment was heard."""
        async with asyncio.timeout(timeout_s):
            while True:
                for moment, level in self.heard:
                    if moment >= after and level > LOUD:
                        return moment
                await asyncio.sleep(0.01)

    def sounding(self, begin: float, end: float) -> int:
        """How many loud frames were heard in between."""
        return sum(begin <= moment < end and level > LOUD for moment, level in self.heard)

    async def close(self) -> None:
        """Hang up without a word."""
        await self.peer.close()
        if self._ears is not None:
            await asyncio.gather(self._ears, return_exceptions=True)

    def _take(self, message: str) -> None:
        event = json.loads(message)
        if event["type"] == "souffleur.part":
            pieces = self._parts.setdefault(event["id"], [])
            pieces.append(event["text"])
            if len(pieces) < event["of"]:
                return
            event = json.loads("".join(self._parts.pop(event["id"])))
        if event["type"] != "souffleur.closed":
            checked(event)
        self.events.append((time.monotonic(), event))
        self._news.set()

    def _listen(self, track: MediaStreamTrack) -> None:
        self._ears = asyncio.create_task(self._hear(track))

    async def _hear(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            samples = frame.to_ndarray().astype(np.float64) / 32768
            self.heard.append((time.monotonic(), float(np.sqrt(np.mean(samples**2)))))


@asynccontextmanager
async def calling(url: str, query: Mapping[str, str], *, microphone: bool = True) -> AsyncIterator[Caller]:
    """Call `url` (http://host:port) with an SDP offer as the body; hang up at the end."""
    caller = Caller(RTCPeerConnection(RTCConfiguration(iceServers=[])))
    try:
        async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=20) as client:
            offer = await caller.offer(microphone=microphone)
            answer = await client.post("/v1/realtime/calls", params=dict(query), content=offer, headers={"content-type": "application/sdp"})
        assert answer.status_code == 201, answer.text
        caller.location = answer.headers["location"]
        await caller.connect(answer.text)
        yield caller
    finally:
        await caller.close()


@asynccontextmanager
async def unconnected() -> AsyncIterator[Caller]:
    """A caller who has not called yet."""
    caller = Caller(RTCPeerConnection(RTCConfiguration(iceServers=[])))
    try:
        yield caller
    finally:
        await caller.close()
