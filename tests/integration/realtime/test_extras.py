"""What goes beyond the protocol: binary audio, our own events, resuming, telephone output."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from services.core.model.attachment import (
    FinalHeard,
    LineAudio,
    LineFlushed,
    LineResumed,
    LineWord,
    LineWords,
    Onset,
    PartialShown,
    Paused,
    SpeechSeen,
    TurnTimed,
    UtteranceEnded,
)
from services.core.model.fact import Author
from services.core.model.facts import Noted, Said
from tests.integration.realtime.conftest import House
from tests.integration.realtime.scripted import WAIT_S
from tests.integration.realtime.table import silence, tone


async def _until(socket: ClientConnection, name: str) -> tuple[dict[str, Any], list[bytes]]:
    """The next JSON event of this type, and the binary frames before it."""
    frames: list[bytes] = []
    async with asyncio.timeout(WAIT_S):
        while True:
            message = await socket.recv()
            if isinstance(message, bytes):
                frames.append(message)
            elif (event := json.loads(message))["type"] == name:
                return event, frames


async def test_binary_subprotocol_carries_audio_both_ways(house: House) -> None:
    """Raw PCM up is heard; raw PCM down follows a `souffleur.audio` that says what it is, and no base64 is sent."""
    async with connect(f"ws://{house.url}/v1/realtime?model=npc/mirelle", subprotocols=["souffleur.pcm"]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "souffleur.pcm"
        seat = await house.stage.seat()
        await socket.send(silence(0.2) + tone(0.6))
        await socket.send(silence(0.4))
        onset = await seat.expect(Onset)
        await seat.expect(Paused)
        seat.send(UtteranceEnded(onset.utterance))
        await seat.expect(FinalHeard)
        facts = house.stage.line(seat.opening.session, "L1", ["One.", "Two."])
        for seq, offset in ((facts[1].seq, 0), (facts[1].seq, 480), (facts[2].seq, 960)):
            seat.send(LineAudio("L1", seq, bytes(960), offset))
        first, _ = await _until(socket, "souffleur.audio")
        second, frames = await _until(socket, "souffleur.audio")
        assert (first["line_id"], first["item_id"], first["seq"], first["offset_ms"]) == ("L1", "item_L1", facts[1].seq, 0)
        assert (second["seq"], second["offset_ms"]) == (facts[2].seq, 40)
        assert frames == [bytes(960), bytes(960)]
        house.stage.close(seat.opening.session, "L1", "heard", facts[2])
        _, frames = await _until(socket, "response.done")
        assert frames == [bytes(960)]


async def test_binary_without_the_subprotocol_is_an_error(house: House) -> None:
    """Somebody who did not agree on binary audio is told so, and goes on."""
    async with connect(f"ws://{house.url}/v1/realtime?model=npc/mirelle") as socket:
        await socket.send(bytes(640))
        error, _ = await _until(socket, "error")
        assert error["error"]["code"] == "binary_not_agreed"


async def test_everybody_s_captions_words_and_timings(house: House) -> None:
    """Partials, who speaks, word marks, pauses and the times of a turn arrive as our own events."""
    async with house.guest() as guest:
        guest.seat.send(PartialShown("U1", "p-other", "hel"))
        guest.seat.send(SpeechSeen("p-other", speaking=True))
        guest.seat.send(LineWords("L1", 7, (LineWord(0, 5, 2400),)))
        guest.seat.send(LineResumed("L1"))
        guest.seat.send(TurnTimed(turn=7, line="L1", llm_engine="scripted", ms={"e2e": 12.5}))
        turn = await guest.expect("souffleur.turn")
        extras = {event["type"]: event for event in guest.events if event["type"].startswith("souffleur.")}
        assert (extras["souffleur.partial"]["participant"], extras["souffleur.partial"]["text"]) == ("p-other", "hel")
        assert extras["souffleur.speech"]["speaking"] is True
        assert extras["souffleur.words"]["marks"] == [{"start": 0, "end": 5, "at_ms": 100}]
        assert extras["souffleur.resume"]["line_id"] == "L1"
        assert (turn["turn"], turn["line_id"], turn["llm_engine"], turn["ms"]) == (7, "L1", "scripted", {"e2e": 12.5})


async def test_history_is_told_as_facts_only(house: House) -> None:
    """What happened before the connection makes no items; a line still open then is opened by its first live event."""
    async with house.guest() as first:
        house.stage.said(first.seat, "U0", "Long ago")
        facts = house.stage.line(first.sid, "L0", ["Still talking."])
        async with house.guest(session=first.sid, after_seq="2") as late:
            assert late.seat.opening.after_seq == 2
            late.seat.send(LineAudio("L0", facts[1].seq, bytes(960), 0))
            created = await late.expect("response.created")
            assert created["response"]["id"] == "resp_L0"
            told = [event["fact"]["seq"] for event in late.events if event["type"] == "souffleur.fact"]
            assert told == [3, 4, 5]
            assert "conversation.item.added" not in late.types
            house.stage.close(first.sid, "L0", "heard", facts[1])
            await late.expect("response.done")
            await late.send(type="conversation.item.retrieve", item_id="item_U0")
            assert (await late.expect("conversation.item.retrieved"))["item"]["content"][0]["transcript"] == "Long ago"
        await first.expect("response.done")


async def test_trimmed_facts_are_read_from_the_archive(house: House) -> None:
    """The cast is known even when the log no longer has the facts that brought it in."""
    async with house.guest() as first:
        house.stage.said(first.seat, "U0", "x")
        house.facts.trimmed = 2
        async with house.guest(session=first.sid) as late:
            attached = await late.expect("souffleur.attached")
            assert [member["slug"] for member in attached["cast"]] == ["mirelle"]


async def test_facts_arrive_whole(house: House) -> None:
    """`souffleur.fact` is the envelope as REST shows it."""
    async with house.guest() as guest:
        fact = house.stage.write(guest.sid, Noted(text="Be kind."), Author("director", "d", "Dee"))
        while (event := await guest.expect("souffleur.fact"))["fact"]["seq"] != fact.seq:
            pass
        assert event["fact"] == fact.to_dict()


async def test_telephone_output(house: House) -> None:
    """With G.711 as output format the deltas are one byte a sample at 8 kHz."""
    async with house.guest() as guest:
        await guest.update(audio={"output": {"format": {"type": "audio/pcmu"}}})
        facts = house.stage.line(guest.sid, "L1", ["Tone."])
        for number in range(20):
            guest.seat.send(LineAudio("L1", facts[1].seq, tone(0.1), number * 2400))
        house.stage.close(guest.sid, "L1", "heard", facts[1])
        await guest.expect("response.done")
        deltas = [event["delta"] for event in guest.events if event["type"] == "response.output_audio.delta"]
        sent = sum(len(base64.b64decode(delta)) for delta in deltas)
        assert 15_000 <= sent <= 16_000


async def test_resume_joins_as_the_same_participant(house: House) -> None:
    """A client that comes back names its participant and the last fact it has."""
    async with house.guest(participant="p-old", session="", after_seq="1") as guest:
        assert (guest.seat.opening.participant, guest.seat.opening.after_seq) == ("p-old", 1)
        assert guest.seat.participant == "p-old"


async def test_name_and_role_come_from_the_connection(house: House) -> None:
    """The name is the client's own choice; a role may be laid down but not taken up."""
    async with house.guest(name="  Zoé\n\x07 ", role="player") as guest:
        principal = guest.seat.opening.principal
        assert (principal.name, principal.role, principal.id) == ("Zoé", "player", "local")
    async with house.guest(role="operator") as guest:
        assert guest.seat.opening.principal.role == "director"


async def test_flush_of_one_line_leaves_the_other(house: House) -> None:
    """Only the flushed line falls silent."""
    async with house.guest() as guest:
        one = house.stage.line(guest.sid, "L1", ["One."])
        two = house.stage.line(guest.sid, "L2", ["Two."])
        guest.seat.send(LineFlushed("L1"))
        guest.seat.send(LineAudio("L1", one[1].seq, bytes(960), 0))
        guest.seat.send(LineAudio("L2", two[1].seq, bytes(960), 0))
        delta = await guest.expect("response.output_audio.delta")
        assert delta["response_id"] == "resp_L2"


@pytest.mark.parametrize("source", ["typed", "voice"])
async def test_own_words_from_elsewhere_are_plain_items(house: House, source: str) -> None:
    """What this participant said through another connection is a user item here, without transcription events."""
    async with house.guest() as guest:
        house.stage.write(guest.sid, Said(utterance="U7", text="From my phone", source=source), Author("player", guest.seat.participant, "Ann"))
        item = (await guest.expect("conversation.item.done"))["item"]
        content = item["content"][0]
        assert (content.get("text") or content.get("transcript")) == "From my phone"
        assert not any("transcription" in name for name in guest.types)
