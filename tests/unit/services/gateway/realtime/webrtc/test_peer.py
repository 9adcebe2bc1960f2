"""One end of a call: what it hears before anybody listens, and what is left when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import numpy as np
import pytest
import pytest_asyncio
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from av import AudioFrame
from structlog.testing import capture_logs

from services.gateway.realtime.errors import INTERNAL, Hangup
from services.gateway.realtime.webrtc import peer as peers
from services.gateway.realtime.webrtc.addresses import offering
from services.gateway.realtime.webrtc.offer import checked
from services.gateway.realtime.webrtc.peer import Peer
from services.gateway.realtime.webrtc.wire import _MOST_WAITING, CHANNEL, CallWire
from tests.unit.services.gateway.realtime.webrtc.channel import Channel
from tests.waiting import until

FRAME = 960
EARLY, LATE = 1, 2
"""Levels of what is said before somebody listens, and after."""


class Track(MediaStreamTrack):
    """Gives out what a test has put in, as the library's own does: at once where something waits."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.frames: asyncio.Queue[Any] = asyncio.Queue()
        self._count = 0

    def say(self, level: int, frames: int = 1) -> None:
        """So many pieces of 20 ms."""
        for _ in range(frames):
            frame = AudioFrame.from_ndarray(np.full((1, FRAME), level, np.int16), format="s16", layout="mono")
            frame.pts = self._count * FRAME
            self._count += 1
            self.frames.put_nowait(frame)

    async def recv(self) -> Any:
        """The next frame."""
        frame = await self.frames.get()
        if isinstance(frame, Exception):
            raise frame
        return frame


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    """One that nobody has called."""
    made = Peer(["127.0.0.1"], "")
    yield made
    await made.close()


@asynccontextmanager
async def _calling() -> AsyncIterator[tuple[Peer, Any, RTCPeerConnection]]:
    """A peer that has answered, its ICE transport, and the caller, who has not been told yet."""
    peer, caller = Peer(["127.0.0.1"], ""), RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        caller.createDataChannel(CHANNEL)
        caller.addTransceiver("audio")
        with offering(["127.0.0.1"]):
            await caller.setLocalDescription()
        await peer.answer(checked(caller.localDescription.sdp))
        sctp: Any = peer._connection.sctp
        yield peer, sctp.transport.transport, caller
    finally:
        await caller.close()
        await peer.close()


def _level(heard: str | bytes) -> int:
    assert isinstance(heard, bytes)
    return int(np.frombuffer(heard, "<i2")[0])


async def _connected(peer: Peer) -> CallWire:
    peer._on_channel(cast(Any, Channel(CHANNEL)))
    wire = await peer.wire(1)
    assert wire is not None
    return wire


async def test_what_is_said_before_the_channel_opens_is_dropped(peer: Peer) -> None:
    """A channel that comes late finds neither a heap of old words nor the end of the call."""
    track = Track()
    peer._on_track(track)
    track.say(EARLY, _MOST_WAITING + 100)
    await until(track.frames.empty, 2, "the end of what was said")
    wire = await _connected(peer)
    listening = asyncio.create_task(wire.receive())
    await asyncio.sleep(0)
    track.say(LATE)
    assert _level(await asyncio.wait_for(listening, 2)) == LATE


async def test_what_is_said_before_somebody_listens_is_dropped_and_events_are_not(peer: Peer) -> None:
    """A session is joined after the channel has opened; until then events wait, and words are lost."""
    track = Track()
    peer._on_track(track)
    wire = await _connected(peer)
    track.say(EARLY, _MOST_WAITING + 100)
    cast(Any, wire)._channel.fire("message", "{}")
    await until(track.frames.empty, 2, "the end of what was said")
    assert await asyncio.wait_for(wire.receive(), 2) == "{}"
    track.say(LATE)
    assert _level(await asyncio.wait_for(wire.receive(), 2)) == LATE


async def test_heap_of_frames_does_not_end_a_call_that_is_listened_to(peer: Peer) -> None:
    """After a standstill of the program more frames may wait than messages may: whoever listens has a turn between them."""
    track = Track()
    peer._on_track(track)
    wire = await _connected(peer)
    listening = asyncio.create_task(wire.receive())
    await asyncio.sleep(0)
    track.say(LATE, _MOST_WAITING + 100)
    heard = [await asyncio.wait_for(listening, 2)]
    while len(heard) < _MOST_WAITING + 100:
        heard.append(await asyncio.wait_for(wire.receive(), 2))
    assert {_level(piece) for piece in heard} == {LATE}


@pytest.mark.parametrize("opened", [True, False])
async def test_microphone_that_fails_ends_the_call(peer: Peer, opened: bool) -> None:  # noqa: FBT001
    """It is logged, and whoever would no longer be heard is told to come again; a call that only rings ends."""
    track = Track()
    wire = await _connected(peer) if opened else None
    with capture_logs() as logs:
        peer._on_track(track)
        track.frames.put_nowait(ValueError("no such frame"))
        if wire is None:
            assert await peer.wire(2) is None
        else:
            with pytest.raises(Hangup) as ended:
                await asyncio.wait_for(wire.receive(), 2)
            assert ended.value.code == INTERNAL
            assert wire.open, "it can still be told"
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["call.microphone_failed"]


@pytest.mark.parametrize("fault", [RuntimeError, asyncio.CancelledError])
async def test_microphone_ends_with_the_peer_whatever_happens_on_the_way(monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]) -> None:
    """The library failing to close, or somebody being tired of waiting for it."""
    peer = Peer(["127.0.0.1"], "")
    peer._on_track(Track())
    await _connected(peer)
    listening = peer._listening

    async def failing() -> None:
        raise fault

    monkeypatch.setattr(peer._connection, "close", failing)
    with pytest.raises(fault):
        await peer.close()
    assert listening is not None
    assert listening.done()
    monkeypatch.undo()
    await peer.close()


async def test_connection_that_does_not_close_in_time_leaves_no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the library waits for, its ICE is closed."""
    monkeypatch.setattr(peers, "_CLOSE_S", 0.3)
    async with _calling() as (peer, transport, _):
        monkeypatch.setattr(peer._connection, "close", asyncio.Event().wait)
        assert transport._connection._protocols
        await peer.close()
        assert transport._connection._protocols == []
        monkeypatch.undo()


async def test_peer_that_is_closed_in_the_moment_of_connecting_asks_nobody_for_consent() -> None:
    """Between the last check and the library's notice of it: what it then begins is ended as well."""
    async with _calling() as (peer, transport, caller):
        await caller.setRemoteDescription(RTCSessionDescription(peer._connection.localDescription.sdp, "answer"))
        connection = transport._connection
        async with asyncio.timeout(10):
            while not connection._check_list_done:
                await asyncio.sleep(0)
        assert not transport._RTCIceTransport__start.is_set(), "the moment was missed"
        await peer.close()
        await asyncio.wait_for(transport._RTCIceTransport__start.wait(), 2)
        asking = connection._query_consent_task
        assert asking is None or asking.done()
