"""What we rely on inside the WebRTC library, by private names: a new version that moves it must fail here and not in a call."""

from __future__ import annotations

import time
from typing import Any

import aiortc.jitterbuffer
import aiortc.rtcrtpreceiver
import pytest
from aioice import ice
from aiortc import RTCConfiguration, RTCIceGatherer, RTCPeerConnection
from aiortc.codecs.opus import OpusEncoder
from aiortc.rtp import RtpPacket

from services.core.model.attachment import LineAudio
from services.gateway.realtime.webrtc import addresses, jitter
from services.gateway.realtime.webrtc.reel import Reel
from services.gateway.realtime.webrtc.track import VoiceTrack

STOCK: dict[str, Any] = {"capacity": 16, "prefetch": 4}
"""As `RTCRtpReceiver` makes it for audio."""


def _packet(number: int) -> RtpPacket:
    packet = RtpPacket(payload_type=96, sequence_number=number, timestamp=number * 960)
    packet._data = bytes([number])  # type: ignore[attr-defined]
    return packet


def _heard(buffer: Any, arrivals: list[int]) -> list[tuple[int, int]]:
    """(packet that arrived, packet that was released then)."""
    heard = []
    for number in arrivals:
        _, frame = buffer.add(_packet(number))
        if frame is not None:
            heard.append((number, frame.data[0]))
    return heard


async def test_every_receiver_of_audio_has_the_small_buffer_and_video_keeps_its_own() -> None:
    """The receiver looks the name up where we put ours."""
    jitter.install()
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        for kind, kept in (("audio", (4, 0)), ("video", (512, 0))):
            buffer: Any = peer.addTransceiver(kind).receiver._RTCRtpReceiver__jitter_buffer  # type: ignore[attr-defined]
            assert isinstance(buffer, jitter.LowDelay)
            assert (buffer.capacity, buffer._prefetch) == kept
    finally:
        await peer.close()


def test_small_buffer_holds_one_packet_and_goes_on_three_packets_after_a_loss() -> None:
    """In order: the packet before the one that came. After a loss: nothing for three packets, then two behind and no more."""
    whole = list(range(1, 40))
    assert _heard(jitter.LowDelay(**STOCK), whole)[-1] == (39, 38)
    heard = _heard(jitter.LowDelay(**STOCK), [number for number in whole if number != 20])
    before, after = [pair for pair in heard if pair[0] < 20], [pair for pair in heard if pair[0] > 20]
    assert before[-1] == (19, 18)
    assert after[0] == (23, 21)
    assert {arrived - released for arrived, released in after} == {2}


def test_late_packet_is_still_heard_in_its_place() -> None:
    """Two packets that change places come out in order."""
    released = [released for _, released in _heard(jitter.LowDelay(**STOCK), [1, 2, 4, 3, 5, 6, 7, 8])]
    assert released == sorted(released)
    assert set(released) >= {1, 2, 3, 4, 5, 6}


def test_library_s_own_buffer_still_needs_replacing() -> None:
    """It stalls after one loss and keeps the delay: when this fails, ours may have become needless."""
    heard = _heard(aiortc.jitterbuffer.JitterBuffer(**STOCK), [number for number in range(1, 80) if number != 20])
    after = [pair for pair in heard if pair[0] > 20]
    assert after[0][0] - 20 > 8
    assert after[-1][0] - after[-1][1] > 8


async def test_no_server_is_asked_where_none_is_named() -> None:
    """An empty list is none; the library's default would be a public server."""
    assert RTCIceGatherer.getDefaultIceServers()
    gatherer = RTCIceGatherer(iceServers=[])
    assert gatherer._connection.stun_server is None
    assert gatherer._connection.turn_server is None


async def test_candidates_are_the_addresses_that_are_offered() -> None:
    """Inside the block those alone, in the tasks that it starts as well; outside whatever the library finds."""
    gatherer = RTCIceGatherer(iceServers=[])
    with addresses.offering(["127.0.0.1"]):
        await gatherer.gather()
    try:
        assert [candidate.ip for candidate in gatherer.getLocalCandidates()] == ["127.0.0.1"]
        assert "127.0.0.1" not in ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
    finally:
        await gatherer._connection.close()


@pytest.mark.parametrize(("host", "first", "only"), [("127.0.0.1", "127.0.0.1", True), ("localhost", "127.0.0.1", True), ("0.0.0.0", "127.0.0.1", False)])  # noqa: S104 - never bound here
async def test_calls_are_offered_where_the_gateway_listens(host: str, first: str, only: bool) -> None:  # noqa: FBT001
    """Loopback on loopback; every address, and loopback for this machine's own browser, where it listens everywhere."""
    found = await addresses.listening_at(host)
    assert found[0] == first
    assert not only or found == [first]


async def test_encoder_gives_a_packet_for_every_frame_of_ours() -> None:
    """Nothing is held back for resampling: that would be 20 ms more for every word."""
    reel = Reel()
    track, encoder = VoiceTrack(reel), OpusEncoder()
    reel.push(LineAudio("L1", 1, bytes(9600), 0))
    begin = time.monotonic()
    for number in range(5):
        payloads, timestamp = encoder.encode(await track.recv())
        assert (len(payloads), timestamp) == (1, number * 960)
    assert time.monotonic() - begin > 0.075
    track.stop()
