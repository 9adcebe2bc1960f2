"""What happens between the moments: cuts, crossings, leavings, endings. No turn and no line may be left over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from services.core.errors import InvalidRequest, Overloaded, SouffleurError, Unavailable
from services.core.model.attachment import (
    AttachOpen,
    CancelLine,
    Configure,
    FinalHeard,
    HeardWord,
    Onset,
    PartialHeard,
    Paused,
    Played,
    Refused,
    TakeFloor,
    TextSaid,
)
from services.core.model.fact import Author, Draft, Fact, Kind
from services.core.model.facts import Joined, fields_of
from services.core.model.principal import Principal
from services.core.settings import Settings, StageSettings
from services.stage.attachments import Attachment
from services.stage.floor import State
from tests.unit.services.stage.table import PREPARING, Mind, Table, received, table

QUICK = Settings(stage=StageSettings(hang_over_s=0.1, speculative_s=0.05, confirm_s=0.15, resume_s=10.0))
LONG = "One two three four five six seven eight nine ten eleven twelve."
POLITE = Configure(interrupts=False)


def _sentence(at: Table) -> int:
    return next(fact.seq for fact in at.log.facts if fact.kind == Kind.SENTENCE)


def _counted(items: list[Any], count: int) -> bool:
    return len(items) == count


async def _correct(at: Table, ann: Attachment) -> None:
    at.session.interrupt_for({_sentence(at): None})


async def _cancel(at: Table, ann: Attachment) -> None:
    at.session.cancel_line(ann, CancelLine())


@pytest.mark.parametrize("stop", [_cancel, _correct])
async def test_who_waits_is_next_when_a_line_is_stopped(stop: Callable[[Table, Attachment], Awaitable[None]]) -> None:
    """Somebody who did not interrupt is answered whatever ended the line before."""
    async with table(mind=Mind([LONG]), ms_per_char=40.0) as at:
        ann, ben = await at.sit("Ann"), await at.sit("Ben", configure=POLITE)
        at.session.say(ann, TextSaid("m1", "Mirelle, count"))
        await at.until(at.speaking)
        at.session.say(ben, TextSaid("m2", "Mirelle, and me?"))
        await stop(at, ann)
        assert (await at.closed())["state"] == "cut"
        await at.until(lambda: len(at.bodies(Kind.LINE_OPENED)) == 2)


async def test_a_cough_does_not_keep_a_line_paused_because_somebody_waits() -> None:
    """The line goes on at once when nothing came of the noise."""
    async with table(mind=Mind([LONG]), settings=QUICK, ms_per_char=10.0) as at:
        ann, ben = await at.sit("Ann"), await at.sit("Ben", configure=POLITE)
        at.session.say(ann, TextSaid("m1", "Mirelle, count"))
        await at.until(at.speaking)
        at.session.say(ben, TextSaid("m2", "Mirelle, and me?"))
        at.session.listening.heard(ann, Onset("u1"))
        assert at.session.place("").floor.state is State.WAVERING
        at.session.listening.heard(ann, FinalHeard("u1", ""))
        assert at.session.place("").floor.state is State.SPEAKING
        assert (await at.closed(2))["state"] == "heard"


async def test_words_outlive_the_line_that_waited_for_them() -> None:
    """A line that is cut before its words are durable does not take them along: they are written, and passed."""
    async with table() as at:
        ann = await at.sit(hears=False)
        at.log.failing = [Unavailable()] * 3
        at.session.say(ann, TextSaid("m1", "Good evening"))
        await at.until(lambda: len(at.log.failing) < 3, "a refused append")
        at.session.cancel_line(ann, CancelLine())
        passed = (await at.until(lambda: at.bodies(Kind.PASSED)))[0]
        assert passed["turn"] == next(fact.seq for fact in at.log.facts if fact.kind == Kind.SAID)
        assert not at.bodies(Kind.LINE_OPENED)


async def test_the_same_message_twice_at_once_is_answered_once() -> None:
    """Sent again before it is durable: one fact, one turn, and nobody is interrupted."""
    async with table() as at:
        ann = await at.sit(hears=False)
        first, second = (at.session.say(ann, TextSaid("m1", "Good evening")) for _ in range(2))
        assert (await first).seq == (await second).seq
        await at.closed()
        assert (len(at.bodies(Kind.SAID)), len(at.bodies(Kind.LINE_OPENED)), at.bodies(Kind.PASSED)) == (1, 1, [])


async def test_who_gives_up_waiting_does_not_take_the_fact_from_others() -> None:
    """A caller that is cancelled cancels its own waiting only."""
    async with table() as at:
        ann = await at.sit(hears=False)
        first, second = (at.session.say(ann, TextSaid("m1", "Good evening", answers=False)) for _ in range(2))
        first.cancel()
        assert (await second).body["text"] == "Good evening"


async def test_a_message_cannot_take_the_place_of_a_line_s_end() -> None:
    """Ids that clients choose are keys of nothing but their own words."""
    async with table(mind=Mind([LONG]), ms_per_char=10.0) as at:
        ann, eve = await at.sit("Ann"), await at.sit("Eve", role="player", configure=POLITE)
        at.session.say(ann, TextSaid("m1", "Mirelle, count"))
        line = (await at.until(lambda: at.bodies(Kind.LINE_OPENED)))[0]["line"]
        at.session.say(eve, TextSaid(f"{line}:close", "Ha", answers=False))
        at.session.say(eve, TextSaid("m1", "The same id is somebody else's", answers=False))
        assert (await at.closed())["line"] == line
        assert [body["text"] for body in at.bodies(Kind.SAID)] == ["Mirelle, count", "Ha", "The same id is somebody else's"]


@pytest.mark.parametrize("message", ["", "x" * 129])
async def test_ids_have_a_limit(message: str) -> None:
    """Refused before anything happens."""
    async with table() as at:
        ann = await at.sit(hears=False)
        with pytest.raises(InvalidRequest):
            at.session.say(ann, TextSaid(message, "Good evening"))
        received(ann)
        at.session.listening.heard(ann, Onset(message))
        assert [value.code for value in received(ann) if isinstance(value, Refused)] == ["invalid_request"]


async def test_a_session_that_is_let_go_leaves_no_turn_open() -> None:
    """Said a moment before, waiting, or never asked for: everything is in the log when closing returns."""
    async with table("Mirelle", mind=Mind([LONG]), ms_per_char=40.0) as at:
        ann, ben = await at.sit("Ann"), await at.sit("Ben", configure=POLITE)
        cid = await at.sit("Cid", place="cellar", hears=False)
        at.session.say(ann, TextSaid("m1", "Mirelle, count"))
        await at.until(at.speaking)
        waiting = at.session.say(ben, TextSaid("m2", "Mirelle, and me?"))
        unasked = at.session.say(cid, TextSaid("m3", "Dark here", answers=False))
        await at.session.close("shutdown")
        assert (await at.closed())["reason"] == "shutdown"
        assert {(body["turn"], body["reason"]) for body in at.bodies(Kind.PASSED)} == {(future.result().seq, "shutdown") for future in (waiting, unasked)}
        assert not at.session.roster.unanswered
        assert not at.session.roster.open_lines
        with pytest.raises(Unavailable):
            await at.session.say(ann, TextSaid("m4", "Too late", answers=False))


async def test_two_turns_that_wait_for_their_words_are_each_passed_once() -> None:
    """Closing at once, before anything is durable."""
    async with table() as at:
        ann = await at.sit(hears=False)
        at.session.say(ann, TextSaid("m1", "Good evening"))
        at.session.say(ann, TextSaid("m2", "Good evening, I said"))
        await at.session.close("shutdown")
        said = [fact.seq for fact in at.log.facts if fact.kind == Kind.SAID]
        assert sorted(body["turn"] for body in at.bodies(Kind.PASSED)) == said


async def test_a_cut_asks_whoever_cut() -> None:
    """Somebody who made a noise and left has no say in how much was heard of a line that a correction cuts."""
    async with table(mind=Mind([LONG]), settings=QUICK, ms_per_char=40.0) as at:
        ann, ben = await at.sit("Ann", reports_playback=True), await at.sit("Ben")
        at.session.say(ben, TextSaid("m1", "Mirelle, count"))
        await at.until(at.speaking)
        at.session.listening.heard(ann, Onset("u1"))
        at.session.listening.heard(ann, FinalHeard("u1", ""))
        at.door.leave(ann)
        await at.until(lambda: at.heard()[1])
        at.session.interrupt_for({_sentence(at): None})
        closed = await at.closed()
        assert (closed["reason"], closed["basis"]) == ("corrected", "estimated")
        assert closed["offset"] > 0


async def test_a_prepared_reply_that_nobody_takes_is_stopped() -> None:
    """Words that turn out to be for nobody end the reply that was prepared, and the next one can be prepared."""
    async with table(mind=Mind(gate=asyncio.Event()), settings=PREPARING) as at:
        ann, _ = await at.sit("Ann", hears=False), await at.sit("Ben", hears=False)
        for number in (1, 2):
            at.session.listening.heard(ann, Onset(f"u{number}"))
            at.session.listening.heard(ann, PartialHeard(f"u{number}", "Mirelle is"))
            at.session.listening.heard(ann, Paused(f"u{number}", 20))
            await at.until(partial(_counted, at.mind.requests, number))
            at.session.listening.heard(ann, FinalHeard(f"u{number}", "Many are here"))
            await at.until(lambda: at.mind.stopped == len(at.mind.requests))
        assert not at.bodies(Kind.LINE_OPENED)


async def test_a_character_that_has_gone_elsewhere_does_not_hold_the_floor() -> None:
    """A turn that waited for it is passed, and the next one is answered."""
    async with table("Mirelle", "Bram", mind=Mind([LONG]), ms_per_char=10.0) as at:
        ann, ben = await at.sit("Ann"), await at.sit("Ben", configure=POLITE)
        at.session.say(ann, TextSaid("m1", "Mirelle, count"))
        await at.until(at.speaking)
        at.session.say(ben, TextSaid("m2", "Bram, and you?"))
        moved = fields_of(Joined(member="bram", role="character", name="Bram"))
        await at.session.write(Draft(key="moved", kind=Kind.JOINED, at_ms=0, by=Author("director"), place="cellar", body=moved))
        assert (await at.until(lambda: at.bodies(Kind.PASSED)))[0]["reason"] == "no_character"
        at.session.say(ann, TextSaid("m3", "Mirelle, again"))
        assert (await at.closed(2))["state"] == "heard"


async def test_a_line_ends_where_it_began() -> None:
    """A character that is moved while it speaks gives back the floor it was given."""
    async with table(mind=Mind([LONG]), ms_per_char=5.0) as at:
        ann = await at.sit("Ann")
        at.session.say(ann, TextSaid("m1", "Mirelle, count"))
        await at.until(at.speaking)
        moved = fields_of(Joined(member="mirelle", role="character", name="Mirelle"))
        await at.session.write(Draft(key="moved", kind=Kind.JOINED, at_ms=0, by=Author("director"), place="cellar", body=moved))
        await at.closed()
        await at.until(lambda: at.session.place("").floor.state is State.IDLE)


async def test_push_to_talk_does_not_hold_the_table_for_ever() -> None:
    """After the longest utterance the others are answered, though the button is still held."""
    settings = Settings(stage=StageSettings(longest_utterance_s=2.0))
    async with table(settings=settings) as at:
        ann, ben = await at.sit("Ann", configure=Configure(answers=False, interrupts=False)), await at.sit("Ben", hears=False)
        at.session.listening.heard(ann, Onset("u1", manual=True))
        at.session.say(ben, TextSaid("m1", "Mirelle, good evening"))
        await at.until(lambda: at.bodies(Kind.SAID))
        assert not at.bodies(Kind.LINE_OPENED)
        assert (await at.closed())["state"] == "heard"
        at.session.listening.heard(ann, FinalHeard("u1", "Still here"))
        await at.until(lambda: len(at.bodies(Kind.SAID)) == 2)


async def test_who_asked_is_told_when_somebody_else_was_quicker() -> None:
    """A request for the floor that other words overtook is not left without an answer."""
    async with table() as at:
        ann, ben = await at.sit("Ann", hears=False), await at.sit("Ben", hears=False)
        at.session.listening.heard(ben, Onset("u1"))
        at.session.take_floor(ann, TakeFloor())
        received(ann)
        at.session.listening.heard(ben, FinalHeard("u1", "Mirelle, good evening"))
        refusals = [value for value in received(ann) if isinstance(value, Refused)]
        assert [(refusal.code, refusal.ref) for refusal in refusals] == [("conflict", "take_floor")]
        await at.closed()
        assert at.bodies(Kind.LINE_OPENED)[0]["answers"] == ben.participant


async def test_words_while_a_request_waits_are_part_of_what_is_answered() -> None:
    """Table talk between the request and its line is named by the line: it is no turn of its own that nobody ends."""
    async with table() as at:
        ann, ben, cid = [await at.sit(name, hears=False) for name in ("Ann", "Ben", "Cid")]
        at.session.listening.heard(cid, Onset("u1"))
        at.session.take_floor(ann, TakeFloor())
        said = at.session.say(ben, TextSaid("m1", "What do we do?"))
        at.session.listening.heard(cid, FinalHeard("u1", ""))
        await at.closed()
        assert at.bodies(Kind.LINE_OPENED)[0]["turn"] == (await said).seq
        assert not at.bodies(Kind.PASSED)


async def test_a_long_past_is_sent_whole() -> None:
    """A newcomer to a session of many facts gets every one of them, once and in order."""
    async with table() as at:
        ann = await at.sit("Ann", hears=False)
        for number in range(1500):
            await at.session.say(ann, TextSaid(f"m{number}", "and", answers=False))
        ben = await at.sit("Ben", hears=False)
        last = at.session.say(ann, TextSaid("last", "so on", answers=False))
        await last
        facts: list[int] = []
        while not facts or facts[-1] < last.result().seq:
            value = await ben.next()
            assert value is not None
            if isinstance(value, Fact):
                facts.append(value.seq)
        assert facts == list(range(1, last.result().seq + 1))
        assert not ben.overrun


async def test_a_reconnected_reader_gets_each_fact_once() -> None:
    """Facts that come while the backlog is read stand behind it."""
    async with table() as at:
        ann = await at.sit("Ann", hears=False)
        said = [await at.session.say(ann, TextSaid(f"m{number}", "and", answers=False)) for number in range(3)]
        joining = asyncio.create_task(at.sit("Ben", hears=False, after_seq=said[1].seq))
        late = await at.session.say(ann, TextSaid("late", "so on", answers=False))
        ben = await joining
        seqs = [value.seq for value in [*ben._backlog, *received(ben)] if isinstance(value, Fact)]
        assert seqs == list(range(said[2].seq, max(seqs) + 1))
        assert late.seq in seqs


async def test_a_store_that_cannot_keep_up_turns_the_outside_away_only() -> None:
    """Words are refused, by a typed error; what is open is still closed."""
    async with table(mind=Mind([LONG]), ms_per_char=40.0) as at:
        ann = await at.sit("Ann")
        at.session.say(ann, TextSaid("m", "Count"))
        await at.until(at.speaking)
        at.log.failing = [Unavailable()] * 3
        number = 0
        while not at.session.writer.full:
            at.session.say(ann, TextSaid(f"m{(number := number + 1)}", "and", answers=False))
        assert number < 1000
        with pytest.raises(Overloaded):
            at.session.say(ann, TextSaid("one more", "and", answers=False))
        at.session.listening.heard(ann, Onset("u1"))
        at.session.listening.heard(ann, FinalHeard("u1", "And now?"))
        assert [value.ref for value in received(ann) if isinstance(value, Refused)] == ["u1"]
        assert (await at.closed())["state"] == "cut"
        assert not at.lost


async def test_a_session_that_cannot_be_written_does_not_look_alive() -> None:
    """Something unforeseen under the writer gives the session up instead of leaving everybody waiting."""
    async with table() as at:
        ann = await at.sit("Ann", hears=False)

        def broken(fact: Fact) -> None:
            raise RuntimeError("unforeseen")

        at.session.announce = broken
        with pytest.raises(Unavailable):
            await at.session.say(ann, TextSaid("m1", "Good evening", answers=False))
        assert [type(error) for error in at.lost] == [Unavailable]


async def test_a_card_of_any_shape_is_no_reason_to_fail() -> None:
    """Fields of the wrong type fall back to their defaults."""
    async with table() as at:
        ann = await at.sit("Ann")
        for number, extensions in enumerate(([], "x", {"souffleur": [], "talkativeness": {}}, {"souffleur": {"voice": [], "language": 5}})):
            body = fields_of(Joined(member="mirelle", role="character", name="Mirelle", card={"extensions": extensions, "nickname": 5}))
            await at.session.write(Draft(key=f"again{number}", kind=Kind.JOINED, at_ms=0, by=Author("director"), body=body))
            at.session.say(ann, TextSaid(f"m{number}", "Good evening"))
            assert (await at.closed(number + 1))["state"] == "heard"


async def test_numbers_that_are_none_are_left_out() -> None:
    """A recogniser's confidence is a share or nothing, and its words do not go on for ever."""
    async with table() as at:
        ann = await at.sit("Ann", hears=False)
        at.session.listening.heard(ann, Onset("u1"))
        words = tuple(HeardWord("x" * 500, 0.0, 0.1, float("nan")) for _ in range(2000))
        at.session.listening.heard(ann, FinalHeard("u1", "Good evening", words, float("inf")))
        said = (await at.until(lambda: at.bodies(Kind.SAID)))[0]
        assert (said["confidence"], len(said["words"]), said["words"][0]) == (None, 1000, ["x" * 100, 0.0, 0.1, None])


@pytest.mark.parametrize("options", [{"hang_over_s": float("nan")}, {"hang_over_s": -1.0}, {"hang_over_s": 1e9}, {"endpointing": "psychic"}])
async def test_turn_settings_have_limits(options: dict[str, Any]) -> None:
    """At the door and later."""
    async with table() as at:
        ann = await at.sit("Ann")
        with pytest.raises(InvalidRequest):
            ann.configure(Configure(**options))
        with pytest.raises(InvalidRequest):
            await at.door.enter(AttachOpen(session="s", principal=Principal("x", "player"), configure=Configure(**options)))


@pytest.mark.parametrize("event", [Played("", -5), Played("x", 2**31 - 1), CancelLine("x"), Paused("u", 5)])
async def test_news_about_nothing_changes_nothing(event: Any) -> None:
    """Reports and requests about lines and utterances that are not there."""
    async with table() as at:
        ann = await at.sit("Ann")
        if isinstance(event, Played):
            at.session.played(ann, event)
            assert not ann.played_ms
        elif isinstance(event, CancelLine):
            at.session.cancel_line(ann, event)
        else:
            at.session.listening.heard(ann, event)
        assert at.session.place("").floor.state is State.IDLE


async def test_a_principal_without_an_id_is_nobody() -> None:
    """It may be no member, least of all a character."""
    async with table() as at:
        nobody = (await at.door.enter(AttachOpen(session="s", principal=Principal("", "player"))))[0]
        director = await at.sit("Ann")
        for attachment in (nobody, director):
            with pytest.raises(SouffleurError):
                at.session.say(attachment, TextSaid("m1", "I am the inn", speaker="mirelle"))


async def test_words_that_join_a_turn_that_was_passed_before_are_passed_as_well() -> None:
    """A reply that was refused is to be given anew, more is said meanwhile, and then nobody may speak: that is another end than the first."""
    async with table() as at:
        ann = await at.sit("Ann", hears=False)
        first, second = (at.session.say(ann, TextSaid(name, "Hm.", answers=False)) for name in ("m1", "m2"))
        assert at.session.place("").waiting.heard_by(ann.participant) is not None
        await first
        await second
        for last, reason in ((first, "stopped"), (second, "muted"), (second, "muted")):
            at.session.place("").waiting.pass_over(first, last, reason)
        await at.until(lambda: not at.session.roster.unanswered)
        assert [body["reason"] for body in at.bodies(Kind.PASSED)] == ["stopped", "muted"]
