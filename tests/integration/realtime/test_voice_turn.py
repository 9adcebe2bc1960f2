"""One spoken turn through the official client: heard, answered, interrupted."""

from __future__ import annotations

import base64

from services.core.model.attachment import FinalHeard, LineAudio, LineFlushed, LinePaused, Onset, PartialHeard, Paused, Resumed, UtteranceEnded
from tests.integration.realtime.conftest import House
from tests.integration.realtime.table import Guest, silence, tone


async def _speak(guest: Guest, house: House) -> str:
    """Say something, and have the stage end it; the utterance's id."""
    await guest.append(silence(0.3) + tone(0.8) + silence(0.4))
    onset = await guest.seat.expect(Onset)
    await guest.seat.expect(Paused)
    guest.seat.send(UtteranceEnded(onset.utterance))
    await guest.seat.expect(FinalHeard)
    return onset.utterance


async def test_spoken_turn_emits_the_protocol_in_order(house: House) -> None:
    """Speech, transcription and one response arrive as the events of the protocol, in its order, with our ids."""
    async with house.guest() as guest:
        utterance = await _speak(guest, house)
        said = house.stage.said(guest.seat, utterance, "hello there")
        facts = house.stage.line(guest.sid, "L1", ["Welcome in.", "Sit down."], turn=said.seq)
        pcm = bytes(range(240)) * 4
        guest.seat.send(LineAudio("L1", facts[1].seq, pcm, 0))
        guest.seat.send(LineAudio("L1", facts[2].seq, pcm, len(pcm) // 2))
        house.stage.close(guest.sid, "L1", "heard", facts[2])
        done = await guest.expect("response.done")
        assert guest.types == [
            "session.created",
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "conversation.item.input_audio_transcription.delta",
            "conversation.item.input_audio_transcription.completed",
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio_transcript.delta",
            "response.output_audio.delta",
            "response.output_audio_transcript.delta",
            "response.output_audio.delta",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        assert done["response"]["id"] == "resp_L1"
        assert done["response"]["status"] == "completed"
        assert done["response"]["output"][0]["id"] == "item_L1"
        assert done["response"]["output"][0]["content"][0]["transcript"] == "Welcome in. Sit down."
        deltas = [event["delta"] for event in guest.events if event["type"] == "response.output_audio.delta"]
        assert [base64.b64decode(delta) for delta in deltas] == [pcm, pcm]
        completed = next(event for event in guest.events if event["type"].endswith("transcription.completed"))
        assert (completed["item_id"], completed["transcript"]) == (f"item_{utterance}", "hello there")


async def test_speech_is_piped_with_pre_roll_and_in_batches(house: House) -> None:
    """The hearing call gets the words with what preceded them, in batches of 20 to 200 ms, and the names of the cast."""
    async with house.guest() as guest:
        await _speak(guest, house)
        call = house.stt.calls[0]
        heard_s = len(call.audio) / 32_000
        assert 0.8 + 0.2 < heard_s < 0.8 + 0.25 + 0.6
        assert all(640 <= size <= 6400 for size in call.sizes[:-1])
        assert call.opening.session == guest.sid
        assert {"Mirelle", "Old Ferry"} <= set(call.opening.hotwords)
        assert call.opening.language == "en"
        final = next(value for value in guest.seat.seen if isinstance(value, FinalHeard))
        assert (final.text, final.engine, final.confidence) == ("hello there", "scripted", final.confidence)
        assert [word.text for word in final.words] == ["hello", "there"]
        assert 700 <= final.speech_ms <= 950
        assert any(isinstance(value, PartialHeard) for value in guest.seat.seen)


async def test_positions_count_the_connection_s_audio(house: House) -> None:
    """`audio_start_ms` is where the pre-roll begins and `audio_end_ms` how much audio there was when the stage decided."""
    async with house.guest() as guest:
        await _speak(guest, house)
        started = await guest.expect("input_audio_buffer.speech_started")
        stopped = await guest.expect("input_audio_buffer.speech_stopped")
        assert 0 <= started["audio_start_ms"] <= 130
        assert stopped["audio_end_ms"] == 1500


async def test_pause_inside_an_utterance_is_reported_and_taken_back(house: House) -> None:
    """A breath is a pause and a resume of one utterance, and one hearing call."""
    async with house.guest() as guest:
        await guest.append(tone(0.5) + silence(0.25) + tone(0.5))
        onset = await guest.seat.expect(Onset)
        paused = await guest.seat.expect(Paused)
        resumed = await guest.seat.expect(Resumed)
        assert onset.utterance == paused.utterance == resumed.utterance
        assert 90 <= paused.silence_ms <= 200
        await guest.append(silence(0.4))
        await guest.seat.expect(Paused)
        guest.seat.send(UtteranceEnded(onset.utterance))
        await guest.seat.expect(FinalHeard)
        assert len(house.stt.calls) == 1


async def test_barge_in_pauses_and_flushes(house: House) -> None:
    """A flushed line sends no more deltas, and its response is cancelled at the word that was heard."""
    async with house.guest() as guest:
        facts = house.stage.line(guest.sid, "L2", ["One two three four."])
        guest.seat.send(LineAudio("L2", facts[1].seq, bytes(960), 0))
        await guest.expect("response.output_audio.delta")
        guest.seat.send(LinePaused("L2"))
        assert (await guest.expect("souffleur.pause"))["line_id"] == "L2"
        guest.seat.send(LineFlushed("L2"))
        guest.seat.send(LineAudio("L2", facts[1].seq, bytes(960), 480))
        house.stage.close(guest.sid, "L2", "cut", facts[1], offset=7)
        done = (await guest.expect("response.done"))["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected")
        assert done["output"][0]["content"][0]["transcript"] == "One two"
        assert done["output"][0]["status"] == "incomplete"
        assert guest.types.count("response.output_audio.delta") == 1
        assert any(event["type"] == "souffleur.flush" for event in guest.events)


async def test_nothing_recognised_is_an_empty_transcription(house: House) -> None:
    """A cough ends as an item with an empty transcript; no fact is waited for."""
    house.stt.texts = [""]
    async with house.guest() as guest:
        await _speak(guest, house)
        completed = await guest.expect("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == ""


async def test_next_utterance_begins_behind_the_last(house: House) -> None:
    """An utterance that the stage ends in mid-speech is followed by another, and no audio is sent twice."""
    async with house.guest() as guest:
        await guest.append(tone(1.0))
        first = await guest.seat.expect(Onset)
        await house.stt.until(lambda: bool(house.stt.calls) and len(house.stt.calls[0].audio) > 20_000)
        guest.seat.send(UtteranceEnded(first.utterance))
        await guest.seat.expect(FinalHeard)
        await guest.append(tone(0.6))
        second = await guest.seat.expect(Onset)
        assert second.utterance != first.utterance
        await guest.append(silence(0.4))
        await guest.seat.expect(Paused)
        guest.seat.send(UtteranceEnded(second.utterance))
        await guest.seat.expect(FinalHeard)
        total_s = sum(len(call.audio) for call in house.stt.calls) / 32_000
        assert total_s <= 2.0 + 0.01
