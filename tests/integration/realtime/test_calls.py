"""A call by WebRTC, from the offer to the end: the same connection as over a WebSocket, with voices by the track."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from openai import AsyncOpenAI

from services.core.model.attachment import (
    Configure,
    FinalHeard,
    Goodbye,
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
from tests.integration.realtime.caller import Caller, calling, unconnected
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
    async with AsyncOpenAI(base_url=f"http://{house.url}/v1", api_key="any") as client, unconnected() as caller:
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


async def test_call_is_offered_where_the_gateway_listens_and_nowhere_else(house: House) -> None:
    """On loopback the answer names loopback alone, and no server on the internet was asked."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        candidates = [line.split() for line in caller.answer.splitlines() if line.startswith("a=candidate:")]
        assert candidates
        assert {(fields[4], fields[7]) for fields in candidates} == {("127.0.0.1", "host")}


async def test_whoever_hangs_up_says_goodbye(house: House) -> None:
    """As whoever closes a socket does: it is no break."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        await caller.expect("souffleur.attached")
    await seat.gone()
    assert isinstance(seat.seen[-1], Goodbye)


async def test_second_channel_is_closed(house: House) -> None:
    """Events have one channel, by its name."""
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        other = caller.peer.createDataChannel("other")
        await until(lambda: other.readyState == "closed")
        caller.send(type="session.update", session={"type": "realtime"})
        await caller.expect("session.updated")


async def _silent(caller: Caller) -> None:
    """Wait until nothing has sounded for 200 ms."""
    await until(lambda: len(caller.heard) > 10 and caller.sounding(caller.heard[-10][0], time.monotonic()) == 0, what="silence")


async def _drained(seat: Seat) -> list[Any]:
    """Everything that came up so far."""
    came = [seat.up.get_nowait() for _ in range(seat.up.qsize())]
    return [*seat.seen, *came]


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
