"""Models that fail, and tables that are not simple: the digest is made all the same, later or by extraction, and knows no more than its readers."""

from __future__ import annotations

import json

import pytest

from services.core.model.attachment import CastMember
from services.core.model.fact import Kind
from services.core.telemetry import ADVISER_FAILURES
from services.transcript.view import Reader, fold
from tests.integration.summarizer.conftest import Later, Tables

_SILVER = "My name is Anselm Vogt, and I hid 12 silver keys in Brackwater."


def _failures(purpose: str) -> float:
    samples = (sample for metric in ADVISER_FAILURES.collect() for sample in metric.samples if sample.name.endswith("_total"))
    return sum(sample.value for sample in samples if sample.labels["purpose"] == purpose)


@pytest.mark.parametrize("model", ["status:500", "black-hole", "html", "endless", "good"])
async def test_where_the_light_model_fails_the_director_gets_an_extract_and_is_told(tables: Tables, model: str) -> None:
    """Also where it answers, but with something that was never said (`good` is a well-behaved model with nonsense to say)."""
    async with tables({"every_turns": 500, "timeout_s": 1.0}, light=model) as party:
        party.server.reply = "Quarterly revenue exceeded forecasts; shareholders applauded management enthusiastically yesterday."
        await party.say(_SILVER)
        before = _failures("summary")
        seq, _, remark = await party.summarizer.advise(party.sid, "summary", 20)
        assert "extract" in remark
        assert _failures("summary") > before
        digest = next(fact for fact in await party.log.read(party.sid) if fact.seq == seq)
        assert "12 silver keys in Brackwater" in digest.body["text"]


async def test_a_failing_model_is_tried_again_later_and_play_goes_on(tables: Tables, later: Later) -> None:
    """No digest at once, none that is nonsense, and a good one once the model is well again."""
    async with tables(light="flaky:1") as party:
        party.server.reply = "Anselm Vogt hid twelve silver keys in Brackwater; Mirelle owes him forty crowns."
        before = _failures("summary")
        await party.say(_SILVER)
        await party.say("Where are my forty crowns?")
        await party.until(lambda: _failures("summary") > before, "the first failure")
        later(5)
        await party.say("And where is Mirelle?")
        digest = (await party.until(lambda: party.of(Kind.SUMMARIZED), "a digest"))[0]
        assert digest.body["text"] == party.server.reply


async def test_when_the_hours_tokens_are_spent_digests_are_extracted_and_nobody_is_asked(tables: Tables) -> None:
    """Reserve, then settle: what does not fit is not begun."""
    async with tables({"tokens_per_hour": 300}, light="good", strong="good") as party:
        await party.say(_SILVER)
        await party.say("Where are my forty crowns?")
        digest = (await party.until(lambda: party.of(Kind.SUMMARIZED), "a digest"))[0]
        assert "12 silver keys in Brackwater" in digest.body["text"]
        assert not [call for call in party.server.calls if call.path.endswith("completions")]


async def test_who_did_not_witness_all_of_it_gets_a_digest_of_what_it_did_witness(tables: Tables) -> None:
    """The whole one stays with the director and with those who were there; nothing in it reaches anybody else."""
    async with tables({"every_turns": 500}) as party:
        await party.say(_SILVER)
        joined = {"member": "quill", "role": "character", "name": "Quill", "card": {"name": "Quill"}, "head_count": 1}
        await party.tell(Kind.JOINED, json.dumps(joined), "quill")
        await party.say("Mirelle, I promise to be back from Dunmore before midnight.")
        await party.summarizer.advise(party.sid, "summary", 10)
        facts = await party.log.read(party.sid)
        whole = fold(facts, Reader("character", "mirelle")).summary
        part = fold(facts, Reader("character", "quill")).summary
        assert whole is not None
        assert "Brackwater" in whole.text
        assert "Dunmore" in whole.text
        assert part is not None
        assert "Brackwater" not in part.text
        assert "Dunmore" in part.text


async def test_a_whisper_is_in_no_digest(tables: Tables) -> None:
    """It is for one character's ears alone."""
    async with tables({"every_turns": 500}, cast=(CastMember("mirelle", "Mirelle", "{}"),)) as party:
        await party.tell(Kind.WHISPERED, json.dumps({"character": "mirelle", "text": "Anselm Vogt is the murderer of Dunmore."}), "whisper")
        await party.say(_SILVER)
        seq, _, _ = await party.summarizer.advise(party.sid, "summary", 10)
        digest = next(fact for fact in await party.log.read(party.sid) if fact.seq == seq)
        assert "Dunmore" not in digest.body["text"]


async def test_an_edit_of_what_is_covered_makes_a_new_digest(tables: Tables) -> None:
    """The old one says what nobody said."""
    async with tables() as party:
        await party.say(_SILVER)
        await party.say("I promise to be back before midnight.")
        first = (await party.until(lambda: party.of(Kind.SUMMARIZED), "a digest"))[0]
        assert "Brackwater" in first.body["text"]
        target = party.of(Kind.SAID)[0].seq
        await party.tell(Kind.CORRECTED, json.dumps({"target": target, "text": _SILVER.replace("Brackwater", "Dunmore")}), "edit")
        second = (await party.until(lambda: len(party.of(Kind.SUMMARIZED)) > 1 and party.of(Kind.SUMMARIZED), "another digest"))[1]
        assert "Brackwater" not in second.body["text"]
        assert "Dunmore" in second.body["text"]
        await party.tell(Kind.CORRECTED, json.dumps({"target": target, "text": _SILVER}), "back")
        third = (await party.until(lambda: len(party.of(Kind.SUMMARIZED)) > 2 and party.of(Kind.SUMMARIZED), "a third digest"))[2]
        assert "Dunmore" not in third.body["text"]
        view = await party.view()
        assert view.summary is not None
        assert view.summary.seq == third.seq


async def test_whoever_waits_for_a_slow_model_gets_an_extract_in_time(tables: Tables) -> None:
    """A session that continues another one is not kept waiting for a minute."""
    async with tables({"every_turns": 500, "timeout_s": 60.0}, light="slow:400") as party:
        party.server.reply = " ".join(["Anselm Vogt hid 12 silver keys in Brackwater."] * 40)
        await party.say(_SILVER)
        seq, _, remark = await party.summarizer.advise(party.sid, "summary", 4)
        assert seq > 0
        assert "too long" in remark
