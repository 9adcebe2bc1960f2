"""A plain WebSocket as the audio input and output of a LiveKit `AgentSession`: PCM in, PCM out at the pace of playback."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web
from livekit import rtc
from livekit.agents.utils import aio
from livekit.agents.voice import io

from bench.peers.fakes import VOICE_RATE
from bench.script import HEARING_RATE

_PIECE_S = 0.02
_PIECE_BYTES = round(VOICE_RATE * _PIECE_S) * 2


class Ears(io.AudioInput):
    """What a caller says."""

    def __init__(self) -> None:
        super().__init__(label="socket")
        self._frames: aio.Chan[rtc.AudioFrame] = aio.Chan()

    def take(self, pcm: bytes) -> None:
        """A message."""
        if not self._frames.closed:
            self._frames.send_nowait(rtc.AudioFrame(data=pcm, sample_rate=HEARING_RATE, num_channels=1, samples_per_channel=len(pcm) // 2))

    def close(self) -> None:
        """The caller has gone."""
        self._frames.close()

    async def __anext__(self) -> rtc.AudioFrame:
        """The next message."""
        return await self._frames.__anext__()


class Mouth(io.AudioOutput):
    """What a caller hears: 20 ms a message, the first at once, each further one when the one before has been played."""

    def __init__(self, caller: web.WebSocketResponse) -> None:
        super().__init__(label="socket", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=VOICE_RATE)
        self._caller = caller
        self._waiting = bytearray()
        self._more = asyncio.Event()
        self._ended = self._cut = False
        """The segment is whole: nothing will be added to it. It was cut short: what still comes of it is thrown away."""
        self._sent_s = 0.0
        self._pump: asyncio.Task[None] | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Sound, as fast as it is made."""
        await super().capture_frame(frame)
        if self._cut:
            return
        if self._pump is None:
            self._ended, self._sent_s = False, 0.0
            self._pump = asyncio.create_task(self._play())
        self._waiting += frame.data.cast("B")
        self._more.set()

    def flush(self) -> None:
        """The segment is whole."""
        super().flush()
        self._ended, self._cut = True, False
        self._more.set()

    def clear_buffer(self) -> None:
        """Silence, now."""
        if self._pump is not None:
            self._pump.cancel()
            self._cut = not self._ended
            self._over(interrupted=True)

    def close(self) -> None:
        """The caller has gone."""
        if self._pump is not None:
            self._pump.cancel()

    def _over(self, *, interrupted: bool) -> None:
        self._pump = None
        self._waiting.clear()
        self.on_playback_finished(playback_position=self._sent_s, interrupted=interrupted)

    async def _play(self) -> None:
        due = time.monotonic()
        while True:
            while not self._waiting and not self._ended:
                self._more.clear()
                await self._more.wait()
                due = time.monotonic()
            if not self._waiting:
                break
            if not self._sent_s:
                self.on_playback_started(created_at=time.time())
            piece = bytes(self._waiting[:_PIECE_BYTES])
            del self._waiting[:_PIECE_BYTES]
            lasts_s = len(piece) / 2 / VOICE_RATE
            due += lasts_s
            self._sent_s += lasts_s
            await self._caller.send_bytes(piece)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        self._over(interrupted=False)
