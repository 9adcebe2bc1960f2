"""Whole turns at one table: who answers, what is written, what is heard."""

from __future__ import annotations

import asyncio

import pytest

from services.core.errors import Conflict, EngineFailed, Forbidden, InvalidRequest, NotFound, NotOwner, Recovering, StaleFence, TooLarge, Unavailable
from services.core.model.attachment import (
    AttachOpen,
    CancelLine,
    Configure,
    FinalHeard,
    LineFlushed,
    LinePaused,
    LineResumed,
    Onset,
    PartialHeard,
    Paused,
    Played,
    Refused,
    Resumed,
    TakeFloor,
    TextSaid,
    UtteranceEnded,
)
from services.core.model.fact import Kind
from services.core.model.principal import Principal
from services.core.settings import Settings, StageSettings
from services.stage import patience
from services.stage.roster import OpenWords
from tests.unit.services.stage.table import PREPARING, Mind, received, sound_ms, table

QUICK = Settings(stage=StageSettings(hang_over_s=0.1, speculative_s=0.05, confirm_s=0.15, resume_s=0.4))


async def test_typed_words_are_answered_and_delivered() -> None:
    """Nobody listens by voice: the line is heard when its text was delivered."""
    async with table() as at:
        ann = await at.sit(hears=False)
        at.session.say(ann, TextSaid("m1", "Good evening"))
        closed = await at.closed()
        assert (closed["state"], closed["basis"]) == ("heard", "delivered")
        assert [fact.kind for fact in at.log.facts[2:]] == [Kind.SAID, Kind.LINE_OPENED, Kind.SENTENCE, Kind.SENTENCE, Kind.LINE_CLOSED]
        assert at.bodies(Kind.LINE_OPENED)[0]["turn"] == at.log.facts[2].seq


async def test_the_reply_is_asked_for_before_the_words_are_durable() -> None:
    """`pending` carries the `said` that is being written, so that thinking and fsync overlap."""
    async with table() as at:
        ann = await at.sit(hears=False)
        at.session.say(ann, TextSaid("m1", "Good evening"))
        await at.closed()
        request = at.mind.requests[0]
        assert request.base_seq == 2
        assert len(request.pending) == 1
        assert "Good evening" in request.pending[0]


async def test_a_voiced_line_is_paced_and_closed_when_it_was_played() -> None:
    """Sound goes out in order; without reports the clock says when it was heard."""
    async with table(ms_per_char=20.0) as at:
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Good evening"))
        await at.until(lambda: at.session.writer.durable >= 4)
        first = received(ann)
        closed = await at.closed()
        assert (closed["state"], closed["basis"]) == ("heard", "estimated")
        assert sound_ms([*first, *received(ann)]) == pytest.approx(13 * 20 + 9 * 20, abs=41)


async def test_a_reported_position_ends_the_line() -> None:
    """A page that reports has the last word."""
    async with table(ms_per_char=5.0) as at:
        ann = await at.sit(reports_playback=True)
        at.session.say(ann, TextSaid("m1", "Good evening"))
        line = (await at.until(lambda: at.bodies(Kind.LINE_OPENED)))[0]["line"]
        await at.until(lambda: len(at.bodies(Kind.SENTENCE)) == 2)
        at.session.played(ann, Played(line, 5000))
        assert (await at.closed())["basis"] == "reported"


async def test_speech_pauses_then_cuts_at_what_was_heard() -> None:
    """Onset pauses, confirmed speech cuts; the interrupter's own report counts."""
    async with table(mind=Mind(["One two three four five six seven eight nine ten."]), settings=QUICK, ms_per_char=40.0) as at:
        ann = await at.sit(reports_playback=True)
        at.session.say(ann, TextSaid("m1", "Count"))
        line = (await at.until(lambda: at.bodies(Kind.LINE_OPENED)))[0]["line"]
        await at.until(at.speaking)
        at.session.played(ann, Played(line, 600))
        at.session.listening.heard(ann, Onset("u1"))
        closed = await at.closed()
        assert (closed["state"], closed["reason"], closed["basis"]) == ("cut", "barge_in", "reported")
        assert 0 < closed["offset"] < 30
        kinds = [type(value) for value in received(ann)]
        assert kinds.index(LinePaused) < kinds.index(LineFlushed)


async def test_an_empty_final_resumes_the_line() -> None:
    """A cough."""
    async with table(mind=Mind(["One two three four five six seven."]), settings=QUICK, ms_per_char=30.0) as at:
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Count"))
        await at.until(at.speaking)
        at.session.listening.heard(ann, Onset("u1"))
        at.session.listening.heard(ann, Paused("u1", 50))
        await at.until(lambda: any(isinstance(value, UtteranceEnded) for value in list(ann._queue._queue)))  # type: ignore[attr-defined]
        at.session.listening.heard(ann, FinalHeard("u1", ""))
        assert (await at.closed())["state"] == "heard"
        assert any(isinstance(value, LineResumed) for value in received(ann))
        assert len(at.bodies(Kind.SAID)) == 1


async def test_a_spoken_turn_uses_the_reply_that_was_prepared() -> None:
    """The speculative reply is taken when the final says the same words: one request for one turn."""
    async with table(settings=PREPARING) as at:
        ann = await at.sit(hears=False)
        at.session.listening.heard(ann, Onset("u1"))
        at.session.listening.heard(ann, PartialHeard("u1", "good evening"))
        at.session.listening.heard(ann, Paused("u1", 20))
        await at.until(lambda: at.mind.requests)
        assert not at.bodies(Kind.LINE_OPENED)
        at.session.listening.heard(ann, FinalHeard("u1", "Good evening."))
        assert (await at.closed())["state"] == "heard"
        assert len(at.mind.requests) == 1
        assert at.bodies(Kind.SAID)[0]["text"] == "Good evening."


async def test_a_prepared_reply_to_other_words_is_thrown_away() -> None:
    """It is never spoken and never a fact."""
    async with table(settings=PREPARING) as at:
        ann = await at.sit(hears=False)
        at.session.listening.heard(ann, Onset("u1"))
        at.session.listening.heard(ann, PartialHeard("u1", "good"))
        at.session.listening.heard(ann, Paused("u1", 20))
        await at.until(lambda: at.mind.requests)
        at.session.listening.heard(ann, Resumed("u1"))
        at.session.listening.heard(ann, FinalHeard("u1", "good morning"))
        await at.closed()
        assert len(at.mind.requests) == 2
        assert len(at.bodies(Kind.SENTENCE)) == 2


async def test_with_two_humans_only_the_addressed_character_answers() -> None:
    """Table talk is passed; a name is answered."""
    async with table("Mirelle", "Bram") as at:
        ann, ben = await at.sit("Ann", hears=False), await at.sit("Ben", hears=False)
        at.session.say(ann, TextSaid("m1", "Shall we rest here?"))
        passed = (await at.until(lambda: at.bodies(Kind.PASSED)))[0]
        assert passed["reason"] == "not_addressed"
        at.session.say(ben, TextSaid("m2", "Bram, who are you?"))
        await at.closed()
        assert at.bodies(Kind.LINE_OPENED)[0]["character"] == "bram"


async def test_a_manual_utterance_waits_to_be_asked() -> None:
    """Commit does not start a response; taking the floor answers what was said."""
    async with table() as at:
        ann = await at.sit(hears=False)
        at.session.listening.heard(ann, Onset("u1", manual=True))
        at.session.listening.heard(ann, FinalHeard("u1", "Good evening"))
        said = await at.until(lambda: [fact for fact in at.log.facts if fact.kind == Kind.SAID])
        assert not at.mind.requests
        at.session.take_floor(ann, TakeFloor())
        await at.closed()
        assert at.bodies(Kind.LINE_OPENED)[0]["turn"] == said[0].seq
        assert not at.bodies(Kind.PASSED)


async def test_a_second_request_while_a_line_is_open_is_refused() -> None:
    """One line at a time."""
    async with table(mind=Mind(gate=asyncio.Event())) as at:
        ann = await at.sit(hears=False)
        at.session.take_floor(ann, TakeFloor())
        with pytest.raises(Conflict):
            at.session.take_floor(ann, TakeFloor())
        await at.until(lambda: at.mind.requests)
        at.session.cancel_line(ann, CancelLine())
        closed = await at.closed()
        assert (closed["state"], closed["reason"], closed["last_seq"]) == ("cut", "stopped", 0)
        await at.until(lambda: at.mind.stopped == 1)


async def test_one_who_asks_while_another_is_answered_is_next() -> None:
    """Two with push-to-talk: the second is not refused, and answered after the first."""
    mind = Mind(gate=asyncio.Event())
    async with table(mind=mind) as at:
        ann, ben = await at.sit("Ann", hears=False), await at.sit("Ben", hears=False)
        ben.configure(Configure(answers=False, interrupts=False))
        at.session.take_floor(ann, TakeFloor())
        await at.until(lambda: at.bodies(Kind.LINE_OPENED))
        at.session.listening.heard(ben, Onset("u1", manual=True))
        at.session.listening.heard(ben, FinalHeard("u1", "And I?"))
        said = await at.until(lambda: [fact for fact in at.log.facts if fact.kind == Kind.SAID])
        at.session.take_floor(ben, TakeFloor())
        assert mind.gate is not None
        mind.gate.set()
        assert ((await at.closed(1))["state"], (await at.closed(2))["state"]) == ("heard", "heard")
        assert [body["turn"] for body in at.bodies(Kind.LINE_OPENED)] == [0, said[0].seq]


async def test_unasked_words_choose_by_name_who_answers() -> None:
    """The connection's own character answers a request, unless the words that wait name another one."""
    async with table("Mirelle", "Bram") as at:
        ann = await at.sit(hears=False)
        for number, (words, answers) in enumerate((("Bram, is that you?", "bram"), ("Good evening", "mirelle"))):
            at.session.say(ann, TextSaid(f"m{number}", words, answers=False))
            at.session.take_floor(ann, TakeFloor("mirelle"))
            await at.closed(number + 1)
            assert at.bodies(Kind.LINE_OPENED)[number]["character"] == answers


async def test_what_is_said_after_passed_words_waits_on() -> None:
    """Words that are given up for later ones do not count those as answered: after a crash they would be forgotten."""
    async with table(mind=Mind(gate=asyncio.Event())) as at:
        ann = await at.sit(hears=False)
        first = at.session.say(ann, TextSaid("m1", "Good evening"))
        second = at.session.say(ann, TextSaid("m2", "Good evening, I said", answers=False))
        passed = await at.until(lambda: [fact for fact in at.log.facts if fact.kind == Kind.PASSED])
        assert (passed[0].body["turn"], passed[0].cause) == ((await first).seq, (await first).seq)
        seq = (await second).seq
        assert at.session.roster.open_turns() == [OpenWords("", None, seq, seq)]


async def test_a_turn_that_is_stopped_before_its_line_began_is_passed() -> None:
    """Every turn has a line or `passed`, and never a `line_closed` without a `line_opened`."""
    async with table(mind=Mind(gate=asyncio.Event())) as at:
        ann = await at.sit(hears=False)
        at.session.say(ann, TextSaid("m1", "Good evening"))
        at.session.cancel_line(ann, CancelLine())
        assert (await at.until(lambda: at.bodies(Kind.PASSED)))[0]["turn"] == at.log.facts[2].seq
        assert not at.bodies(Kind.LINE_OPENED)
        assert not at.bodies(Kind.LINE_CLOSED)


async def test_a_reply_that_breaks_off_keeps_what_was_spoken() -> None:
    """Sentences that were given are spoken to their end; the line is cut, never complete."""
    async with table(mind=Mind(["Half of it."], error=EngineFailed())) as at:
        ann = await at.sit(hears=False)
        at.session.say(ann, TextSaid("m1", "Tell me"))
        closed = await at.closed()
        assert (closed["state"], closed["reason"], closed["offset"]) == ("cut", "engine_failed", len("Half of it."))


async def test_a_reply_that_never_comes_aborts_the_line() -> None:
    """Every turn ends in one terminal fact."""
    async with table(mind=Mind([], error=EngineFailed())) as at:
        ann = await at.sit(hears=False)
        at.session.say(ann, TextSaid("m1", "Tell me"))
        closed = await at.closed()
        assert (closed["state"], closed["last_seq"], closed["reason"]) == ("aborted", 0, "engine_failed")
        at.mind.error, at.mind.sentences = None, ["Here I am."]
        at.session.say(ann, TextSaid("m2", "Again"))
        assert (await at.closed(2))["state"] == "heard"


async def test_without_a_voice_the_line_goes_on_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The degradation is a fact, once."""
    monkeypatch.setattr(patience, "PAUSES_S", (0.01,))
    async with table(error=Unavailable()) as at:
        ann = await at.sit()
        for number in (1, 2):
            at.session.say(ann, TextSaid(f"m{number}", "Tell me"))
            assert (await at.closed(number))["state"] == "heard"
        assert [body["to_engine"] for body in at.bodies(Kind.DEGRADED)] == ["text"]


async def test_the_same_message_twice_is_one_fact_and_one_answer() -> None:
    """Resending is harmless."""
    async with table() as at:
        ann = await at.sit(hears=False)
        first = await at.session.say(ann, TextSaid("m1", "Good evening"))
        await at.closed()
        assert (await at.session.say(ann, TextSaid("m1", "Good evening"))).seq == first.seq
        await at.session.writer.close()
        assert len(at.mind.requests) == 1


async def test_appends_are_retried_until_the_store_is_back() -> None:
    """Two failures, one fact each, in order."""
    async with table() as at:
        ann = await at.sit(hears=False)
        at.log.failing = [Unavailable(), Unavailable()]
        at.session.say(ann, TextSaid("m1", "Good evening"))
        assert (await at.closed())["state"] == "heard"
        assert [fact.seq for fact in at.log.facts] == list(range(1, len(at.log.facts) + 1))
        assert not at.lost


async def test_one_bad_draft_fails_alone() -> None:
    """A fact that is too large does not take its neighbours down."""
    async with table() as at:
        ann = await at.sit(hears=False)
        at.log.failing = [TooLarge(), TooLarge()]
        bad = at.session.say(ann, TextSaid("m1", "first", answers=False))
        good = at.session.say(ann, TextSaid("m2", "second", answers=False))
        with pytest.raises(TooLarge):
            await bad
        assert (await good).body["text"] == "second"
        assert not at.lost


async def test_a_stale_owner_writes_nothing_more() -> None:
    """The session is told that it is lost."""
    async with table() as at:
        ann = await at.sit(hears=False)
        at.log.failing = [StaleFence()]
        with pytest.raises(StaleFence):
            await at.session.say(ann, TextSaid("m1", "Good evening"))
        assert [type(error) for error in at.lost] == [StaleFence]
        with pytest.raises(StaleFence):
            await at.session.say(ann, TextSaid("m2", "Hello?"))


async def test_a_store_that_lost_facts_gets_them_back_and_play_goes_on() -> None:
    """Nothing that was told fails for it, even if somebody else's lease stands in the way for a moment; and it is done at once when a renewal finds out."""
    async with table() as at:
        ann = await at.sit(hears=False)
        at.log.failing = [Recovering(), NotOwner("unix:/tmp/other"), Unavailable()]
        assert (await at.session.say(ann, TextSaid("m1", "Good evening"))).body["text"] == "Good evening"
        assert (at.log.regained, at.lost) == (1, [])
        at.session.writer.catch_up()
        async with asyncio.timeout(5):
            while at.log.regained < 2:
                await asyncio.sleep(0)
        assert (await at.session.say(ann, TextSaid("m2", "Hello?"))).body["text"] == "Hello?"


async def test_nobody_speaks_for_somebody_else() -> None:
    """A player may not be another participant, nor say words as one; a director may."""
    async with table() as at:
        ann = await at.sit("Ann", role="player")
        with pytest.raises(Forbidden):
            await at.door.enter(AttachOpen(session="s", principal=Principal("id-Eve", "player", "Eve"), participant=ann.participant))
        eve = await at.sit("Eve", role="player")
        with pytest.raises(NotFound):
            at.session.say(eve, TextSaid("m1", "I am Ann", speaker=ann.participant))
        master = await at.sit("Master")
        fact = await at.session.say(master, TextSaid("m2", "As Ann", speaker=ann.participant, answers=False))
        assert fact.by.id == ann.participant


@pytest.mark.parametrize("text", ["", "   ", "x" * 5000])
async def test_empty_and_endless_messages_are_refused(text: str) -> None:
    """A typed error, and nothing is written."""
    async with table() as at:
        ann = await at.sit()
        with pytest.raises(InvalidRequest):
            at.session.say(ann, TextSaid("m1", text))
        assert not at.bodies(Kind.SAID)


async def test_events_of_an_unknown_utterance_are_refused() -> None:
    """Nothing changes, and the sender is told which one."""
    async with table() as at:
        ann = await at.sit()
        received(ann)
        at.session.listening.heard(ann, Paused("nobody", 100))
        (refusal,) = received(ann)
        assert isinstance(refusal, Refused)
        assert refusal.ref == "nobody"


async def test_leaving_in_mid_speech_frees_the_floor() -> None:
    """A vanished microphone does not hold the table."""
    async with table() as at:
        ann, ben = await at.sit("Ann", hears=False), await at.sit("Ben", hears=False)
        at.session.listening.heard(ann, Onset("u1"))
        at.session.say(ben, TextSaid("m1", "Mirelle, good evening"))
        await at.until(lambda: at.bodies(Kind.SAID))
        assert not at.bodies(Kind.LINE_OPENED)
        at.door.leave(ann)
        assert (await at.closed())["state"] == "heard"


async def test_a_listener_that_does_not_read_is_let_go() -> None:
    """Its queue is bounded; the others do not notice."""
    async with table(mind=Mind(["word " * 60])) as at:
        ann, ben = await at.sit("Ann"), await at.sit("Ben", hears=False)
        for _ in range(2000):
            ann.deliver(LinePaused("x"))
        assert ann.overrun
        await at.until(lambda: ann not in at.session.attachments)
        at.session.say(ben, TextSaid("m1", "Mirelle, talk"))
        await at.until(lambda: at.bodies(Kind.SENTENCE))
