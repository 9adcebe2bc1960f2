"""What waits to be written to one socket: bounded, in order, and voice that nobody should hear any more can be taken out again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from services.gateway.realtime.errors import TRY_AGAIN, Hangup

_EVENTS: Final = 1024
_BYTES: Final = 4 * 1024 * 1024
_VOICE_BYTES: Final = 512 * 1024
"""Some 8 s of voice as base64. The stage paces it, so anything like this is a reader that does not keep up."""
_ROOM: Final = 256
"""Below so many waiting events more are fetched from the stage."""
_WRITE_S: Final = 10.0

Write = Callable[[str | bytes], Awaitable[None]]


class Outbox:
    """One writer (`run`), many who put."""

    def __init__(self) -> None:
        """Empty."""
        self._waiting: deque[tuple[str, str | bytes]] = deque()
        self._bytes = 0
        self._voice = 0
        self._wake = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()
        self.dropped = 0
        """Voice messages thrown away because the reader did not keep up."""

    def put(self, message: str) -> None:
        """Send this after everything before it. Raises `Hangup` if the reader has fallen hopelessly behind."""
        self._add("", message)

    def put_voice(self, line: str, message: str | bytes) -> None:
        """Send a piece of a line's voice; it may be dropped."""
        self._voice += len(message)
        self._add(line, message)
        if self._voice > _VOICE_BYTES:
            self.dropped += self.drop_voice()

    def drop_voice(self, line: str = "") -> int:
        """Take out what waits of this line's voice, or of every line's; how many messages that were."""
        kept = deque(item for item in self._waiting if not item[0] or (line and item[0] != line))
        dropped = len(self._waiting) - len(kept)
        self._waiting = kept
        self._bytes = sum(len(message) for _, message in kept)
        self._voice = sum(len(message) for name, message in kept if name)
        return dropped

    async def room(self) -> None:
        """Wait until the reader has caught up enough to be given more."""
        await self._roomy.wait()

    async def run(self, write: Write) -> None:
        """Write what is put, for ever. Raises `Hangup` if a write does not get through in time."""
        while True:
            while self._waiting:
                name, message = self._waiting.popleft()
                self._bytes -= len(message)
                self._voice -= len(message) if name else 0
                if len(self._waiting) < _ROOM:
                    self._roomy.set()
                try:
                    async with asyncio.timeout(_WRITE_S):
                        await write(message)
                except TimeoutError:
                    raise Hangup(TRY_AGAIN, "the client does not read") from None
            self._wake.clear()
            await self._wake.wait()

    async def drain(self, write: Write, within_s: float) -> None:
        """Write what is left, as far as it gets; for the end of a connection."""
        try:
            async with asyncio.timeout(within_s):
                while self._waiting:
                    await write(self._waiting.popleft()[1])
        except TimeoutError:
            self._waiting.clear()

    def _add(self, line: str, message: str | bytes) -> None:
        self._waiting.append((line, message))
        self._bytes += len(message)
        if len(self._waiting) >= _ROOM:
            self._roomy.clear()
        if len(self._waiting) > _EVENTS or self._bytes > _BYTES:
            self.dropped += self.drop_voice()
            if len(self._waiting) > _EVENTS or self._bytes > _BYTES:
                raise Hangup(TRY_AGAIN, "the client does not read")
        self._wake.set()
