"""Advice: proposals from a strong model, read strictly; lessons from the director's own corrections."""

from __future__ import annotations

import json
from typing import Any

from services.core.model.attachment import CastMember, TextSaid
from services.core.model.fact import Kind
from services.transcript.view import RecommendationEntry
from tests.integration.summarizer.conftest import Later, Party, Tables


def _answer(*items: dict[str, Any]) -> str:
    return json.dumps({"recommendations": list(items)})


def _item(text: str, rests_on: list[Any], kind: str = "tone", character: str = "Mirelle") -> dict[str, Any]:
    return {"kind": kind, "text": text, "character": character, "rests_on": rests_on, "expires_minutes": 5}


async def _said(party: Party, text: str) -> int:
    await party.say(text)
    return party.of(Kind.SAID)[-1].seq


async def test_what_holds_is_proposed_once_and_everything_else_is_dropped(tables: Tables) -> None:
    """Unknown facts, characters and kinds, markup, too long and too many: none of it reaches the desk."""
    async with tables({"every_turns": 500}, strong="good") as party:
        seq = await _said(party, "You said the key was under the second stone!")
        party.server.reply = "Here you are:\n" + _answer(
            _item("Be angrier about the forty crowns.", [seq]),
            _item("Rests on nothing that is there.", [9999]),
            _item("Speak as Yaroglav.", [seq], character="yaroglav"),
            _item("<b>Look</b> at https://evil.example", [seq]),
            _item("x" * 400, [seq]),
            _item("Beyond the fifth.", [seq]),
        )
        _, proposals, remark = await party.summarizer.advise(party.sid, "advice", 10)
        assert (len(proposals), remark) == (1, "")
        await party.until(lambda: party.of(Kind.RECOMMENDED), "a proposal")
        body = party.of(Kind.RECOMMENDED)[0].body
        assert body["text"] == "Be angrier about the forty crowns."
        assert body["character"] == "mirelle"
        assert seq in body["rests_on"]
        _, again, _ = await party.summarizer.advise(party.sid, "advice", 10)
        assert again == ()
        assert len(party.of(Kind.RECOMMENDED)) == 1
        assert not party.of(Kind.RECOMMENDATION_DECIDED)
        asked = next(call.body for call in party.server.calls if call.path.endswith("completions"))
        assert "under the second stone" in asked["messages"][-1]["content"]


async def test_kinds_that_are_accepted_by_themselves_steer_the_next_line(tables: Tables) -> None:
    """The setting names kinds; the rest waits for the director."""
    async with tables({"every_turns": 500, "accepts": ["tone"]}, strong="good") as party:
        seq = await _said(party, "You said the key was under the second stone!")
        party.server.reply = _answer(_item("Be angrier.", [seq]), _item("Mention the bridge.", [seq], kind="plot"))
        _, proposals, _ = await party.summarizer.advise(party.sid, "advice", 10)
        assert len(proposals) == 2
        await party.until(lambda: party.of(Kind.RECOMMENDATION_DECIDED), "a decision")
        view = await party.view()
        states = {entry.text: entry.state for entry in view.entries if isinstance(entry, RecommendationEntry)}
        assert states == {"Be angrier.": "accepted", "Mention the bridge.": "proposed"}
        assert [note.text for note in view.notes] == ["Be angrier."]


async def test_what_nobody_decided_on_expires(tables: Tables, later: Later) -> None:
    """The desk does not fill up with what was worth saying an hour ago."""
    async with tables({"every_turns": 500, "expires_s": 60}, strong="good") as party:
        seq = await _said(party, "You said the key was under the second stone!")
        party.server.reply = _answer(_item("Be angrier.", [seq]))
        await party.summarizer.advise(party.sid, "advice", 10)
        later(50)
        _, again, _ = await party.summarizer.advise(party.sid, "advice", 10)
        assert again == ()
        assert not party.of(Kind.RECOMMENDATION_DECIDED)
        later(10)
        decided = await party.until(lambda: party.of(Kind.RECOMMENDATION_DECIDED), "its end")
        assert decided[0].body["state"] == "expired"


async def test_a_struck_source_withdraws_what_rests_on_it(tables: Tables) -> None:
    """Any fact of the cited passage will do."""
    async with tables({"every_turns": 500}, strong="good") as party:
        seq = await _said(party, "You said the key was under the second stone!")
        line = party.of(Kind.LINE_OPENED)[-1].seq
        sentence = party.of(Kind.SENTENCE)[-1].seq
        party.server.reply = _answer(_item("Be angrier.", [seq]), _item("Pay the crowns.", [sentence], kind="plot"))
        await party.summarizer.advise(party.sid, "advice", 10)
        await party.tell(Kind.STRUCK, json.dumps({"targets": [line]}), "strike")
        left = [entry.text for entry in (await party.view()).entries if isinstance(entry, RecommendationEntry)]
        assert left == ["Be angrier."]


async def test_what_the_director_changes_becomes_a_lesson(tables: Tables) -> None:
    """Corrected, edited before it was spoken, and refused with a reason: each names both sides."""
    async with tables({"every_turns": 500}, mode="auto") as party:
        await party.say("Good evening.")
        target = party.of(Kind.SENTENCE)[-1]
        await party.tell(Kind.CORRECTED, json.dumps({"target": target.seq, "text": "I owe you nothing."}), "edit")
        lesson = (await party.until(lambda: party.of(Kind.RECOMMENDED), "a lesson"))[0].body
        assert lesson["category"] == "lesson"
        assert lesson["character"] == "mirelle"
        assert "'I owe you nothing'" in lesson["text"].replace(".'", "'")
        assert target.body["text"].rstrip(".") in lesson["text"]
        assert set(lesson["rests_on"]) == {target.seq, party.of(Kind.CORRECTED)[0].seq}


async def test_a_held_line_that_is_edited_or_refused_teaches_too(tables: Tables) -> None:
    """The difference between the draft and the director's version, and the reason of a refusal."""
    async with tables({"every_turns": 500}, mode="approve") as party:
        assert party._stream is not None
        await party._stream.send(TextSaid("a", "Good evening."))
        first = (await party.until(lambda: party.of(Kind.LINE_OPENED), "a draft"))[0].body["line"]
        await party.until(lambda: any(fact.body["line"] == first for fact in party.of(Kind.SENTENCE)), "its words")
        await party.until(lambda: len(party.of(Kind.SENTENCE)) >= 2, "all of it")
        await party.act("release", line=first, text="Not a word about crowns.")
        await party.until(lambda: party.of(Kind.LINE_CLOSED), "its end")
        lesson = (await party.until(lambda: party.of(Kind.RECOMMENDED), "a lesson"))[0].body
        assert "Not a word about crowns" in lesson["text"]
        assert "forty crowns" in lesson["text"]
        await party._stream.send(TextSaid("b", "And the key?"))
        second = (await party.until(lambda: len(party.of(Kind.LINE_OPENED)) > 1 and party.of(Kind.LINE_OPENED), "another"))[1].body["line"]
        await party.until(lambda: any(fact.body["line"] == second for fact in party.of(Kind.SENTENCE)), "its words")
        await party.act("reject", line=second, direction="She keeps secrets.")
        refused = (await party.until(lambda: len(party.of(Kind.RECOMMENDED)) > 1 and party.of(Kind.RECOMMENDED), "a second lesson"))[1].body
        assert "She keeps secrets" in refused["text"]


async def test_what_is_accepted_by_itself_is_made_from_what_its_character_knows(tables: Tables) -> None:
    """Nobody looks before it steers: what only others know is in no question about this character."""
    cast = (CastMember("mirelle", "Mirelle", json.dumps({"name": "Mirelle", "description": "Mirelle is secretly the queen of Dunmore."})),)
    async with tables({"every_turns": 500, "accepts": ["tone"]}, strong="good", cast=cast) as party:
        await _said(party, "I hid the keys in Brackwater.")
        joined = {"member": "quill", "role": "character", "name": "Quill", "card": {"name": "Quill", "description": "Quill is a clerk."}, "head_count": 1}
        await party.tell(Kind.JOINED, json.dumps(joined), "quill")
        await party.tell(Kind.NOTED, json.dumps({"text": "Lie about the bridge.", "character": "mirelle"}), "note")
        seq = await _said(party, "Mirelle, who is this?")
        party.server.reply = _answer(_item("Be curious.", [seq], character=""))
        await party.summarizer.advise(party.sid, "both", 20)
        asked = [call.body["messages"][-1]["content"] for call in party.server.calls if call.path.endswith("completions")]
        quills = [text for text in asked if "Quill is a clerk" in text]
        assert len(quills) == 1
        assert len(asked) == 2
        assert "Mirelle, who is this?" in quills[0]
        for secret in ("Dunmore", "Brackwater", "Lie about the bridge"):
            assert secret not in quills[0]
            assert any(secret in text for text in asked)
        await party.until(lambda: len(party.of(Kind.RECOMMENDATION_DECIDED)) == 2, "both decisions")
        assert {fact.body["character"] for fact in party.of(Kind.RECOMMENDED)} == {"mirelle", "quill"}


async def test_lessons_may_be_accepted_by_themselves(tables: Tables) -> None:
    """They come from the director's own hand."""
    async with tables({"every_turns": 500, "accepts": ["lesson"]}) as party:
        await party.say("Good evening.")
        target = party.of(Kind.SENTENCE)[-1]
        await party.tell(Kind.CORRECTED, json.dumps({"target": target.seq, "text": "I owe you nothing."}), "edit")
        decided = (await party.until(lambda: party.of(Kind.RECOMMENDATION_DECIDED), "a decision"))[0]
        assert decided.body["state"] == "accepted"
        assert [note.character for note in (await party.view()).notes] == ["mirelle"]
