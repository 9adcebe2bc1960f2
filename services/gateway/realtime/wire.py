"""The way to one client: messages both ways, and how a character's voice travels. A WebSocket is one kind, a call by WebRTC the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from services.core.model.attachment import AttachUp, LineAudio
from services.gateway.hearing.resample import AudioFormat
from services.gateway.realtime.emitter import Emitter
from services.gateway.realtime.errors import Hangup
from services.gateway.realtime.outbox import Outbox
from services.gateway.realtime.voice import Voice

_NORMAL: Final = (1000, 1001)
_NO_STATUS: Final = 1005


class Sound(Protocol):
    """Carries the audio of all lines of one connection."""

    def set_format(self, audio: AudioFormat) -> None:
        """How audio is written from now on, where the client chooses it."""
        ...

    def send(self, audio: LineAudio) -> None:
        """A piece of a line."""
        ...

    def pause(self, line: str) -> None:
        """Nothing of this line sounds until `resume`."""
        ...

    def resume(self, line: str) -> None:
        """It goes on where it was paused."""
        ...

    def flush(self, line: str) -> bool:
        """What has not been sent of this line is never sent; whether the client is told of it from here."""
        ...

    def forget(self, line: str) -> None:
        """The line is over: no more of it comes."""
        ...

    async def run(self) -> None:
        """What goes on beside all this while the connection lives."""
        ...


class Wire(Protocol):
    """Both directions of one accepted connection. `receive` and `write` raise `Hangup` when the client is gone."""

    @property
    def microphone(self) -> AudioFormat | None:
        """How the client's audio is written, where that is settled by the connection; None = the session says it."""
        ...

    @property
    def reports(self) -> bool:
        """Its `Sound` tells by itself how far a line was played."""
        ...

    @property
    def open(self) -> bool:
        """A farewell can still be said."""
        ...

    async def receive(self) -> str | bytes:
        """The client's next message: an event as text, or audio."""
        ...

    async def write(self, message: str | bytes) -> None:
        """Send, and wait where the client is slow."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """End it, with a WebSocket close code."""
        ...

    def sound(self, outbox: Outbox, emitter: Emitter, report: Callable[[AttachUp], None]) -> Sound:
        """How characters are heard here; `report` takes positions to the stage."""
        ...


class SocketWire:
    """A WebSocket that was accepted."""

    microphone = None
    reports = False

    def __init__(self, socket: WebSocket, *, binary: bool) -> None:
        """`binary` where the subprotocol was agreed upon."""
        self._socket = socket
        self._binary = binary

    @property
    def open(self) -> bool:
        """Neither side has closed it."""
        return self._socket.application_state is WebSocketState.CONNECTED and self._socket.client_state is WebSocketState.CONNECTED

    async def receive(self) -> str | bytes:
        """One message, as it came."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise Hangup(0, goodbye=_is_goodbye(message))
        text: str | None = message.get("text")
        data: bytes | None = message.get("bytes")
        return text if text is not None else data or b""

    async def write(self, message: str | bytes) -> None:
        """Text or binary."""
        try:
            await (self._socket.send_text(message) if isinstance(message, str) else self._socket.send_bytes(message))
        except WebSocketDisconnect:
            raise Hangup(0) from None

    async def close(self, code: int, reason: str) -> None:
        """With this code."""
        await self._socket.close(code, reason)

    def sound(self, outbox: Outbox, emitter: Emitter, report: Callable[[AttachUp], None]) -> Voice:  # noqa: ARG002 - such clients report themselves
        """As messages among the others."""
        return Voice(outbox, emitter, binary=self._binary)


def _is_goodbye(message: Mapping[str, Any]) -> bool:
    """The client has closed, or is leaving the page; a lost connection is told as "no status" too, but without a reason, not even an empty one."""
    code = message.get("code")
    return code in _NORMAL or (code == _NO_STATUS and "reason" in message)
