"""A call as a `Wire`: events over the data channel, the microphone's audio among them as it comes, voices by the track."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from aiortc import InvalidStateError, RTCDataChannel

from services.core.model.attachment import AttachUp
from services.gateway.realtime.emitter import Emitter, dump
from services.gateway.realtime.errors import TRY_AGAIN, Hangup
from services.gateway.realtime.outbox import Outbox
from services.gateway.realtime.webrtc import microphone
from services.gateway.realtime.webrtc.reel import Reel
from services.gateway.realtime.webrtc.voice import CallVoice

CHANNEL: Final = "oai-events"
"""What the vendor's clients call their data channel."""
_MOST_WAITING: Final = 512
_HIGH_BYTES: Final = 256 * 1024
_LOW_BYTES: Final = 64 * 1024
_PART: Final = 48 * 1024
"""Characters; the smallest message that every client must take has 64 KiB."""
_LARGEST: Final = 56 * 1024


class CallWire:
    """Made in the moment in which the channel opens: its first message may follow at once."""

    microphone = microphone.FORMAT
    reports = True

    def __init__(self, channel: RTCDataChannel, reel: Reel) -> None:
        """`reel` is what the call's track plays."""
        self._channel = channel
        self._reel = reel
        self._waiting: deque[str | bytes] = deque()
        self._wake = asyncio.Event()
        self._roomy = asyncio.Event()
        self._ended: Hangup | None = None
        self._parted = 0
        self._listening = False
        channel.bufferedAmountLowThreshold = _LOW_BYTES
        channel.on("message", self._take)
        channel.on("bufferedamountlow", self._roomy.set)
        channel.on("close", self._closed)

    @property
    def open(self) -> bool:
        """The channel stands, and nobody is gone: whoever is hung up with a code is still told of it."""
        return (self._ended is None or self._ended.code != 0) and self._channel.readyState == "open"

    def heard(self, pcm: bytes) -> None:
        """A piece of what the caller says. Until somebody listens it is lost: later it would only be late, and all at once."""
        if self._listening:
            self._put(pcm)

    def hang_up(self, why: Hangup) -> None:
        """End it from this side: whoever serves it tells the caller why. Of what still waits nothing is taken any more."""
        self._waiting.clear()
        self._give_up(why)

    def end(self) -> None:
        """The other side is gone."""
        self._give_up(Hangup(0))

    def _closed(self) -> None:
        """By the caller, as long as what carries the channel stands; else it was torn off."""
        self._give_up(Hangup(0, goodbye=self._channel.transport.transport.state == "connected"))

    async def receive(self) -> str | bytes:
        """An event, or audio in the call's format."""
        self._listening = True
        while not self._waiting:
            if self._ended is not None:
                raise self._ended
            self._wake.clear()
            await self._wake.wait()
        return self._waiting.popleft()

    async def write(self, message: str | bytes) -> None:
        """Events only: voices go by the track."""
        text = message if isinstance(message, str) else message.decode()
        for part in self._parts(text):
            await self._write(part)

    async def close(self, code: int, reason: str) -> None:
        """Say why, since a data channel has no close code, and wait until it is out. That is said once."""
        try:
            await self.write(dump({"type": "souffleur.closed", "code": code, "reason": reason}))
            self._channel.bufferedAmountLowThreshold = 0
            while self._channel.bufferedAmount and self.open:
                await self._room()
        finally:
            self.end()

    def sound(self, outbox: Outbox, emitter: Emitter, report: Callable[[AttachUp], None]) -> CallVoice:  # noqa: ARG002 - no voice among the events
        """By the track."""
        return CallVoice(self._reel, emitter, report)

    def _parts(self, text: str) -> list[str]:
        """A channel's messages are bounded by the other side; a long event (a whole card) goes in parts."""
        if len(text) <= _LARGEST and len(text.encode()) <= _LARGEST:
            return [text]
        self._parted += 1
        size = _PART // 4
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        return [dump({"type": "souffleur.part", "id": self._parted, "index": index, "of": len(pieces), "text": piece}) for index, piece in enumerate(pieces)]

    async def _write(self, text: str) -> None:
        while self._channel.bufferedAmount > _HIGH_BYTES and self.open:
            await self._room()
        if not self.open:
            raise Hangup(0)
        try:
            self._channel.send(text)
        except InvalidStateError:
            raise Hangup(0) from None

    async def _room(self) -> None:
        self._roomy.clear()
        await self._roomy.wait()

    def _take(self, message: str | bytes) -> None:
        # Whatever comes as bytes over the channel is no audio: that has its track.
        self._put(message if isinstance(message, str) else message.decode("utf-8", "replace"))

    def _put(self, message: str | bytes) -> None:
        if self._ended is not None:
            return
        if len(self._waiting) >= _MOST_WAITING:
            self._give_up(Hangup(TRY_AGAIN, "too many messages"))
            return
        self._waiting.append(message)
        self._wake.set()

    def _give_up(self, why: Hangup) -> None:
        if self._ended is None or (self._ended.code and not why.code):
            self._ended = why
        self._wake.set()
        self._roomy.set()
