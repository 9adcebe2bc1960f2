"""`session.update` and the session object."""

from __future__ import annotations

import json

import numpy as np
import pytest

from services.core.model.attachment import Configure, FinalHeard, Onset, Paused, UtteranceEnded
from services.core.model.speech import SkippedPhrase
from services.gateway.hearing import g711
from tests.integration.realtime.conftest import House
from tests.integration.realtime.table import silence, tone


async def test_session_created_shows_what_is_in_force(house: House) -> None:
    """The first event carries the session's id, its model, its formats and server turn detection."""
    async with house.guest() as guest:
        session = guest.events[0]["session"]
        assert session["id"] == guest.sid
        assert session["model"] == "npc/mirelle"
        assert session["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
        assert session["audio"]["input"]["turn_detection"]["type"] == "server_vad"
        assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 500
        attached = await guest.expect("souffleur.attached")
        assert attached["cast"] == [{"slug": "mirelle", "name": "Mirelle", "color": "#b5651d", "language": "en"}]
        assert (attached["session_id"], attached["participant"], attached["name"]) == (guest.sid, guest.seat.participant, "Ann")


async def test_turn_detection_becomes_the_attachment_s_configuration(house: House) -> None:
    """Silence, answering and interrupting go to the stage; the effective session is told back."""
    async with house.guest() as guest:
        detection = {"type": "server_vad", "silence_duration_ms": 700, "create_response": False, "interrupt_response": False, "threshold": 0.6}
        shown = await guest.update(audio={"input": {"turn_detection": detection}})
        change = await guest.seat.expect(Configure)
        assert change.hang_over_s == pytest.approx(0.7)
        assert (change.endpointing, change.answers, change.interrupts, change.hears) == ("fixed", False, False, None)
        assert shown["audio"]["input"]["turn_detection"] == {**detection, "prefix_padding_ms": 250, "idle_timeout_ms": None}


async def test_an_idle_timeout_has_a_character_speak_up(house: House) -> None:
    """It goes to the stage, is shown, is taken back with the next turn detection, and is refused where it cannot be."""
    async with house.guest() as guest:
        shown = await guest.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}}})
        assert shown["audio"]["input"]["turn_detection"]["idle_timeout_ms"] == 6000
        assert (await guest.seat.expect(Configure)).idle_s == pytest.approx(6.0)
        await guest.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
        assert (await guest.seat.expect(Configure)).idle_s == 0.0
        await guest.send(
            type="session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5}}}}
        )
        assert (await guest.expect("error"))["error"]["param"] == "session.audio.input.turn_detection.idle_timeout_ms"


async def test_semantic_turn_detection_is_the_text_aware_policy(house: House) -> None:
    """`semantic_vad` chooses text-aware endpointing, its eagerness the silence."""
    async with house.guest() as guest:
        await guest.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}})
        change = await guest.seat.expect(Configure)
        assert (change.endpointing, change.answers) == ("text-aware", True)
        assert change.hang_over_s == pytest.approx(0.3)


async def test_only_given_fields_change(house: House) -> None:
    """What an update does not name stays as it was, here and at the stage."""
    async with house.guest() as guest:
        await guest.update(audio={"input": {"transcription": {"language": "ru"}}})
        shown = await guest.update(output_modalities=["text"])
        assert shown["audio"]["input"]["transcription"]["language"] == "ru"
        assert shown["output_modalities"] == ["text"]
        assert await guest.seat.expect(Configure) == Configure(hears=False)


async def test_transcription_prompt_carries_the_phrases(house: House) -> None:
    """Phrases, one a line, reach the hearing call; those that the engine skipped are told once."""
    house.stt.skip = (SkippedPhrase("zyxqy door", "unknown word: zyxqy"),)
    async with house.guest() as guest:
        await guest.update(audio={"input": {"transcription": {"language": "en", "prompt": "open the gate\n\nzyxqy door\nopen the gate"}}})
        for _ in range(2):
            await guest.append(tone(0.4) + silence(0.4))
            onset = await guest.seat.expect(Onset)
            await guest.seat.expect(Paused)
            guest.seat.send(UtteranceEnded(onset.utterance))
            await guest.seat.expect(FinalHeard)
        house.stage.said(guest.seat, onset.utterance, "open the gate")
        await guest.expect("conversation.item.input_audio_transcription.completed")
        assert house.stt.calls[0].opening.phrases == ("open the gate", "zyxqy door")
        notices = [event for event in guest.events if event["type"] == "souffleur.notice"]
        assert [notice["code"] for notice in notices] == ["phrases_skipped"]
        assert notices[0]["phrases"] == [{"phrase": "zyxqy door", "reason": "unknown word: zyxqy"}]


@pytest.mark.parametrize(("kind", "rate"), [("audio/pcm", 8000), ("audio/pcm", 16000), ("audio/pcm", 48000), ("audio/pcmu", None), ("audio/pcma", None)])
async def test_other_input_formats_are_heard(house: House, kind: str, rate: int | None) -> None:
    """Telephone and studio rates and G.711 begin an utterance as 24 kHz does."""
    wanted = {"type": kind} if rate is None else {"type": kind, "rate": rate}
    async with house.guest() as guest:
        shown = await guest.update(audio={"input": {"format": wanted}})
        assert shown["audio"]["input"]["format"] == wanted
        sound = silence(0.2, rate or 8000) + tone(0.6, rate or 8000) + silence(0.4, rate or 8000)
        if rate is None:
            sound = g711.encode(kind, np.frombuffer(sound, "<i2"))
        await guest.append(sound, 1600)
        onset = await guest.seat.expect(Onset)
        await guest.seat.expect(Paused)
        guest.seat.send(UtteranceEnded(onset.utterance))
        final = await guest.seat.expect(FinalHeard)
        assert 480 <= final.speech_ms <= 740


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"tools": [{"type": "function", "name": "x"}]}, "tools_not_supported", "session.tools"),
        ({"output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 11025}}}}, "unsupported_audio_format", "session.audio.input.format"),
        ({"audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": "long"}}}}, "invalid_value", None),
        ({"prompt": {"id": "x"}}, "prompt_not_supported", "session.prompt"),
        ({"type": "transcription"}, "unsupported_session_type", "session.type"),
        ({"audio": "loud"}, "invalid_value", "session.audio"),
    ],
)
async def test_what_cannot_be_set_is_a_typed_error_and_changes_nothing(house: House, session: dict[str, object], code: str, param: str | None) -> None:
    """The error names the field and the client's event; the session goes on."""
    async with house.guest() as guest:
        await guest.send(type="session.update", event_id="mine", session={"type": "realtime", "instructions": "x", **session})
        error = (await guest.expect("error"))["error"]
        assert (error["type"], error["code"], error["event_id"]) == ("invalid_request_error", code, "mine")
        if param is not None:
            assert error["param"] == param
        assert (await guest.update())["instructions"] == ""


async def test_instructions_of_a_director_are_a_note(house: House) -> None:
    """They are told as a note for one turn; to a player they are refused without failing the update."""
    async with house.guest() as director:
        shown = await director.update(instructions="Be gruff.")
        assert shown["instructions"] == "Be gruff."
        assert json.loads((await house.stage.tell()).body)["text"] == "Be gruff."
    async with house.guest(role="player") as player:
        shown = await player.update(instructions="Be gruff.", max_output_tokens=50)
        assert (shown["instructions"], shown["max_output_tokens"]) == ("", 50)
        assert any(event.get("code") == "instructions_ignored" for event in player.events)
    assert [told.kind for told in house.stage.told] == ["noted"]


async def test_configure_extra_reaches_the_stage(house: House) -> None:
    """`souffleur.configure` sets what the protocol has no word for."""
    async with house.guest() as guest:
        await guest.send(type="souffleur.configure", reports_playback=True, hang_over_s=0.75, endpointing="text-aware")
        assert await guest.seat.expect(Configure) == Configure(hang_over_s=0.75, endpointing="text-aware", reports_playback=True)
        await guest.send(type="souffleur.configure", event_id="c", hang_over_s=99)
        assert (await guest.expect("error"))["error"]["param"] == "hang_over_s"


async def test_table_talk_is_not_heard(house: House) -> None:
    """While table talk is on nothing is listened to, and the clock of the audio goes on."""
    async with house.guest() as guest:
        await guest.send(type="souffleur.configure", table_talk=True)
        await guest.append(tone(1.0))
        await guest.send(type="souffleur.configure", table_talk=False)
        await guest.append(silence(0.3) + tone(0.5))
        started = await guest.expect("input_audio_buffer.speech_started")
        assert 900 <= started["audio_start_ms"] <= 1350
        assert len([value for value in guest.seat.seen if isinstance(value, Onset)]) == 0
        await guest.seat.expect(Onset)
