"""Dying stages, failing hearing, floods, and clients that do not read."""

from __future__ import annotations

import asyncio
import base64
import json
import socket as sockets
from typing import Any

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from services.core.errors import Ahead, Forbidden, Unavailable
from services.core.model.attachment import FinalHeard, Goodbye, LineAudio, Onset, Paused, TakeFloor, TextSaid, UtteranceEnded, UtteranceLost
from services.core.model.fact import Author
from services.core.model.facts import Noted, Said
from tests.integration.realtime.conftest import House
from tests.integration.realtime.scripted import WAIT_S
from tests.integration.realtime.table import Guest, end_of, silence, tone
from tests.waiting import until


async def _closed(guest: Guest) -> tuple[int, str]:
    """Code and reason with which the server ends the connection."""
    with pytest.raises(ConnectionClosed) as ended:
        await guest.expect("there is no such event")
    assert ended.value.rcvd is not None
    return ended.value.rcvd.code, ended.value.rcvd.reason


async def test_hearing_that_dies_is_asked_again_with_the_same_audio(house: House) -> None:
    """An utterance whose call dies is sent again whole, under its own id, and its words are not lost."""
    house.stt.fail = 1
    async with house.guest() as guest:
        await guest.append(tone(0.6) + silence(0.4))
        utterance = await end_of(guest, guest.seat)
        final = await guest.seat.expect(FinalHeard)
        assert (final.utterance, final.text) == (utterance, "hello there")
        first, second = house.stt.calls
        assert first.opening == second.opening
        assert len(second.audio) >= 2 * 16_000 * 0.6
        assert second.audio.startswith(first.audio)


async def test_hearing_that_stays_dead_loses_the_utterance_once(house: House) -> None:
    """After the second failure the stage and the client are told; the rest of the same speech begins no new call."""
    house.stt.fail = 99
    async with house.guest() as guest:
        await guest.append(tone(0.6))
        onset = await guest.seat.expect(Onset)
        lost = await guest.seat.expect(UtteranceLost)
        assert lost.utterance == onset.utterance
        # A call that dies under a write is seen as the service being away.
        assert lost.reason in {"engine_failed", "unavailable"}
        failed = await guest.expect("conversation.item.input_audio_transcription.failed")
        assert (failed["item_id"], failed["error"]["code"]) == (f"item_{onset.utterance}", lost.reason)
        calls = len(house.stt.calls)
        await guest.append(tone(0.6) + silence(0.4))
        house.stt.fail = 0
        await guest.append(tone(0.6) + silence(0.4))
        again = await guest.seat.expect(Onset)
        await guest.seat.expect(Paused)
        guest.seat.send(UtteranceEnded(again.utterance))
        assert (await guest.seat.expect(FinalHeard)).utterance == again.utterance
        assert len(house.stt.calls) == calls + 1


@pytest.mark.parametrize("patch", [{"stt": {"final_timeout_s": 0.3}}])
async def test_final_that_does_not_come_is_given_up(house: House) -> None:
    """A hearing service that never answers costs the utterance, not the session."""
    house.stt.mute = True
    async with house.guest() as guest:
        await guest.append(tone(0.6) + silence(0.4))
        utterance = await end_of(guest, guest.seat)
        assert await guest.seat.expect(UtteranceLost) == UtteranceLost(utterance, "deadline_exceeded")
        house.stt.mute = False
        await guest.append(tone(0.6) + silence(0.4))
        await end_of(guest, guest.seat)
        await guest.seat.expect(FinalHeard)


async def test_stage_that_dies_is_joined_again(house: House) -> None:
    """The client keeps its connection: joined again as itself behind the last fact, with its settings and its open utterance."""
    async with house.guest() as guest:
        await guest.update(audio={"input": {"turn_detection": {"type": "server_vad", "create_response": False}}})
        await guest.append(tone(0.5))
        onset = await guest.seat.expect(Onset)
        head = len(house.facts.sessions[guest.sid])
        guest.seat.die(Unavailable())
        again = await house.stage.seat()
        assert again.opening.participant == guest.seat.participant
        assert again.opening.after_seq == head
        assert again.opening.configure.answers is False
        assert (await again.expect(Onset)).utterance == onset.utterance
        house.stage.write(guest.sid, Noted(text="back"), Author("director", "d"))
        while (await guest.expect("souffleur.fact"))["fact"]["kind"] != "noted":
            pass
        await guest.append(silence(0.4))
        await again.expect(Paused)
        again.send(UtteranceEnded(onset.utterance))
        assert (await again.expect(FinalHeard)).utterance == onset.utterance


async def test_words_that_a_dying_stage_took_with_it_are_told_again(house: House) -> None:
    """Spoken and typed: the next stage hears of them under the same ids, until the fact stands; then nobody repeats them."""
    async with house.guest() as guest:
        await guest.append(tone(0.6) + silence(0.4))
        utterance = await end_of(guest, guest.seat)
        final = await guest.seat.expect(FinalHeard)
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Is anybody there?"}]}
        await guest.send(type="conversation.item.create", item=item)
        typed = await guest.seat.expect(TextSaid)
        guest.seat.die(Unavailable())
        again = await house.stage.seat()
        assert (await again.expect(Onset)).utterance == utterance
        assert await again.expect(FinalHeard) == final
        assert await again.expect(TextSaid) == typed
        me = Author("player", again.participant, "Player")
        house.stage.write(guest.sid, Said(utterance=utterance, text=final.text, source="voice"), me)
        house.stage.write(guest.sid, Said(utterance=typed.message, text=typed.text, source="typed"), me)
        while (await guest.expect("conversation.item.done"))["item"]["content"][0].get("text") != typed.text:
            pass
        again.die(Unavailable())
        third = await house.stage.seat()
        house.stage.write(guest.sid, Noted(text="back"), Author("director", "d"))
        while (await guest.expect("souffleur.fact"))["fact"]["kind"] != "noted":
            pass
        await guest.send(type="response.create")
        await third.expect(TakeFloor)
        assert not any(isinstance(event, Onset | FinalHeard | TextSaid) for event in third.seen)


async def test_request_that_is_lost_with_its_stage_can_be_made_again(house: House) -> None:
    """The client is told, and its next `response.create` is not refused for the lost one's sake."""
    async with house.guest() as guest:
        await guest.send(type="response.create", event_id="first")
        await guest.seat.expect(TakeFloor)
        guest.seat.die(Unavailable())
        again = await house.stage.seat()
        error = (await guest.expect("error"))["error"]
        assert (error["code"], error["event_id"]) == ("unavailable", "first")
        await guest.send(type="response.create")
        await again.expect(TakeFloor)


async def test_stage_that_does_not_come_back_ends_the_connection(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a bounded number of attempts the client is told and closed with a code that invites it to come again."""
    monkeypatch.setattr("services.gateway.realtime.link._ATTEMPTS", 2)
    async with house.guest() as guest:
        house.stage.refuse = Unavailable()
        guest.seat.die(Unavailable())
        assert await _closed(guest) == (1013, "unavailable")
        assert guest.events[-1]["error"]["code"] == "unavailable"
        assert guest.events[-1]["error"]["type"] == "server_error"


async def test_client_that_has_seen_what_was_lost_is_told_to_begin_again(house: House) -> None:
    """At the door, and when the next stage has less than the one before: an error that says what to do, and the end of the connection."""
    house.stage.refuse = Ahead()
    async with connect(f"ws://{house.url}/v1/realtime?model=npc/mirelle&after_seq=50") as socket:
        error = json.loads(await socket.recv())["error"]
        assert error["code"] == "ahead"
        assert "after_seq" in error["message"]
    house.stage.refuse = None
    async with house.guest() as guest:
        house.stage.refuse = Ahead()
        guest.seat.die(Unavailable())
        assert await _closed(guest) == (1008, "ahead")
        assert guest.events[-1]["error"]["code"] == "ahead"


async def test_session_that_may_not_be_joined_is_refused(house: House) -> None:
    """A forbidden or unknown session and a model that is no character are told as an error, then the socket is closed."""
    house.stage.refuse = Forbidden("you are not at this table")
    for query, code in (("model=npc/mirelle", "forbidden"), ("session=nowhere", "forbidden"), ("model=gpt-realtime", "model_not_found")):
        async with connect(f"ws://{house.url}/v1/realtime?{query}") as socket:
            error = json.loads(await socket.recv())
            assert (error["type"], error["error"]["code"]) == ("error", code)
            with pytest.raises(ConnectionClosed) as ended:
                await socket.recv()
            assert ended.value.rcvd is not None
            assert ended.value.rcvd.code == 1008
    house.stage.refuse = None
    async with connect(f"ws://{house.url}/v1/realtime?session=nowhere") as socket:
        assert json.loads(await socket.recv())["error"]["code"] == "not_found"


@pytest.mark.parametrize("patch", [{"gateway": {"max_sockets": 1}}])
async def test_one_socket_too_many_is_turned_away(house: House) -> None:
    """Beyond the cap the handshake is answered with 503; a place that is freed can be taken."""
    async with house.guest() as guest:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://{house.url}/v1/realtime?model=npc/mirelle")
        assert refused.value.response.status_code == 503
        assert json.loads(refused.value.response.body)["code"] == "overloaded"
        seat = guest.seat
    await seat.gone()

    async def taken() -> bool:
        try:
            async with house.guest():
                return True
        except InvalidStatus:
            # The gateway puts the connection away a moment after it has left the stage.
            return False

    await until(taken, WAIT_S, "a place")


@pytest.mark.parametrize("patch", [{"gateway": {"max_message_bytes": 4096}}])
async def test_message_that_is_too_large_ends_the_connection(house: House) -> None:
    """The limit holds while the message is read."""
    async with house.guest() as guest:
        await guest.send(type="input_audio_buffer.append", audio="A" * 8192)
        assert (await _closed(guest))[0] == 1009


async def test_client_that_leaves_leaves_the_session(house: House) -> None:
    """The attachment and the hearing call end with the socket."""
    async with house.guest() as guest:
        await guest.append(tone(0.5))
        await guest.seat.expect(Onset)
        seat = guest.seat
    await seat.gone()
    assert house.stage.present == []


@pytest.mark.parametrize("speaking", [False, True])
async def test_whoever_closes_says_goodbye(house: House, *, speaking: bool) -> None:
    """The stage is told that this is no break, whatever is on its way to the client."""
    async with house.guest() as guest:
        seat = guest.seat
        if speaking:
            facts = house.stage.line(guest.sid, "L1", ["A long line."])
            for number in range(200):
                seat.send(LineAudio("L1", facts[1].seq, bytes(4800), number * 2400))
            await guest.expect("response.output_audio.delta")
    await seat.gone()
    assert isinstance(seat.seen[-1], Goodbye)


async def test_whose_connection_breaks_says_no_goodbye(house: House) -> None:
    """Their seat is kept for much longer."""
    async with connect(f"ws://{house.url}/v1/realtime?model=npc/mirelle") as socket:
        seat = await house.stage.seat()
        await socket.recv()
        socket.transport.abort()
        await seat.gone()
    assert not any(isinstance(event, Goodbye) for event in seat.seen)


async def test_voice_for_a_reader_that_does_not_read_is_dropped_and_then_it_is_closed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded: deltas go first, and a client that still does not read is closed; its attachment ends."""
    monkeypatch.setattr("services.gateway.realtime.outbox._WRITE_S", 1.0)
    raw = sockets.create_connection(tuple(house.url.split(":")))  # type: ignore[arg-type]
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    key = base64.b64encode(bytes(16)).decode()
    head = f"GET /v1/realtime?model=npc/mirelle HTTP/1.1\r\nHost: {house.url}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    raw.sendall(f"{head}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    try:
        seat = await house.stage.seat()
        facts = house.stage.line(seat.opening.session, "L1", ["A very long line."])
        for number in range(4000):
            seat.send(LineAudio("L1", facts[1].seq, bytes(4800), number * 2400))
        async with asyncio.timeout(WAIT_S * 2):
            await seat.gone()
    finally:
        raw.close()


async def test_flood_of_typed_items_is_bounded(house: House) -> None:
    """Words that the stage has not written yet are limited; more is an error, not memory."""
    async with house.guest() as guest:
        for number in range(70):
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": str(number)}]}
            await guest.send(type="conversation.item.create", item=item)
        assert (await guest.expect("error"))["error"]["code"] == "overloaded"


async def test_many_speakers_at_once(house: House) -> None:
    """Twelve connections side by side each get their own utterance and their own words."""
    guests = [asyncio.create_task(_alone(house)) for _ in range(12)]
    found = await asyncio.gather(*guests)
    assert len(set(found)) == 12


async def _alone(house: House) -> str:
    """As a guest does, but the seat is found by the session, since many come at once."""
    async with AsyncOpenAI(base_url=f"http://{house.url}/v1", api_key="any") as client, client.realtime.connect(model="npc/mirelle") as connection:
        created: Any = json.loads(await connection.recv_bytes())
        seat = next(seat for seat in house.stage.present if seat.opening.session == created["session"]["id"])
        guest = Guest(connection, seat)
        await guest.append(silence(0.2) + tone(0.5) + silence(0.4))
        utterance = await end_of(guest, seat)
        assert (await seat.expect(FinalHeard)).utterance == utterance
        return utterance
