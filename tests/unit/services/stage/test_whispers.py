"""Words for some of those who are there: who hears them, who answers, and what nobody else is sent."""

from __future__ import annotations

from typing import Any

import pytest

from services.core.errors import NotFound
from services.core.model.attachment import Configure, FinalHeard, LineAudio, Onset, PartialHeard, PartialShown, Refused, TakeFloor, TextSaid, TurnTimed
from services.core.model.fact import Fact, Kind
from services.core.settings import Settings, StageSettings
from services.stage.attachments import Attachment
from tests.unit.services.stage.direction import act, type_in
from tests.unit.services.stage.table import Mind, Table, received, table

QUICK = Settings(stage=StageSettings(hang_over_s=0.1, speculative_s=0.05, confirm_s=0.1, resume_s=0.4, address_window_s=0))
_OF_A_LINE = frozenset({Kind.LINE_OPENED, Kind.SENTENCE, Kind.LINE_CLOSED})


def kinds(values: list[Any]) -> set[str]:
    return {value.kind if isinstance(value, Fact) else type(value).__name__ for value in values}


async def two(at: Table, **options: Any) -> tuple[Attachment, Attachment]:
    ann = await at.sit("Ann", role="player", **options)
    bob = await at.sit("Bob", role="player", **options)
    await at.until(lambda: len(at.session.roster.audience("")) >= 3)
    received(ann)
    received(bob)
    return ann, bob


async def test_a_whisper_is_answered_in_a_whisper() -> None:
    """The one character that hears it answers without being named; the others at the table are sent no word, sound or figure of it."""
    async with table("Mirelle", "Bram", settings=QUICK, ms_per_char=10.0) as at:
        ann, bob = await two(at)
        at.session.configure(ann, Configure(whispers="bram"))
        hear = at.session.listening.heard
        hear(ann, Onset("u1"))
        hear(ann, PartialHeard("u1", "meet me"))
        hear(ann, FinalHeard("u1", "meet me at midnight"))
        assert (await at.closed())["state"] == "heard"
        for kind in (Kind.SAID, *_OF_A_LINE):
            assert all(set(fact.audience or ()) == {ann.participant, "bram"} for fact in at.log.facts if fact.kind == kind)
        assert at.bodies(Kind.LINE_OPENED)[0]["whispered"]
        assert {Kind.SAID, *_OF_A_LINE, "LineAudio", "TurnTimed"} <= kinds(received(ann))
        assert kinds(received(bob)) == {"SpeechSeen"}
        assert "whisper" in at.mind.requests[-1].options.notes[0].lower()


async def test_a_monitor_hears_whispers() -> None:
    """The director's desk is told everything."""
    async with table("Bram", settings=QUICK, ms_per_char=10.0) as at:
        ann, _ = await two(at)
        desk = await at.sit("GM", monitor=True, hears=True)
        at.session.configure(ann, Configure(whispers="bram"))
        at.session.listening.heard(ann, Onset("u1"))
        at.session.listening.heard(ann, PartialHeard("u1", "psst"))
        at.session.listening.heard(ann, FinalHeard("u1", "psst bram"))
        await at.closed()
        values = received(desk)
        assert {type(value) for value in values} >= {PartialShown, LineAudio, TurnTimed}


async def test_whispering_humans_are_answered_by_nobody() -> None:
    """No character hears them."""
    async with table("Bram", settings=QUICK) as at:
        ann, bob = await two(at, hears=False)
        at.session.say(ann, TextSaid("m1", "bram is lying", whispers=bob.participant))
        assert (await at.until(lambda: at.bodies(Kind.PASSED)))[0]["reason"] == "no_character"
        assert Kind.SAID in kinds(received(bob))


async def test_a_whisper_needs_somebody_who_is_there() -> None:
    """Somebody in another place, or nobody: nothing is said, least of all aloud."""
    async with table("Bram") as at:
        ann, _ = await two(at, hears=False)
        cleo = await at.sit("Cleo", role="player", place="cellar")
        for whispers in (cleo.participant, "nobody"):
            with pytest.raises(NotFound):
                at.session.say(ann, TextSaid("m1", "psst", whispers=whispers))
            at.session.configure(ann, Configure(whispers=whispers))
            at.session.listening.heard(ann, Onset(f"to {whispers}"))
            at.session.listening.heard(ann, FinalHeard(f"to {whispers}", "bram is lying"))
            assert [value.code for value in received(ann) if isinstance(value, Refused)] == [NotFound.code]
        assert not at.bodies(Kind.SAID)


async def test_what_was_begun_as_a_whisper_stays_one() -> None:
    """However quickly the speaker goes on aloud: the text comes later than the words."""
    async with table("Bram", settings=QUICK) as at:
        ann, bob = await two(at, hears=False)
        at.session.configure(ann, Configure(whispers="bram"))
        at.session.listening.heard(ann, Onset("u1"))
        at.session.configure(ann, Configure(whispers=""))
        at.session.listening.heard(ann, PartialHeard("u1", "meet me"))
        at.session.listening.heard(ann, FinalHeard("u1", "meet me at midnight"))
        await at.closed()
        assert kinds(received(bob)) == {"SpeechSeen"}


async def test_a_whisper_waits_for_the_voice_that_speaks_aloud() -> None:
    """It does not interrupt; its answer comes afterwards. Who does not hear a whispered line does not stop it either."""
    async with table("Mirelle", "Bram", mind=Mind(["One two three four five."]), settings=QUICK, ms_per_char=25.0) as at:
        ann, bob = await two(at)
        await type_in(at, bob, "Mirelle, count")
        await at.until(at.speaking)
        at.session.configure(ann, Configure(whispers="bram"))
        await type_in(at, ann, "is she mad?")
        assert (await at.closed())["state"] == "heard"
        await at.until(at.speaking)
        await type_in(at, bob, "how dull")
        assert (await at.closed(2))["state"] == "heard"
        opened = [fact for fact in at.log.facts if fact.kind == Kind.LINE_OPENED]
        assert [(fact.body["character"], fact.body["whispered"]) for fact in opened] == [("mirelle", False), ("bram", True)]


async def test_what_is_said_aloud_and_what_is_whispered_are_two_turns() -> None:
    """Both wait for the floor: neither is answered in the other's place."""
    async with table("Mirelle", "Bram", mind=Mind(["One two three four five."]), settings=QUICK, ms_per_char=25.0) as at:
        ann, bob = await two(at)
        await type_in(at, bob, "Mirelle, count")
        await at.until(at.speaking)
        at.session.configure(ann, Configure(whispers="bram"))
        whispered = await type_in(at, ann, "is she mad?")
        bob.configure(Configure(interrupts=False))
        aloud = await type_in(at, bob, "Mirelle, go on")
        await at.closed(3)
        opened = [(fact.body["character"], fact.body["turn"], fact.body["whispered"]) for fact in at.log.facts if fact.kind == Kind.LINE_OPENED]
        assert sorted(opened[1:]) == [("bram", whispered, True), ("mirelle", aloud, False)]


async def test_nobody_else_can_ask_for_the_answer_to_a_whisper() -> None:
    """Bob's `response.create` does not have Ann's whisper answered aloud."""
    async with table("Bram", settings=QUICK) as at:
        ann, bob = await two(at, hears=False)
        said = at.session.say(ann, TextSaid("m1", "psst", answers=False, whispers="bram"))
        at.session.take_floor(bob, TakeFloor("bram"))
        await at.closed()
        at.session.take_floor(ann, TakeFloor("bram"))
        await at.closed(2)
        assert [(body["turn"], body["whispered"]) for body in at.bodies(Kind.LINE_OPENED)] == [(0, False), ((await said).seq, True)]


async def test_a_retake_of_a_whisper_is_whispered() -> None:
    """Once more, to the same ones."""
    async with table("Bram", settings=QUICK) as at:
        ann, bob = await two(at, hears=False)
        at.session.say(ann, TextSaid("m1", "psst", whispers="bram"))
        line = (await at.closed())["line"]
        await act(at, "retake", line=line)
        await at.closed(2)
        assert all(set(fact.audience or ()) == {ann.participant, "bram"} for fact in at.log.facts if fact.kind in _OF_A_LINE)
        assert not _OF_A_LINE & kinds(received(bob))


async def test_a_message_that_whispers_by_itself_cuts_no_public_line() -> None:
    """As one from a connection that whispers."""
    async with table("Mirelle", "Bram", settings=QUICK, mind=Mind(["One two three four five six seven."]), ms_per_char=30.0) as at:
        ann, _ = await two(at)
        await type_in(at, ann, "Mirelle, go on")
        await at.until(at.speaking)
        await at.session.say(ann, TextSaid("w1", "psst", whispers="bram"))
        assert [body["state"] for body in (await at.closed(2), at.bodies(Kind.LINE_CLOSED)[0])] == ["heard", "heard"]


async def test_the_director_gives_a_whisper_to_nobody_who_did_not_hear_it() -> None:
    """Whoever is chosen speaks after it."""
    async with table("Mirelle", "Bram", settings=QUICK, mind=Mind(["Yes."])) as at:
        ann, bob = await two(at, hears=False)
        at.session.listening.heard(bob, Onset("u1"))
        await at.session.say(ann, TextSaid("w1", "psst", whispers="bram"))
        await act(at, "next", character="mirelle")
        at.session.listening.heard(bob, FinalHeard("u1", ""))
        await at.closed()
        assert [(body["character"], body["whispered"]) for body in at.bodies(Kind.LINE_OPENED)] == [("bram", True)]
        assert at.session.desk.shown().next == {"": "mirelle"}
