"""Another stage takes over: what is told to it once more, and how it was meant."""

from __future__ import annotations

from typing import Any

from services.core.errors import Unavailable
from services.core.model.attachment import Configure, FinalHeard, Onset, Paused, TakeFloor, TextSaid, UtteranceEnded
from tests.integration.realtime.conftest import House
from tests.integration.realtime.scripted import Seat
from tests.integration.realtime.table import Guest, end_of, silence, tone


async def _away(house: House, guest: Guest, pcm: bytes = b"", *events: dict[str, Any]) -> Seat:
    """The stage dies, and while it is away the client says and sends this; the seat at the next one."""
    house.stage.refuse = Unavailable()
    guest.seat.die(Unavailable())
    await guest.seat.gone()
    await guest.append(pcm)
    for event in events:
        await guest.send(**event)
    # What came before this has been taken, once it is answered.
    await guest.send(type="nonsense", event_id="away")
    while (await guest.expect("error"))["error"]["event_id"] != "away":
        pass
    house.stage.refuse = None
    return await house.stage.seat()


def _whispered(seat: Seat) -> dict[str, str]:
    """To whom each utterance was begun, and under no name to whom coming ones are."""
    whispers, found = seat.opening.configure.whispers or "", {}
    for event in seat.seen:
        if isinstance(event, Configure) and event.whispers is not None:
            whispers = event.whispers
        elif isinstance(event, Onset):
            found[event.utterance] = whispers
    return found | {"": whispers}


async def test_stage_that_dies_in_mid_sentence_learns_of_the_pause(house: House) -> None:
    """Speech that fell silent while no stage was there is begun anew and is in its pause: nobody waits for a silence that was told already."""
    async with house.guest() as guest:
        await guest.append(tone(0.5))
        onset = await guest.seat.expect(Onset)
        again = await _away(house, guest, silence(0.6))
        paused = await again.expect(Paused)
        assert again.seen == [onset, paused]
        assert paused.silence_ms >= 100
        again.send(UtteranceEnded(onset.utterance))
        assert (await again.expect(FinalHeard)).utterance == onset.utterance


async def test_client_s_word_that_it_has_finished_outlives_the_stage(house: House) -> None:
    """A hands-free commit is told to the next stage as it was told to the last one."""
    async with house.guest() as guest:
        await guest.append(tone(0.5))
        onset = await guest.seat.expect(Onset)
        await guest.send(type="input_audio_buffer.commit")
        told = await guest.seat.expect(Paused)
        again = await _away(house, guest)
        paused = await again.expect(Paused)
        assert again.seen == [onset, paused]
        assert paused.silence_ms >= told.silence_ms


async def test_push_to_talk_that_is_committed_while_the_stage_is_away_is_said_once(house: House) -> None:
    """The next stage hears onset and final in this order; the item is one, its transcription comes, and it can be answered."""
    async with house.guest() as guest:
        await guest.update(audio={"input": {"turn_detection": None}})
        await guest.append(tone(0.5))
        onset = await guest.seat.expect(Onset)
        again = await _away(house, guest, tone(0.5), {"type": "input_audio_buffer.commit"})
        final = await again.expect(FinalHeard)
        assert [event for event in again.seen if isinstance(event, Onset | FinalHeard)] == [onset, final]
        house.stage.said(again, onset.utterance, final.text)
        completed = await guest.expect("conversation.item.input_audio_transcription.completed")
        assert completed["item_id"] == f"item_{onset.utterance}"
        assert guest.types.count("conversation.item.added") == 1
        await guest.send(type="response.create")
        await again.expect(TakeFloor)


async def test_request_made_while_the_stage_is_away_is_told_as_lost_and_not_made(house: House) -> None:
    """Whoever was told to ask again is not answered twice."""
    async with house.guest() as guest:
        again = await _away(house, guest, b"", {"type": "response.create", "event_id": "lost"})
        error = (await guest.expect("error"))["error"]
        assert (error["code"], error["event_id"]) == ("unavailable", "lost")
        await guest.send(type="response.create")
        await again.expect(TakeFloor)
        await guest.send(type="response.create")
        assert (await guest.expect("error"))["error"]["code"] == "conversation_already_has_active_response"
        assert again.up.empty()


async def test_request_that_waits_for_its_words_outlives_the_stage(house: House) -> None:
    """It was never made of the stage that died: it is made once, of the next one, behind the words."""
    house.stt.mute = True
    async with house.guest() as guest:
        await guest.update(audio={"input": {"turn_detection": None}})
        await guest.append(tone(0.5))
        await guest.send(type="input_audio_buffer.commit")
        await guest.send(type="response.create")
        await guest.expect("input_audio_buffer.committed")
        again = await _away(house, guest)
        await again.expect(Paused)
        house.stt.answer()
        await again.expect(TakeFloor)
        assert [type(event) for event in again.seen] == [Onset, Paused, FinalHeard, TakeFloor]
        await guest.send(type="response.create")
        assert (await guest.expect("error"))["error"]["code"] == "conversation_already_has_active_response"


async def test_words_that_a_character_said_for_the_director_are_not_said_again(house: House) -> None:
    """They stand as the character's line and never as the director's words: whoever waited for those would have it say them once more."""
    async with house.guest() as guest:
        await guest.send(type="souffleur.configure", speaks="mirelle")
        await guest.append(tone(0.6) + silence(0.4))
        await end_of(guest, guest.seat)
        await guest.seat.expect(FinalHeard)
        await guest.send(type="souffleur.configure", speaks="")
        await guest.append(tone(0.6) + silence(0.4))
        own = await end_of(guest, guest.seat)
        final = await guest.seat.expect(FinalHeard)
        again = await _away(house, guest)
        assert await again.expect(FinalHeard) == final
        assert [event for event in again.seen if isinstance(event, Onset | FinalHeard)] == [Onset(own), final]


async def test_whispers_are_told_again_as_whispers(house: House) -> None:
    """Spoken and typed, with a text and without: what was settled since makes no secret public, and is in force again behind it."""
    async with house.guest() as guest:
        await guest.update(audio={"input": {"turn_detection": None}})
        await guest.send(type="souffleur.configure", whispers=["mirelle"])
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "The king is poisoned."}]}
        await guest.send(type="conversation.item.create", item=item)
        await guest.append(tone(0.5))
        await guest.send(type="input_audio_buffer.commit")
        final = await guest.seat.expect(FinalHeard)
        house.stt.mute = True
        await guest.append(tone(0.5))
        secret = await guest.seat.expect(Onset)
        await guest.send(type="input_audio_buffer.commit")
        await guest.send(type="souffleur.configure", whispers=[])
        await guest.append(tone(0.5))
        aloud = await guest.seat.expect(Onset)
        again = await _away(house, guest)
        typed = await again.expect(TextSaid)
        assert (typed.text, typed.whispers) == ("The king is poisoned.", "mirelle")
        assert _whispered(again) == {final.utterance: "mirelle", secret.utterance: "mirelle", aloud.utterance: "", "": ""}
        assert [event for event in again.seen if isinstance(event, FinalHeard)] == [final]
        await guest.send(type="conversation.item.create", item=item)
        assert (await again.expect(TextSaid)).whispers == ""


async def test_words_are_told_again_as_whose_they_were(house: House) -> None:
    """A director's narration stays one, and words of their own are not put into a character's mouth."""
    async with house.guest() as guest:
        for speaks in ("narrator", ""):
            await guest.send(type="souffleur.configure", speaks=speaks)
            await guest.append(tone(0.6) + silence(0.4))
            await end_of(guest, guest.seat)
            await guest.seat.expect(FinalHeard)
        await guest.send(type="souffleur.configure", speaks="mirelle")
        again = await _away(house, guest)
        assert again.opening.configure.speaks == "mirelle"
        for _ in range(2):
            await again.expect(FinalHeard)
        assert (await again.expect(Configure)).speaks == "mirelle"
        assert [event.speaks for event in again.seen if isinstance(event, Configure)] == ["narrator", "", "mirelle"]
