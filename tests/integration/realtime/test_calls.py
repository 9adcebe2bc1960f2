"""A call by WebRTC, from the offer to the end: the same connection as over a WebSocket, with voices by the track."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from aioice import ice
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.rtcsctptransport import DataChunk, tsn_plus_one
from openai import AsyncOpenAI

from services.core.model.attachment import (
    AttachOpen,
    Configure,
    FinalHeard,
    LineAudio,
    LineFlushed,
    LinePaused,
    LineResumed,
    Onset,
    Paused,
    Played,
    UtteranceEnded,
)
from services.core.model.fact import Author
from services.core.model.facts import Noted
from services.gateway.realtime.webrtc import calls, routes
from tests.integration.realtime.caller import Caller, calling
from tests.integration.realtime.conftest import House
from tests.integration.realtime.scripted import Seat
from tests.integration.realtime.table import silence, tone
from tests.waiting import until

RATE = 48_000
MIRELLE = {"model": "npc/mirelle", "name": "Ann"}
SDP = {"content-type": "application/sdp"}
CALLS = "/v1/realtime/calls"


def _voice(house: House, seat: Seat, line: str, seconds: float) -> None:
    """A line's whole sound at once, as a stage far ahead would send it."""
    facts = house.stage.line(seat.opening.session, line, ["One two three four five six."])
    pcm = tone(seconds)
    for start in range(0, len(pcm), 4800):
        seat.send(LineAudio(line, facts[1].seq, pcm[start : start + 4800], start // 2))


async def test_spoken_words_come_back_as_events_and_the_voice_by_the_track(house: House) -> None:
    """Speech on the track is heard, ended and transcribed; the answer's events come by the data channel without audio, its sound by the track."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        assert seat.opening.reports_playback
        await caller.say(silence(0.3, RATE) + tone(0.8, RATE) + silence(0.4, RATE))
        onset = await seat.expect(Onset)
        await seat.expect(Paused)
        seat.send(UtteranceEnded(onset.utterance))
        final = await seat.expect(FinalHeard)
        assert 700 <= final.speech_ms <= 1000
        assert 0.8 < len(house.stt.calls[0].audio) / 32_000 < 1.8
        said = house.stage.said(seat, onset.utterance, "hello there")
        completed = await caller.expect("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "hello there"
        facts = house.stage.line(seat.opening.session, "L1", ["Welcome in."], turn=said.seq)
        quiet = time.monotonic()
        assert caller.sounding(0, quiet) == 0
        seat.send(LineAudio("L1", facts[1].seq, tone(0.6), 0))
        await caller.sound(after=quiet)
        played = await seat.expect(Played)
        while played.played_ms < 600:
            played = await seat.expect(Played)
        assert played == Played("L1", 600)
        house.stage.close(seat.opening.session, "L1", "heard", facts[1])
        await caller.expect("response.done")
        await caller.expect("output_audio_buffer.stopped")
        types = [event["type"] for _, event in caller.events]
        assert "response.output_audio.delta" not in types
        assert types.index("output_audio_buffer.started") < types.index("response.done") < types.index("output_audio_buffer.stopped")
        assert 25 <= caller.sounding(quiet, time.monotonic()) <= 33


async def test_talk_key_works_in_a_call(house: House) -> None:
    """A track never stops: silence begins nothing, each press is one utterance with its words, and what follows a commit ends none."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        caller.send(type="session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        await caller.expect("session.updated")
        for number in range(2):
            before = len(caller.events)
            await caller.say(silence(0.3, RATE) + tone(0.5, RATE) + silence(0.1, RATE))
            onset = await seat.expect(Onset)
            assert onset.manual
            caller.send(type="input_audio_buffer.commit")
            final = await seat.expect(FinalHeard)
            assert final.utterance == onset.utterance
            assert 0.6 < len(house.stt.calls[number].audio) / 32_000 < 1.5
            house.stage.said(seat, onset.utterance, "hello there")
            await caller.expect("conversation.item.input_audio_transcription.completed", after=before)
        await caller.say(silence(0.3, RATE))
        assert [type(event) for event in await _drained(seat) if isinstance(event, Onset | Paused | FinalHeard)] == [Onset, Paused, FinalHeard] * 2


async def test_silence_cannot_be_committed_in_a_call(house: House) -> None:
    """A key that was pressed without a word leaves nothing at the table."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        caller.send(type="session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        await caller.expect("session.updated")
        await caller.say(silence(0.5, RATE))
        caller.send(type="input_audio_buffer.commit")
        assert (await caller.expect("error"))["error"]["code"] == "input_audio_buffer_commit_empty"
        assert not [event for event in await _drained(seat) if isinstance(event, Onset)]


@pytest.mark.parametrize("every", [pytest.param(10, marks=pytest.mark.nightly), 3])
async def test_lost_packets_cost_no_time_and_no_delay(house: House, every: int) -> None:
    """With every tenth packet of both directions lost, or every third, speech is as long as it was, one utterance, and the voice goes on."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        _losing(caller, every)
        await caller.say(silence(0.3, RATE) + tone(1.5, RATE) + silence(0.5, RATE))
        onset = await seat.expect(Onset)
        await seat.expect(Paused)
        seat.send(UtteranceEnded(onset.utterance))
        final = await seat.expect(FinalHeard)
        assert 1400 <= final.speech_ms <= 1700
        stopped = await caller.expect("input_audio_buffer.speech_stopped")
        assert 2000 <= stopped["audio_end_ms"] <= 4000
        _voice(house, seat, "L1", 1.0)
        await caller.sound()
        played = await seat.expect(Played)
        while played.played_ms < 1000:
            played = await seat.expect(Played)
        assert caller.sounding(0, time.monotonic()) >= 40 - 50 // every


async def test_barge_in_stops_the_track_at_once_and_an_empty_one_lets_it_go_on(house: House) -> None:
    """What waits is held on a pause, goes on after it, and is never sent after a flush; the position is where the track stopped."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        _voice(house, seat, "L1", 3.0)
        await caller.sound()
        await until(lambda: caller.sounding(0, time.monotonic()) > 15)
        seat.send(LinePaused("L1"))
        await caller.expect("souffleur.pause")
        await _silent(caller)
        held = caller.sounding(0, time.monotonic())
        assert held < 60
        seat.send(LineResumed("L1"))
        await until(lambda: caller.sounding(0, time.monotonic()) > held + 10)
        seat.send(LineFlushed("L1"))
        cleared = await caller.expect("output_audio_buffer.cleared")
        assert cleared["response_id"] == "resp_L1"
        await _silent(caller)
        total = caller.sounding(0, time.monotonic())
        assert total < 120
        positions = [value.played_ms for value in await _drained(seat) if isinstance(value, Played)]
        assert abs(positions[-1] + 60 - total * 20) <= 100
        assert positions == sorted(positions)
        _voice(house, seat, "L2", 0.4)
        await caller.sound(after=time.monotonic())


async def test_caller_who_is_moved_leaves_a_held_line_behind(house: House) -> None:
    """What waited of it is cleared, and the next line is heard in the new place at once, whole."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        _voice(house, seat, "L1", 3.0)
        await caller.sound()
        seat.send(LinePaused("L1"))
        await caller.expect("souffleur.pause")
        house.stage.move(seat, "cellar")
        assert (await caller.expect("souffleur.flush"))["line_id"] == "L1"
        await caller.expect("output_audio_buffer.cleared")
        await _silent(caller)
        _voice(house, seat, "L2", 0.4)
        await caller.expect(lambda event: event["type"] == "souffleur.audio" and event["line_id"] == "L2")
        played = await seat.expect(Played)
        while (played.line, played.played_ms) != ("L2", 400):
            played = await seat.expect(Played)


async def test_client_clears_what_is_buffered(house: House) -> None:
    """`output_audio_buffer.clear` silences the track, and is answered once."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        _voice(house, seat, "L1", 3.0)
        await caller.sound()
        caller.send(type="output_audio_buffer.clear")
        await caller.expect("output_audio_buffer.cleared")
        await _silent(caller)
        seat.send(LineFlushed("L1"))
        await caller.expect("souffleur.flush")
        assert [event["type"] for _, event in caller.events].count("output_audio_buffer.cleared") == 1


async def test_official_client_sends_its_offer_in_a_form(house: House) -> None:
    """`realtime.calls.create` with a session object: its settings are in force, its model is the character, and `hangup` ends the call."""
    async with AsyncOpenAI(base_url=f"http://{house.url}/v1", api_key="any") as client, _caller() as caller:
        turns = {"type": "server_vad", "silence_duration_ms": 300}
        session: Any = {"type": "realtime", "model": "npc/mirelle", "audio": {"input": {"turn_detection": turns}}}
        answer = await client.realtime.calls.create(sdp=await caller.offer(), session=session)
        assert answer.response.status_code == 201
        assert answer.response.headers["content-type"] == "application/sdp"
        call_id = answer.response.headers["location"].removeprefix(f"{CALLS}/")
        assert call_id.startswith("rtc_")
        await caller.connect(answer.text)
        seat = await house.stage.seat()
        updated = await caller.expect("session.updated")
        assert updated["session"]["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 300
        assert updated["session"]["model"] == "npc/mirelle"
        assert (await seat.expect(Configure)).hang_over_s == pytest.approx(0.3)
        await client.realtime.calls.hangup(call_id)
        await asyncio.wait_for(caller.closed.wait(), 5)
        await seat.gone()


async def test_microphone_is_optional_and_audio_is_taken_from_no_event(house: House) -> None:
    """Somebody who only listens may call; audio as events, and positions by the client, have no place in a call."""
    async with calling(f"http://{house.url}", MIRELLE, microphone=False) as caller:
        seat = await house.stage.seat()
        caller.send(type="input_audio_buffer.append", audio="AAAA", event_id="mine")
        error = await caller.expect("error")
        assert (error["error"]["code"], error["error"]["event_id"]) == ("audio_travels_by_track", "mine")
        caller.send(type="souffleur.played", line_id="L1", played_ms=99_999)
        _voice(house, seat, "L1", 0.3)
        await caller.sound()
        assert (await seat.expect(Played)).played_ms <= 300


async def test_long_event_comes_in_parts(house: House) -> None:
    """A fact larger than a data channel's message is put together again from its parts."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        text = "Ж€" * 40_000
        house.stage.write(seat.opening.session, Noted(text=text), Author("director", "local", "Dora"))
        fact = await caller.expect(lambda event: event["type"] == "souffleur.fact" and event["fact"]["kind"] == "noted")
        assert fact["fact"]["body"]["text"] == text


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (lambda sdp: "", 400, "invalid_request"),
        (lambda sdp: "v=0\r\n", 400, "invalid_request"),
        (lambda sdp: sdp.replace("m=audio", "m=video"), 400, "invalid_request"),
        (lambda sdp: sdp[: sdp.index("m=application")], 400, "invalid_request"),
        (lambda sdp: sdp.replace("a=ice-pwd", "a=x-pwd"), 400, "invalid_request"),
        (lambda sdp: sdp.replace("opus/48000/2", "speex/8000").replace("PCM", "XXX").replace("G722", "XXX"), 400, "invalid_request"),
        (lambda sdp: sdp.replace("a=rtpmap:", "a=rtpmap:x"), 400, "invalid_request"),
        (lambda sdp: sdp.replace("a=fingerprint", "a=x"), 400, "invalid_request"),
        (lambda sdp: sdp.replace("a=sctp-port", "a=x"), 400, "invalid_request"),
        (lambda sdp: sdp + "a=x\r\n" * 20_000, 413, "too_large"),
        (lambda sdp: "a" * 300_000, 413, "too_large"),
    ],
    ids=["empty", "no sections", "video", "no data channel", "no password", "no codec", "garbled", "no fingerprint", "no port", "long", "longer"],
)
async def test_bad_offer_is_a_typed_error_and_leaves_nothing(house: House, change: Any, status: int, code: str) -> None:
    """What cannot be a call is refused in OpenAI's form, and no peer of it stays."""
    async with _caller() as caller, _http(house) as client:
        offer = await caller.offer()
        before = _left()
        answer = await client.post(CALLS, params=MIRELLE, content=change(offer), headers=SDP)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
        await until(lambda: _left() <= before, 5, what="the end of what was begun")


async def test_who_may_call_is_asked_as_everywhere(house: House) -> None:
    """Foreign origins and hosts, other body types, unknown models and impossible sessions are turned away."""
    async with _caller() as caller, _http(house) as client:
        offer = await caller.offer()

        async def refused(headers: dict[str, str] = SDP, params: dict[str, str] = MIRELLE, **body: Any) -> tuple[int, str]:
            answer = await client.post(CALLS, params=params, headers=headers, **(body or {"content": offer}))
            return answer.status_code, answer.json()["error"]["code"]

        assert await refused(SDP | {"origin": "https://evil.example"}) == (403, "foreign_origin")
        assert await refused(SDP | {"host": "evil.example"}) == (421, "unknown_host")
        assert await refused({"content-type": "application/json"}) == (415, "unsupported_media_type")
        assert await refused(params={}) == (404, "not_found")
        tools = json.dumps({"type": "realtime", "tools": [{"type": "function", "name": "x"}]})
        assert await refused({}, data={"sdp": offer, "session": tools}, files={"none": b""}) == (400, "invalid_request")
        assert await refused({}, data={"sdp": offer, "session": "[]"}, files={"none": b""}) == (400, "invalid_request")
        half = '{"type": "realtime", "audio": {"input": {"transcription": {"prompt": "\\ud800"}}}}'
        assert await refused({}, data={"sdp": offer, "session": half}, files={"none": b""}) == (400, "invalid_request")
        assert await refused({}, data={"session": "{}"}, files={"none": b""}) == (400, "invalid_request")


async def test_unknown_session_is_told_over_the_channel(house: House) -> None:
    """The call stands, says what is wrong, and ends for good."""
    async with _caller() as caller, _http(house) as client:
        answer = await client.post(CALLS, params={"session": "nowhere"}, content=await caller.offer(), headers=SDP)
        await caller.connect(answer.text, greeted=False)
        assert (await caller.expect("error"))["error"]["code"] == "not_found"
        closed = await caller.expect("souffleur.closed")
        assert (closed["code"], closed["reason"]) == (1008, "not_found")
        await asyncio.wait_for(caller.closed.wait(), 5)


async def test_without_the_extra_it_says_what_to_install(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """501 with a code, before anything is read."""
    monkeypatch.setattr(routes, "installed", lambda: False)
    async with _http(house) as client:
        answer = await client.post(CALLS, params=MIRELLE, content="v=0", headers=SDP)
        assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_installed")
        assert "--extra webrtc" in answer.json()["error"]["message"]


@pytest.mark.parametrize("patch", [{"gateway": {"max_calls": 0}}])
async def test_server_that_takes_no_calls_says_so_for_good(house: House) -> None:
    """No call is ever taken, so coming again is no advice: 501, as without the extra."""
    async with _http(house) as client:
        answer = await client.post(CALLS, params=MIRELLE, content="v=0", headers=SDP)
        assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_offered")
        assert "retry-after" not in answer.headers


@pytest.mark.parametrize("patch", [{"gateway": {"max_calls": 1}}])
async def test_calls_are_counted(house: House) -> None:
    """One more than the server takes is told to come again; after a hang-up there is room."""
    async with calling(f"http://{house.url}", MIRELLE) as caller, _http(house) as client, _caller() as second:
        offer = await second.offer()
        answer = await client.post(CALLS, params=MIRELLE, content=offer, headers=SDP)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "overloaded")
        assert answer.headers["retry-after"]
        assert (await client.delete(caller.location)).status_code == 204
        assert (await client.post(CALLS, params=MIRELLE, content=offer, headers=SDP)).status_code == 201


async def test_calls_that_only_ring_keep_nobody_else_out(house: House) -> None:
    """Whoever has too many unconnected calls gets no further one; others do, and so does the same caller once a call has ended."""
    guest = {"x-forwarded-for": "203.0.113.9"}
    async with _caller() as caller, _http(house) as client:
        offer = await caller.offer()
        ringing = []
        while (answer := await client.post(CALLS, params=MIRELLE, content=offer, headers=SDP | guest)).status_code == 201:
            ringing.append(answer.headers["location"])
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "overloaded")
        assert 2 < len(ringing) < 10
        async with calling(f"http://{house.url}", MIRELLE):
            for location in ringing[:2]:
                assert (await client.delete(location, headers=guest)).status_code == 204
        assert (await client.post(CALLS, params=MIRELLE, content=offer, headers=SDP | guest)).status_code == 201


async def test_connected_calls_are_not_counted_among_those_that_ring(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full table behind one address."""
    monkeypatch.setattr(calls, "_MOST_RINGING", 1)
    async with calling(f"http://{house.url}", MIRELLE), calling(f"http://{house.url}", MIRELLE):
        pass


async def test_call_is_hung_up_by_its_own_caller_or_a_director(house: House) -> None:
    """Somebody else's call cannot even be seen; the end is told to the caller, and nothing is left here."""
    before = _left()
    guest = {"x-forwarded-for": "203.0.113.9"}
    async with calling(f"http://{house.url}", MIRELLE) as caller, _http(house) as client:
        seat = await house.stage.seat()
        assert (await client.delete(caller.location, headers=guest)).status_code == 404
        assert (await client.delete(f"{CALLS}/rtc_unknown")).status_code == 404
        assert (await client.delete(caller.location)).status_code == 204
        await asyncio.wait_for(caller.closed.wait(), 5)
        await seat.gone()
        assert (await client.delete(caller.location)).status_code == 404
    await until(lambda: _left() <= before, 5, what="the end of tasks and threads")


async def test_caller_who_leaves_ends_the_call(house: House) -> None:
    """Closing the peer is a goodbye; the seat is free again, and nothing is left here."""
    before = _left()
    async with calling(f"http://{house.url}", MIRELLE):
        seat = await house.stage.seat()
        assert isinstance(seat.opening, AttachOpen)
    await seat.gone()
    await until(lambda: _left() <= before, 5, what="the end of tasks and threads")


async def test_caller_whose_network_is_gone_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word from the other side its consent runs out, and the call ends."""
    monkeypatch.setattr(ice, "CONSENT_INTERVAL", 0.05)
    monkeypatch.setattr(ice, "CONSENT_FAILURES", 2)
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        for protocol in _sockets(caller):
            protocol.transport.abort()
        await seat.gone()


async def test_caller_whose_message_never_ends_is_hung_up(house: House) -> None:
    """Pieces without a last one stop at the window, and the call is over before they fill the memory."""
    before = _left()
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        for pieces in range(1, 1000):
            await _piece_of_a_message(caller, first=pieces == 1)
            if caller.closed.is_set():
                break
            await asyncio.sleep(0)
        await seat.gone()
    await until(lambda: _left() <= before, 5, what="the end of tasks and threads")


async def test_call_that_does_not_connect_ends(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that nobody takes up has a deadline: no socket, task or place among the calls is kept for it."""
    monkeypatch.setattr(calls, "CONNECT_S", 0.3)
    async with _caller() as caller, _http(house) as client:
        offer = await caller.offer()
        before = _left()
        answer = await client.post(CALLS, params=MIRELLE, content=offer, headers=SDP)
        assert answer.status_code == 201
        assert _left() > before
        await until(lambda: _left() <= before, 5, what="the end of the call")
        assert (await client.delete(answer.headers["location"])).status_code == 404
    assert house.stage.opened == []


async def test_call_is_offered_where_the_gateway_listens_and_nowhere_else(house: House) -> None:
    """On loopback the answer names loopback alone, and no server on the internet was asked."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        candidates = [line.split() for line in caller.answer.splitlines() if line.startswith("a=candidate:")]
        assert candidates
        assert {(fields[4], fields[7]) for fields in candidates} == {("127.0.0.1", "host")}


async def test_second_channel_is_closed(house: House) -> None:
    """Events have one channel, by its name."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        other = caller.peer.createDataChannel("other")
        await until(lambda: other.readyState == "closed")
        caller.send(type="session.update", session={"type": "realtime"})
        await caller.expect("session.updated")


@asynccontextmanager
async def _caller() -> AsyncIterator[Caller]:
    caller = Caller(RTCPeerConnection(RTCConfiguration(iceServers=[])))
    try:
        yield caller
    finally:
        await caller.close()


def _http(house: House) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=f"http://{house.url}", trust_env=False, timeout=20)


async def _silent(caller: Caller) -> None:
    """Wait until nothing has sounded for 200 ms."""
    await until(lambda: len(caller.heard) > 10 and caller.sounding(caller.heard[-10][0], time.monotonic()) == 0, what="silence")


async def _drained(seat: Seat) -> list[Any]:
    """Everything that came up so far."""
    came = [seat.up.get_nowait() for _ in range(seat.up.qsize())]
    return [*seat.seen, *came]


def _left() -> tuple[int, int]:
    """What a call costs: tasks, and threads that decode."""
    files = [getattr(getattr(task.get_coro(), "cr_code", None), "co_filename", "") for task in asyncio.all_tasks()]
    threads = sum(thread.name == "audio-decoder" for thread in threading.enumerate())
    return sum(any(part in file for part in ("/aiortc/", "/aioice/", "/webrtc/")) for file in files), threads


def _losing(caller: Caller, every: int) -> None:
    """Lose every so-manieth packet of sound, both ways; checks and events get through."""
    for receiver in caller.peer.getReceivers():
        transport: Any = receiver.transport
        sent, taken = transport._send_rtp, receiver._handle_rtp_packet
        counts = [0, 0]

        async def send(data: bytes, sent: Any = sent, counts: list[int] = counts) -> None:
            counts[0] += 1
            if counts[0] % every:
                await sent(data)

        async def take(packet: Any, arrival_time_ms: int, taken: Any = taken, counts: list[int] = counts) -> None:
            counts[1] += 1
            if counts[1] % every:
                await taken(packet, arrival_time_ms)

        transport._send_rtp = send
        receiver._handle_rtp_packet = take  # type: ignore[method-assign]


async def _piece_of_a_message(caller: Caller, *, first: bool) -> None:
    """As no client sends it: without asking for leave, and never the last one."""
    sctp: Any = caller.peer.sctp
    piece = DataChunk(flags=2 if first else 0)
    piece.tsn, piece.stream_id, piece.stream_seq, piece.protocol = sctp._local_tsn, 1, sctp._outbound_stream_seq[1], 51
    piece.user_data = b"x" * 1000
    sctp._local_tsn = tsn_plus_one(sctp._local_tsn)
    with contextlib.suppress(ConnectionError):
        await sctp._send_chunk(piece)


def _sockets(caller: Caller) -> list[Any]:
    """Of the caller's own end."""
    sctp: Any = caller.peer.sctp
    protocols: list[Any] = sctp.transport.transport.iceGatherer._connection._protocols
    return protocols
