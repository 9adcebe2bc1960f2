"""Digests: made behind the play, from what was heard, told to the owner, and gone with what they rest on."""

from __future__ import annotations

import json

from services.core.model.fact import Kind
from tests.integration.summarizer.conftest import Tables

RECORD = "Ann asked Mirelle about the silver key; Mirelle owes her forty crowns and promised to pay before midnight."


async def test_without_a_model_a_digest_is_extracted_and_covers_what_was_heard(tables: Tables) -> None:
    """After two turns there is one, with the sentences that matter and the ids of every fact behind it."""
    async with tables() as party:
        await party.say("Good evening.")
        await party.say("My name is Anselm Vogt, and I come from Brackwater for the forty crowns.")
        digest = (await party.until(lambda: party.of(Kind.SUMMARIZED), "a digest"))[0]
        assert digest.by.role == "adviser"
        assert "Anselm Vogt" in digest.body["text"]
        assert "forty crowns" in digest.body["text"]
        covered = set(digest.body["covers"])
        heard = {fact.seq for fact in party.facts if fact.kind in (Kind.SAID, Kind.SENTENCE) and fact.seq < digest.seq}
        assert heard <= covered
        view = await party.view()
        assert view.summary is not None
        assert view.summary.seq == digest.seq


async def test_a_light_model_goes_on_from_the_digest_before(tables: Tables) -> None:
    """The second question holds the first digest and only what was said since."""
    async with tables(light="good") as party:
        party.server.reply = RECORD
        for words in ("Where is the silver key?", "And the forty crowns?"):
            await party.say(words)
        await party.until(lambda: party.of(Kind.SUMMARIZED), "a digest")
        for words in ("Who built this inn?", "Is the bridge still there?"):
            await party.say(words)
        second = (await party.until(lambda: len(party.of(Kind.SUMMARIZED)) > 1 and party.of(Kind.SUMMARIZED), "a second digest"))[1]
        assert set(second.body["covers"]) > set(party.of(Kind.SUMMARIZED)[0].body["covers"])
        asked = [call.body["messages"][-1]["content"] for call in party.server.calls if call.path.endswith("completions")]
        digests = [text for text in asked if "# The new record" in text]
        assert "Where is the silver key?" in digests[0]
        assert RECORD in digests[1]
        assert "Is the bridge still there?" in digests[1]
        assert "Where is the silver key?" not in digests[1].replace(RECORD, "")


async def test_a_strike_takes_the_digest_with_it_and_another_one_is_made(tables: Tables) -> None:
    """The new one knows nothing of what was struck."""
    async with tables() as party:
        await party.say("My name is Anselm Vogt, and I killed the miller of Brackwater.")
        await party.say("I need 12 horses by Friday.")
        first = (await party.until(lambda: party.of(Kind.SUMMARIZED), "a digest"))[0]
        assert "Brackwater" in first.body["text"]
        target = party.of(Kind.SAID)[0].seq
        await party.tell(Kind.STRUCK, json.dumps({"targets": [target]}), "strike")
        second = (await party.until(lambda: len(party.of(Kind.SUMMARIZED)) > 1 and party.of(Kind.SUMMARIZED), "another digest"))[1]
        assert target not in second.body["covers"]
        assert "Brackwater" not in second.body["text"]
        view = await party.view()
        assert view.summary is not None
        assert view.summary.seq == second.seq


async def test_the_director_may_wish_for_one_and_hears_when_there_is_nothing_new(tables: Tables) -> None:
    """Long before it is due."""
    async with tables({"every_turns": 500}) as party:
        await party.say("Where is the silver key of Brackwater?")
        seq, proposals, _ = await party.summarizer.advise(party.sid, "summary", 10)
        assert seq > 0
        assert proposals == ()
        again, _, remark = await party.summarizer.advise(party.sid, "summary", 10)
        assert again == 0
        assert "nothing" in remark
        _, _, remark = await party.summarizer.advise(party.sid, "advice", 10)
        assert "summarizer.strong" in remark
