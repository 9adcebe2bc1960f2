"""Typed items, responses asked for and cancelled, other people's words."""

from __future__ import annotations

import asyncio
import json

import pytest

from services.core.errors import Forbidden
from services.core.model.attachment import CancelLine, Configure, FinalHeard, LineAudio, Onset, Paused, Played, Refused, TakeFloor, TurnTimed
from services.core.model.fact import Author, Fact
from services.core.model.facts import LineOpened, Passed, Released, Said, Spoken, Struck
from tests.integration.realtime.conftest import House
from tests.integration.realtime.table import Guest, tone, type_text


async def _typed_turn(guest: Guest, house: House, line: str, sentences: list[str]) -> list[Fact]:
    """Type something, ask for the response, and have a line opened for it."""
    typed = await type_text(guest, "Hello?")
    said = house.stage.said(guest.seat, typed.message, "Hello?", "typed")
    await guest.send(type="response.create")
    await guest.seat.expect(TakeFloor)
    return house.stage.line(guest.sid, line, sentences, turn=said.seq)


async def test_text_in_and_text_out(house: House) -> None:
    """A typed item is said at once and answered on `response.create`; with text as modality the answer is text deltas."""
    async with house.guest() as guest:
        await guest.update(output_modalities=["text"])
        facts = await _typed_turn(guest, house, "L1", ["Good evening.", "Ale?"])
        house.stage.close(guest.sid, "L1", "heard", facts[-1])
        done = (await guest.expect("response.done"))["response"]
        assert done["output"][0]["content"] == [{"type": "output_text", "text": "Good evening. Ale?"}]
        assert done["output_modalities"] == ["text"]
        deltas = [event["delta"] for event in guest.events if event["type"] == "response.output_text.delta"]
        assert deltas == ["Good evening.", " Ale?"]
        assert guest.types[-5:] == [
            "response.output_text.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]


async def test_item_keeps_the_client_s_id(house: House) -> None:
    """The client's own item id comes back in the events and is the key under which the words are said."""
    async with house.guest() as guest:
        typed = await type_text(guest, "Hello?", "msg_7")
        assert typed.answers is False
        assert typed.message == f"{guest.seat.participant}.msg_7"
        house.stage.said(guest.seat, typed.message, "Hello?", "typed")
        added = await guest.expect("conversation.item.added")
        assert added["item"]["id"] == "msg_7"
        assert added["item"]["content"] == [{"type": "input_text", "text": "Hello?"}]
        await guest.send(type="conversation.item.retrieve", item_id="msg_7")
        assert (await guest.expect("conversation.item.retrieved"))["item"]["id"] == "msg_7"


async def test_refused_words_are_an_error_with_the_event_s_id(house: House) -> None:
    """What the stage refuses is told as an error of the event that asked for it."""
    async with house.guest() as guest:
        typed = await type_text(guest, "Hello?", event_id="ask-1")
        guest.seat.send(Refused("forbidden", "muted", typed.message))
        error = (await guest.expect("error"))["error"]
        assert (error["code"], error["event_id"]) == ("forbidden", "ask-1")


async def test_second_response_while_one_is_open_is_refused(house: House) -> None:
    """One response of one's own at a time, from the asking to the end; afterwards another may be asked for."""
    async with house.guest() as guest:
        await guest.send(type="response.create", response={"metadata": {"k": "v"}})
        assert (await guest.seat.expect(TakeFloor)).character == "mirelle"
        await guest.send(type="response.create", event_id="again")
        error = (await guest.expect("error"))["error"]
        assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "again")
        facts = house.stage.line(guest.sid, "L1", ["Hm."])
        created = await guest.expect("response.created")
        assert created["response"]["metadata"] == {"k": "v"}
        await guest.send(type="response.create")
        assert (await guest.expect("error"))["error"]["code"] == "conversation_already_has_active_response"
        house.stage.close(guest.sid, "L1", "heard", facts[1])
        await guest.expect("response.done")
        await guest.send(type="response.create")
        await guest.seat.expect(TakeFloor)


async def test_floor_that_the_stage_refuses_is_told(house: House) -> None:
    """When somebody else's line is open, the stage refuses and the asker is told in the protocol's words."""
    async with house.guest() as guest:
        await guest.send(type="response.create", event_id="ask")
        await guest.seat.expect(TakeFloor)
        guest.seat.send(Refused("conflict", "a line is open already", "take_floor"))
        error = (await guest.expect("error"))["error"]
        assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "ask")


async def test_turn_that_nobody_answers_ends_the_asking(house: House) -> None:
    """`passed` is an error of the `response.create` that asked, so that no client waits for ever."""
    async with house.guest() as guest:
        await guest.send(type="response.create", event_id="ask")
        await guest.seat.expect(TakeFloor)
        house.stage.write(guest.sid, Passed(turn=0, reason="nobody"), Author("stage"))
        error = (await guest.expect("error"))["error"]
        assert (error["code"], error["event_id"]) == ("nobody_answers", "ask")


async def test_request_is_answered_by_a_line_that_another_s_words_name(house: House) -> None:
    """Whose request a line answers stands in the line: it ends the asking whoever spoke first, and somebody else's line does not."""
    async with house.guest() as guest:
        await guest.send(type="response.create", response={"metadata": {"mine": "yes"}})
        await guest.seat.expect(TakeFloor)
        for line, answers in (("L1", "p-else"), ("L2", guest.seat.participant)):
            opened = LineOpened(line=line, character="mirelle", turn=77, base_seq=0, answers=answers)
            house.stage.write(guest.sid, opened, Author("character", "mirelle", "Mirelle"))
            house.stage.close(guest.sid, line, "aborted")
            metadata = (await guest.expect("response.done"))["response"]["metadata"]
            assert metadata == ({"mine": "yes"} if line == "L2" else None)
        await guest.send(type="response.create")
        await guest.seat.expect(TakeFloor)


async def test_cancel_ends_the_response_as_the_client_s_doing(house: House) -> None:
    """`response.cancel` cancels the line; its response says that the client cancelled it; without one it is an error."""
    async with house.guest() as guest:
        await guest.send(type="response.cancel")
        assert (await guest.expect("error"))["error"]["code"] == "response_cancel_not_active"
        facts = await _typed_turn(guest, house, "L1", ["A long story."])
        await guest.expect("response.created")
        await guest.send(type="response.cancel", response_id="resp_L1")
        assert await guest.seat.expect(CancelLine) == CancelLine("L1")
        house.stage.close(guest.sid, "L1", "cut", facts[1], offset=1)
        details = (await guest.expect("response.done"))["response"]["status_details"]
        assert (details["type"], details["reason"]) == ("cancelled", "client_cancelled")


async def test_aborted_and_rejected_lines_say_so(house: House) -> None:
    """A failed line is a failed response; a rejected one is incomplete and has no text."""
    async with house.guest() as guest:
        house.stage.line(guest.sid, "L1", ["Half a thought"])
        house.stage.close(guest.sid, "L1", "aborted", reason="engine_failed")
        failed = (await guest.expect("response.done"))["response"]
        assert (failed["status"], failed["status_details"]["error"]["code"]) == ("failed", "engine_failed")
        house.stage.line(guest.sid, "L2", ["Rude."], mode="approve")
        house.stage.close(guest.sid, "L2", "rejected")
        rejected = (await guest.expect("response.done"))["response"]
        assert (rejected["status"], rejected["output"][0]["content"][0]["transcript"]) == ("incomplete", "")


async def test_held_text_is_shown_when_it_is_released(house: House) -> None:
    """In approve mode no text delta goes out before the director's release."""
    async with house.guest() as guest:
        await guest.update(output_modalities=["text"])
        house.stage.line(guest.sid, "L1", ["Draft."], mode="approve")
        guest.seat.send(TurnTimed(turn=1, line="L1"))
        await guest.expect("souffleur.turn")
        assert "response.output_text.delta" not in guest.types
        house.stage.write(guest.sid, Released(line="L1"), Author("director", "d"))
        assert (await guest.expect("response.output_text.delta"))["delta"] == "Draft."


async def test_of_a_held_line_written_anew_the_newest_words_are_shown(house: House) -> None:
    """Once: a director's client is told of every attempt, and none but the last is said."""
    async with house.guest() as guest:
        await guest.update(output_modalities=["text"])
        house.stage.line(guest.sid, "L1", ["Come in.", "Sit."], mode="approve")
        for index, text in enumerate(["Come in.", "Sit down."]):
            spoken = Spoken(line="L1", attempt=2, index=index, text=text, tagged=text)
            last = house.stage.write(guest.sid, spoken, Author("character", "mirelle", "Mirelle"))
        house.stage.write(guest.sid, Released(line="L1"), Author("director", "gm"))
        house.stage.close(guest.sid, "L1", "heard", last)
        assert (await guest.expect("response.output_text.done"))["text"] == "Come in. Sit down."
        assert "".join(event["delta"] for event in guest.events if event["type"] == "response.output_text.delta") == "Come in. Sit down."


async def test_truncate_is_a_position_report(house: House) -> None:
    """It tells the stage how much was heard and changes nothing else."""
    async with house.guest() as guest:
        facts = await _typed_turn(guest, house, "L1", ["A long story."])
        guest.seat.send(LineAudio("L1", facts[1].seq, bytes(960), 0))
        await guest.expect("response.output_audio.delta")
        await guest.send(type="conversation.item.truncate", item_id="item_L1", content_index=0, audio_end_ms=420)
        assert await guest.seat.expect(Played) == Played("L1", 420)
        assert (await guest.expect("conversation.item.truncated"))["audio_end_ms"] == 420
        await guest.send(type="conversation.item.truncate", item_id="item_nothing", content_index=0, audio_end_ms=1)
        assert (await guest.expect("error"))["error"]["code"] == "item_not_found"
        await guest.send(type="souffleur.played", line_id="L1", played_ms=500)
        assert await guest.seat.expect(Played) == Played("L1", 500)


async def test_output_audio_buffer_clear_silences_and_cancels(house: House) -> None:
    """Nothing more of the line is sent, and the stage is told to end it."""
    async with house.guest() as guest:
        facts = await _typed_turn(guest, house, "L1", ["A long story."])
        guest.seat.send(LineAudio("L1", facts[1].seq, bytes(960), 0))
        await guest.expect("response.output_audio.delta")
        await guest.send(type="output_audio_buffer.clear")
        assert (await guest.expect("output_audio_buffer.cleared"))["response_id"] == "resp_L1"
        await guest.seat.expect(CancelLine)
        guest.seat.send(LineAudio("L1", facts[1].seq, bytes(960), 480))
        house.stage.close(guest.sid, "L1", "cut", facts[1], offset=1)
        await guest.expect("response.done")
        assert guest.types.count("response.output_audio.delta") == 1


async def test_delete_strikes_one_s_own_and_only_that(house: House) -> None:
    """An item is gone when its fact is struck; a player cannot strike what others said."""
    async with house.guest(role="player") as guest:
        typed = await type_text(guest, "Oops", "m1")
        said = house.stage.said(guest.seat, typed.message, "Oops", "typed")
        await guest.expect("conversation.item.done")
        await guest.send(type="conversation.item.delete", item_id="m1")
        other = house.stage.write(guest.sid, Said(utterance="U9", text="Mine"), Author("player", "p-other", "Bob"))
        await guest.expect("souffleur.said")
        await guest.send(type="conversation.item.delete", event_id="steal", item_id="item_U9")
        error = (await guest.expect("error"))["error"]
        assert (error["code"], error["event_id"]) == ("forbidden", "steal")
        await house.stage.tell()
        assert [(told.kind, json.loads(told.body)) for told in house.stage.told] == [("struck", {"targets": [said.seq]})]
        assert other.seq != said.seq
        house.stage.write(guest.sid, Struck(targets=[said.seq]), Author("player", guest.seat.participant))
        assert (await guest.expect("conversation.item.deleted"))["item_id"] == "m1"


async def test_a_struck_item_stands_again_when_the_strike_is_taken_back(house: House) -> None:
    """Behind the one that it stood behind; struck once more, the taking back is gone too. What was history made no item, and makes none now."""
    async with house.guest() as guest:
        director = Author("director", "gm")
        texts = ("One", "Two", "Three")
        one, two, three = [house.stage.write(guest.sid, Said(utterance=text, text=text), Author("player", "p-other", "Bob")) for text in texts]
        for _ in texts:
            await guest.expect("conversation.item.done")
        strike = house.stage.write(guest.sid, Struck(targets=[two.seq, three.seq]), director)
        assert [(await guest.expect("conversation.item.deleted"))["item_id"] for _ in range(2)] == ["item_Two", "item_Three"]
        back = house.stage.write(guest.sid, Struck(targets=[strike.seq]), director)
        for text, before in (("Two", "item_One"), ("Three", "item_Two")):
            added = await guest.expect("conversation.item.added")
            assert (added["item"]["id"], added["item"]["content"][0]["transcript"], added["previous_item_id"]) == (f"item_{text}", text, before)
            assert (await guest.expect("conversation.item.done"))["item"] == added["item"]
        again = house.stage.write(guest.sid, Struck(targets=[back.seq]), director)
        assert [(await guest.expect("conversation.item.deleted"))["item_id"] for _ in range(2)] == ["item_Two", "item_Three"]
        house.stage.write(guest.sid, Struck(targets=[one.seq - 1, again.seq]), director)
        assert [(await guest.expect("conversation.item.added"))["item"]["id"] for _ in range(2)] == ["item_Two", "item_Three"]


async def test_refused_strike_is_told(house: House) -> None:
    """What the stage does not write comes back as an error of the event."""
    async with house.guest() as guest:
        typed = await type_text(guest, "Oops", "m1")
        house.stage.said(guest.seat, typed.message, "Oops", "typed")
        await guest.expect("conversation.item.done")
        house.stage.refuse = Forbidden("not that one")
        await guest.send(type="conversation.item.delete", event_id="e", item_id="m1")
        error = (await guest.expect("error"))["error"]
        assert (error["code"], error["event_id"]) == ("forbidden", "e")


async def test_system_item_is_a_director_s_note(house: House) -> None:
    """To the director it becomes a note and an item; to a player it is forbidden."""
    item = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "It rains."}]}
    async with house.guest() as director:
        await director.send(type="conversation.item.create", item=item)
        added = await director.expect("conversation.item.added")
        assert added["item"]["role"] == "system"
    async with house.guest(role="player") as player:
        await player.send(type="conversation.item.create", item=item)
        assert (await player.expect("error"))["error"]["code"] == "forbidden"
    assert [told.kind for told in house.stage.told] == ["noted"]


async def test_others_words_are_user_items_and_not_transcriptions(house: House) -> None:
    """What another participant said arrives as a user item and as `souffleur.said`, without transcription events."""
    async with house.guest() as ann, house.guest(session="s1", name="Bob") as bob:
        typed = await type_text(ann, "Hello?")
        house.stage.said(ann.seat, typed.message, "Hello?", "typed")
        told = await bob.expect("souffleur.said")
        assert (told["participant"], told["name"], told["text"]) == (ann.seat.participant, "Ann", "Hello?")
        assert told["item_id"] == f"item_{typed.message}"
        assert bob.types == ["session.created", "conversation.item.added", "conversation.item.done"]
        await ann.expect("conversation.item.done")
        assert not any(event["type"] == "souffleur.said" for event in ann.events)


async def test_both_see_one_response_under_one_id(house: House) -> None:
    """A line is one response for everybody, and only to whom it answers is it in the way of another one."""
    async with house.guest() as ann, house.guest(session="s1", name="Bob") as bob:
        facts = await _typed_turn(ann, house, "L1", ["Welcome."])
        ids = [(await guest.expect("response.created"))["response"]["id"] for guest in (ann, bob)]
        assert ids == ["resp_L1", "resp_L1"]
        await bob.send(type="response.create")
        await bob.seat.expect(TakeFloor)
        house.stage.close("s1", "L1", "heard", facts[1])
        await bob.expect("response.done")


async def test_manual_mode_is_owned_by_the_client(house: House) -> None:
    """The first append opens the utterance, commit ends it without a response, and `response.create` waits for its words."""
    async with house.guest() as guest:
        await guest.update(audio={"input": {"turn_detection": None}})
        change = await guest.seat.expect(Configure)
        assert (change.answers, change.interrupts) == (False, False)
        await guest.append(tone(0.5))
        onset = await guest.seat.expect(Onset)
        assert onset.manual
        await guest.send(type="input_audio_buffer.commit")
        await guest.send(type="response.create")
        final = await guest.seat.expect(FinalHeard)
        await guest.seat.expect(TakeFloor)
        assert final.utterance == onset.utterance
        assert 480 <= final.speech_ms <= 520
        house.stage.said(guest.seat, onset.utterance, "hello there")
        await guest.expect("conversation.item.input_audio_transcription.completed")
        assert "input_audio_buffer.speech_started" not in guest.types
        assert "input_audio_buffer.speech_stopped" not in guest.types
        await guest.send(type="input_audio_buffer.commit", event_id="empty")
        error = (await guest.expect("error"))["error"]
        assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "empty")


async def test_talk_key_may_be_pressed_again_before_the_words_are_there(house: House) -> None:
    """The stage is told of every commit before the next onset, and both texts come, each for its own item."""
    house.stt.mute, house.stt.texts = True, ["first words", "second words"]
    async with house.guest() as guest:
        await guest.update(audio={"input": {"turn_detection": None}})
        for _ in range(2):
            await guest.append(tone(0.5))
            await guest.send(type="input_audio_buffer.commit")
        first, over = await guest.seat.expect(Onset), await guest.seat.expect(Paused)
        second, over_too = await guest.seat.expect(Onset), await guest.seat.expect(Paused)
        assert [first.utterance, second.utterance] == [over.utterance, over_too.utterance]
        assert [event for event in guest.seat.seen if isinstance(event, Onset | Paused | FinalHeard)] == [first, over, second, over_too]
        house.stt.answer()
        finals = [await guest.seat.expect(FinalHeard) for _ in range(2)]
        assert {final.utterance for final in finals} == {first.utterance, second.utterance}


async def test_clear_throws_the_utterance_away(house: House) -> None:
    """Cleared audio is never recognised: the stage hears that it is lost."""
    from services.core.model.attachment import UtteranceLost

    async with house.guest() as guest:
        await guest.update(audio={"input": {"turn_detection": None}})
        await guest.append(tone(0.5))
        onset = await guest.seat.expect(Onset)
        await guest.send(type="input_audio_buffer.clear")
        assert await guest.seat.expect(UtteranceLost) == UtteranceLost(onset.utterance, "cleared")
        await guest.expect("input_audio_buffer.cleared")
        assert "input_audio_buffer.committed" not in guest.types


async def test_what_is_not_offered_is_a_typed_error(house: House) -> None:
    """Unknown events, broken JSON, tools, foreign context and items in the middle are errors; the connection stays."""
    function_call = {"type": "function_call_output", "call_id": "c", "output": "x"}
    assistant = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}
    user = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}
    image = {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "data:"}]}
    cases: list[tuple[dict[str, object], str]] = [
        ({"type": "transcription_session.update"}, "unknown_event"),
        ({"nothing": 1}, "invalid_event"),
        ({"type": "conversation.item.create", "item": function_call}, "tools_not_supported"),
        ({"type": "conversation.item.create", "item": assistant}, "assistant_item_not_supported"),
        ({"type": "conversation.item.create", "item": image}, "content_not_supported"),
        ({"type": "conversation.item.create", "previous_item_id": "root", "item": user}, "previous_item_id_not_supported"),
        ({"type": "conversation.item.create"}, "missing_required_parameter"),
        ({"type": "response.create", "response": {"conversation": "none"}}, "out_of_band_not_supported"),
        ({"type": "response.create", "response": {"tools": [{"type": "function", "name": "f"}]}}, "tools_not_supported"),
        ({"type": "input_audio_buffer.append", "audio": "not base64!"}, "invalid_audio"),
        ({"type": "input_audio_buffer.append", "audio": "AAAA"}, "invalid_audio"),
        ({"type": "conversation.item.retrieve", "item_id": "item_x"}, "item_not_found"),
    ]
    async with house.guest() as guest:
        await guest.connection.send_raw("{broken")
        assert (await guest.expect("error"))["error"]["code"] == "invalid_json"
        for number, (event, code) in enumerate(cases):
            await guest.send(**event, event_id=f"e{number}")
            error = (await guest.expect("error"))["error"]
            assert (error["code"], error["event_id"]) == (code, f"e{number}"), event
        await asyncio.wait_for(type_text(guest, "Still here"), 5)


@pytest.mark.parametrize(
    "event",
    [
        '{"type": "nonsense", "event_id": "\\ud800"}',
        '{"type": "\\ud800", "event_id": "e"}',
        '{"type": "response.create", "event_id": "e", "response": {"metadata": {"a": "\\ud800"}}}',
        '{"type": "conversation.item.create", "event_id": "e", "item": {"role": "user", "content": [{"type": "input_text", "text": "\\udfff"}]}}',
        '{"type": "conversation.item.retrieve", "event_id": "e", "item_id": "\\u0000"}',
        '{"type": "souffleur.played", "event_id": "e", "line_id": "L1", "played_ms": 1e999}',
        '{"type": "session.update", "event_id": "e", "session": {"a": ' + "[" * 50 + "]" * 50 + "}}",
    ],
    ids=["event id", "type", "metadata", "text", "null", "infinite", "deep"],
)
async def test_what_json_can_say_and_nobody_can_keep_is_refused(house: House, event: str) -> None:
    """Half a surrogate and its like are an error of the client's; the connection goes on."""
    async with house.guest() as guest:
        await guest.connection.send_raw(event)
        error = (await guest.expect("error"))["error"]
        assert (error["code"], error["type"], error["event_id"]) == ("invalid_request", "invalid_request_error", None if "nonsense" in event else "e")
        await asyncio.wait_for(type_text(guest, "Still here"), 5)
