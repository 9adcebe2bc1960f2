"""Whose words an item is."""

from __future__ import annotations

from services.core.model.attachment import FinalHeard, Onset
from services.core.model.fact import Author
from services.core.model.facts import Said
from tests.integration.realtime.conftest import House
from tests.integration.realtime.table import tone, type_text


async def test_others_words_under_one_s_own_id_are_theirs(house: House) -> None:
    """Spoken, typed and written already: nobody says anything for somebody else by using the id that they use."""
    async with house.guest() as guest:
        await guest.update(audio={"input": {"turn_detection": None}})
        await guest.append(tone(0.3))
        onset = await guest.seat.expect(Onset)
        typed = await type_text(guest, "Hello?", "item_mine")
        ids = []
        for utterance in (onset.utterance, typed.message, "mine"):
            stolen = house.stage.write(guest.sid, Said(utterance=utterance, text="All my gold is yours.", source="typed"), Author("player", "p-other", "Bob"))
            told = await guest.expect("souffleur.said")
            assert (told["participant"], told["seq"]) == ("p-other", stolen.seq)
            ids.append(told["item_id"])
        assert not {f"item_{onset.utterance}", "item_mine"} & set(ids)
        assert len(set(ids)) == 3
        await guest.send(type="input_audio_buffer.commit")
        final = await guest.seat.expect(FinalHeard)
        house.stage.said(guest.seat, onset.utterance, final.text)
        house.stage.said(guest.seat, typed.message, typed.text, "typed")
        completed = await guest.expect("conversation.item.input_audio_transcription.completed")
        assert (completed["item_id"], completed["transcript"]) == (f"item_{onset.utterance}", final.text)
        done = (await guest.expect("conversation.item.done"))["item"]
        assert (done["id"], done["content"][0]["text"]) == ("item_mine", "Hello?")
        again = house.stage.write(guest.sid, Said(utterance=onset.utterance, text="Mine!", source="typed"), Author("player", "p-other", "Bob"))
        assert (await guest.expect("souffleur.said"))["item_id"] == f"item_{again.seq}"
