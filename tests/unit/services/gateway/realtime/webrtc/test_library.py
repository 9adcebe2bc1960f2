"""What we rely on inside the WebRTC library, by private names: a new version that moves it must fail here and not in a call."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import aiortc.jitterbuffer
import aiortc.rtcrtpreceiver
import numpy as np
import pytest
from aioice import ice
from aiortc import RTCConfiguration, RTCIceGatherer, RTCPeerConnection, RTCRtpCodecParameters
from aiortc.codecs.opus import OpusDecoder, OpusEncoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcsctptransport import DataChunk, ForwardTsnChunk, InitChunk, RTCSctpTransport
from aiortc.rtp import RtpPacket
from av import AudioFrame

from services.core.model.attachment import LineAudio
from services.gateway.realtime.webrtc import addresses, jitter, window
from services.gateway.realtime.webrtc.reel import Reel
from services.gateway.realtime.webrtc.track import VoiceTrack

STOCK: dict[str, Any] = {"capacity": 16, "prefetch": 4}
"""As `RTCRtpReceiver` makes it for audio."""
FIRST, LAST = 2, 1
"""Flags of a message's first piece and of its last."""
OPUS = RTCRtpCodecParameters(mimeType="audio/opus", clockRate=48_000, channels=2, payloadType=96)


def _packet(number: int) -> RtpPacket:
    packet = RtpPacket(payload_type=96, sequence_number=number, timestamp=number * 960 % 2**32)
    packet._data = number.to_bytes(2, "big")  # type: ignore[attr-defined]
    return packet


def _heard(buffer: Any, arrivals: list[int]) -> list[tuple[int, int]]:
    """(packet that arrived, packet that was released then)."""
    heard = []
    for number in arrivals:
        _, frame = buffer.add(_packet(number))
        if frame is not None:
            heard.append((number, int.from_bytes(frame.data, "big")))
    return heard


async def test_every_receiver_of_audio_has_our_buffer_and_video_keeps_its_own() -> None:
    """The receiver looks the name up where we put ours, and asks for the sizes that we know."""
    jitter.install()
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        for kind, asked in (("audio", (16, 4)), ("video", (512, 0))):
            buffer: Any = peer.addTransceiver(kind).receiver._RTCRtpReceiver__jitter_buffer  # type: ignore[attr-defined]
            assert isinstance(buffer, jitter.LowDelay)
            assert (buffer.capacity, buffer._prefetch, buffer._video) == (*asked, kind == "video")
    finally:
        await peer.close()


async def test_a_received_packet_goes_through_the_buffer_to_the_decoder() -> None:
    """What the receiver calls, and what it does with the answer: our buffer's frame is decoded at once."""
    jitter.install()
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        receiver: Any = peer.addTransceiver("audio").receiver
        decoded: list[Any] = []
        receiver._RTCRtpReceiver__decoder_queue.put = decoded.append
        receiver._RTCRtpReceiver__decoder_thread = True
        receiver._RTCRtpReceiver__codecs[96] = OPUS
        packet = RtpPacket(payload_type=96, sequence_number=7, timestamp=960)
        packet.payload = b"\xfc\xff\xfe"
        await receiver._handle_rtp_packet(packet, arrival_time_ms=0)
        receiver._RTCRtpReceiver__decoder_thread = None
        assert [(codec, frame.data) for codec, frame in decoded] == [(OPUS, b"\xfc\xff\xfe")]
    finally:
        await peer.close()


def test_nothing_waits_where_nothing_is_lost() -> None:
    """Each packet is out when it comes, over the end of the numbers as well."""
    numbers = [(65_530 + step) % 65_536 for step in range(12)]
    assert [frame for _, frame in _heard(jitter.LowDelay(**STOCK), numbers)] == numbers


def test_one_lost_packet_costs_one_packet_of_delay_and_no_other_packet() -> None:
    """The next one waits for it, and from then on each is one behind; later losses cost nothing more."""
    arrivals = [number for number in range(1, 60) if number not in {20, 30, 31, 40}]
    heard = _heard(jitter.LowDelay(**STOCK), arrivals)
    assert [released for _, released in heard] == arrivals[:-1]
    assert [arrived for arrived, _ in heard if 18 < arrived < 24] == [19, 22, 23]
    assert {arrived - released for arrived, released in heard if arrived > 40} <= {1, 2}
    assert heard[-1] == (59, 58)


@pytest.mark.parametrize("lost", [0.05, 0.1, 0.3])
def test_whatever_arrives_is_heard(lost: float) -> None:
    """On a bad network, too; the library's own buffer throws away a part of it."""
    chance = random.Random(7)
    arrivals = [number for number in range(1, 2000) if chance.random() > lost]
    ours = _heard(jitter.LowDelay(**STOCK), arrivals)
    assert len(ours) >= len(arrivals) - jitter.PATIENCE
    assert len(_heard(aiortc.jitterbuffer.JitterBuffer(**STOCK), arrivals)) < 0.9 * len(arrivals)


def test_late_packet_is_still_heard_in_its_place_and_a_later_one_is_not() -> None:
    """Two that change places come out in order; one whose time is over does not come out at all, and neither does a copy."""
    assert [released for _, released in _heard(jitter.LowDelay(**STOCK), [1, 2, 4, 3, 5, 6, 6, 7])] == [1, 2, 3, 4, 5, 6, 7]
    assert [released for _, released in _heard(jitter.LowDelay(**STOCK), [1, 2, 4, 5, 6, 3, 7])] == [1, 2, 4, 5, 6]


def test_stream_that_begins_anew_is_followed() -> None:
    """Numbers far away are no hole that somebody waits for."""
    assert [released for _, released in _heard(jitter.LowDelay(**STOCK), [1, 2, 30_000, 30_001, 5, 6])] == [1, 2, 30_000, 30_001, 5, 6]


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


async def test_track_gives_packets_in_time_that_the_library_sends_as_they_are() -> None:
    """One every 20 ms, sound or not; the sound is there in the first packet, and what follows it is silent."""
    reel = Reel()
    track, packer, decoder = VoiceTrack(reel), OpusEncoder(), OpusDecoder()
    sound = (8000 * np.sin(2 * np.pi * 220 * np.arange(4800) / 24_000)).astype("<i2")
    reel.push(LineAudio("L1", 1, sound.tobytes(), 0))
    begin, levels, sizes = time.monotonic(), [], []
    for number in range(20):
        (payload,), timestamp = packer.pack(await track.recv())
        assert timestamp == number * 960
        sizes.append(len(payload))
        (frame,) = decoder.decode(JitterFrame(payload, timestamp))
        assert isinstance(frame, AudioFrame)
        levels.append(float(np.abs(frame.to_ndarray()).mean()))
    assert time.monotonic() - begin > 0.35
    assert min(levels[1:10]) > 2000
    assert max(levels[13:]) < 1
    assert (min(sizes[:10]) > 20, set(sizes[16:])) == (True, {3})
    track.stop()


async def test_track_that_was_held_up_does_not_send_in_a_heap() -> None:
    """After a standstill time begins anew; a short one is made up for."""
    track = VoiceTrack(Reel())
    await track.recv()
    time.sleep(0.3)  # noqa: ASYNC251 - the loop stands still
    begin = time.monotonic()
    for _ in range(4):
        await track.recv()
    assert time.monotonic() - begin > 0.05
    track.stop()


async def test_every_connection_keeps_its_window() -> None:
    """The connection looks the name up where we put ours; what it offers in its first packet is the window that is kept."""
    window.install()
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        peer.createDataChannel("any")
        sctp: Any = peer.sctp
        assert isinstance(sctp, window.KeptWindow)
        sent: list[Any] = []
        sctp._send_chunk = _keeping(sent)  # type: ignore[method-assign]
        await sctp._init()
        sctp._t1_cancel()
        (init,) = sent
        assert isinstance(init, InitChunk)
        assert init.advertised_rwnd == window.OFFERED_BYTES
        assert window.OFFERED_BYTES // 1150 < window.MOST_PIECES
    finally:
        await peer.close()


def _keeping(sent: list[Any]) -> Any:
    async def send(chunk: Any) -> None:
        sent.append(chunk)

    return send


async def _association(kind: type[RTCSctpTransport]) -> Any:
    """One that takes pieces from number 1 on."""
    sctp: Any = kind(RTCPeerConnection(RTCConfiguration(iceServers=[]))._RTCPeerConnection__createDtlsTransport())  # type: ignore[attr-defined]
    sctp._last_received_tsn = 0
    return sctp


async def _taken(association: Any, chunks: list[Any]) -> None:
    for chunk in chunks:
        await association._receive_chunk(chunk)


def _piece(number: int, *, flags: int = 0, stream: int = 1, order: int = 0) -> DataChunk:
    piece = DataChunk(flags=flags)
    piece.tsn, piece.stream_id, piece.stream_seq, piece.protocol, piece.user_data = number, stream, order, 51, bytes(1000)
    return piece


def _endless() -> list[Any]:
    return [_piece(number, flags=FIRST if number == 1 else 0) for number in range(1, 600)]


def _holes() -> list[Any]:
    return [_piece(number, flags=4 | FIRST | LAST) for number in range(2, 1200, 2)]


def _streams() -> list[Any]:
    return [_piece(number, flags=FIRST | LAST, stream=number) for number in range(1, 40)]


def _named() -> list[Any]:
    named = ForwardTsnChunk()
    named.cumulative_tsn, named.streams = 1, [(stream, 0) for stream in range(40)]
    return [named]


@pytest.mark.parametrize("flood", [_endless, _holes, _streams, _named])
async def test_whoever_overruns_the_window_is_gone(flood: Callable[[], list[Any]]) -> None:
    """A message without an end, holes that nobody fills, streams that nobody needs: the library takes them all, ours ends the connection."""
    stock, ours = await _association(RTCSctpTransport), await _association(window.KeptWindow)
    await _taken(stock, flood())
    with pytest.raises(ConnectionError):
        await _taken(ours, flood())


async def test_largest_message_passes_whatever_way_its_pieces_come() -> None:
    """In order, and with its first piece last."""
    for turned in (False, True):
        sctp = await _association(window.KeptWindow)
        taken: list[int] = []

        async def take(stream: int, protocol: int, data: bytes, taken: list[int] = taken) -> None:
            taken.append(len(data))

        sctp._receive = take
        pieces = [_piece(number, flags=FIRST * (number == 1) | LAST * (number == 262)) for number in range(1, 263)]
        for piece in [*pieces[1:], pieces[0]] if turned else pieces:
            await sctp._receive_chunk(piece)
        assert taken == [262_000]
        assert sctp._advertised_rwnd == window.OFFERED_BYTES
