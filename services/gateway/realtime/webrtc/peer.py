"""One end of a WebRTC connection, as the library makes it: answers an offer, and gives out what a call needs of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from aiortc import RTCConfiguration, RTCDataChannel, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from services.core.errors import DeadlineExceeded, InvalidRequest
from services.gateway.realtime.errors import INTERNAL, Hangup
from services.gateway.realtime.webrtc import jitter, window
from services.gateway.realtime.webrtc.addresses import offering
from services.gateway.realtime.webrtc.ice import let_go
from services.gateway.realtime.webrtc.microphone import listen
from services.gateway.realtime.webrtc.reel import Reel
from services.gateway.realtime.webrtc.track import VoiceTrack
from services.gateway.realtime.webrtc.wire import CHANNEL, CallWire

_ANSWER_S: Final = 10.0
"""A STUN server that does not answer costs half of it."""
_CLOSE_S: Final = 5.0
_OVER: Final = frozenset({"failed", "closed"})

_log = structlog.get_logger(__name__)
jitter.install()
window.install()


class Peer:
    """`answer` once; `wire` is there when the caller's data channel has opened; `close` always."""

    def __init__(self, addresses: Sequence[str], stun: str) -> None:
        """Reachable at `addresses`, and as what a STUN server sees if one is named."""
        self._addresses = addresses
        # Without a list the library asks a public server.
        servers = [RTCIceServer(stun)] if stun else []
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._reel = Reel()
        self._wire: asyncio.Future[CallWire | None] = asyncio.get_running_loop().create_future()
        self._listening: asyncio.Task[None] | None = None
        self._connection.on("track", self._on_track)
        self._connection.on("datachannel", self._on_channel)
        self._connection.on("connectionstatechange", self._on_state)

    async def answer(self, offer: str) -> str:
        """The answer to an SDP offer. Raises `InvalidRequest`, `DeadlineExceeded`; then there is still something to close."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
                self._connection.addTrack(VoiceTrack(self._reel))
                with offering(self._addresses):
                    await self._connection.setLocalDescription()
        except TimeoutError:
            raise DeadlineExceeded from None
        except Exception as error:
            # The library raises whatever a malformed line made its parser stumble over.
            _log.info("call.offer_refused", error=type(error).__name__)
            raise InvalidRequest("The offer cannot be answered: it must be BUNDLEd, with Opus and with RTCP on the same port.") from None
        answer: str = self._connection.localDescription.sdp
        return answer

    async def wire(self, within_s: float) -> CallWire | None:
        """Once the caller's data channel stands; their microphone is on it from then on. None if it does not come to that."""
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.shield(self._wire)
        except TimeoutError:
            return None

    async def close(self) -> None:
        """Let go of sockets, threads and tasks."""
        if not self._wire.done():
            self._wire.set_result(None)
        if self._listening is not None:
            self._listening.cancel()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._connection.close()
        except TimeoutError:
            _log.warning("call.close_timed_out")
        finally:
            try:
                async with asyncio.timeout(_CLOSE_S):
                    await let_go(self._connection)
            except TimeoutError:
                _log.warning("call.ice_close_timed_out")
            if self._listening is not None:
                await asyncio.gather(self._listening, return_exceptions=True)

    def _on_track(self, track: MediaStreamTrack) -> None:
        # From the beginning: the library keeps every frame that nobody takes, and what is heard late is heard in a heap.
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(track), name="call-microphone")

    async def _listen(self, track: MediaStreamTrack) -> None:
        try:
            await listen(track, self._heard)
        except Exception:
            _log.exception("call.microphone_failed")
            # Somebody who is no longer heard would never know; a new call may be better.
            self._end(Hangup(INTERNAL, "the microphone failed"))

    def _heard(self, pcm: bytes) -> None:
        if self._wire.done() and (wire := self._wire.result()) is not None:
            wire.heard(pcm)

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if channel.label != CHANNEL or self._wire.done():
            channel.close()
            return
        self._wire.set_result(CallWire(channel, self._reel))

    def _on_state(self) -> None:
        if self._connection.connectionState in _OVER:
            self._end(None)

    def _end(self, why: Hangup | None) -> None:
        """Without a reason: the caller is gone, and nobody can be told one."""
        if not self._wire.done():
            self._wire.set_result(None)
        elif (wire := self._wire.result()) is not None:
            if why is None:
                wire.end()
            else:
                wire.hang_up(why)
