"""Asking a character to speak, where lines wait for approval or the director has chosen who is next."""

from __future__ import annotations

import pytest

from services.core.errors import Conflict
from services.core.model.attachment import Configure, FinalHeard, Onset, Refused, TakeFloor, TextSaid
from services.core.model.fact import Author, Draft, Kind
from services.core.model.facts import Left, fields_of
from services.stage.attachments import Attachment
from tests.unit.services.stage.direction import act, approving, held, type_in
from tests.unit.services.stage.table import Mind, Table, received, table


async def test_whoever_waits_for_a_draft_asks_for_no_other_one() -> None:
    """Nobody clears the desk or runs up costs by asking; somebody else may ask as well, once."""
    async with table() as at:
        await approving(at)
        ann, bob = await at.sit("Ann", role="player", hears=False), await at.sit("Bob", role="player", hears=False)
        await type_in(at, ann, "Mirelle?")
        first = await held(at)
        with pytest.raises(Conflict, match="open already"):
            at.session.take_floor(ann, TakeFloor("mirelle"))
        at.session.take_floor(bob, TakeFloor("mirelle"))
        for _ in range(20):
            with pytest.raises(Conflict, match="open already"):
                at.session.take_floor(bob, TakeFloor("mirelle"))
        await held(at, 2)
        assert len(at.mind.requests) == 2
        assert at.session.place("").approval.has(first)
        await act(at, "reject", line=first)
        await at.until(lambda: len(at.session.desk.shown().held) == 2)


async def test_a_draft_that_was_released_and_heard_is_no_reason_to_wait() -> None:
    """The next one may be asked for."""
    async with table() as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", hears=False)
        await type_in(at, ann)
        await act(at, "release", line=await held(at))
        await at.closed()
        at.session.take_floor(ann, TakeFloor("mirelle"))
        await held(at)


async def test_words_that_cut_a_line_before_it_began_are_answered_by_it() -> None:
    """Asked to speak, and spoken to before anything of the line stands: the same request answers the words. Otherwise nobody ever would."""
    async with table() as at:
        ann = await at.sit("Ann", role="player", hears=False)
        at.session.take_floor(ann, TakeFloor("mirelle"))
        written = at.session.say(ann, TextSaid("m1", "Good evening.", answers=False))
        said = await written
        await at.closed()
        (opened,) = at.bodies(Kind.LINE_OPENED)
        assert (opened["character"], opened["turn"]) == ("mirelle", said.seq)


async def test_whoever_asked_for_a_line_that_is_stopped_before_it_began_is_told() -> None:
    """And may ask again."""
    async with table() as at:
        ann = await at.sit("Ann", role="player", hears=False)
        at.session.take_floor(ann, TakeFloor("mirelle"))
        await act(at, "halt")
        refused = [event for event in received(ann) if isinstance(event, Refused)]
        assert [event.code for event in refused] == ["unavailable"]
        await act(at, "resume")
        at.session.take_floor(ann, TakeFloor("mirelle"))
        await at.closed()


async def _bram_is_next(at: Table) -> Attachment:
    """A client that decides itself when it is answered; the director chooses while it speaks."""
    ann = await at.sit("Ann", role="player", hears=False, configure=Configure(answers=False))
    at.session.listening.heard(ann, Onset("u"))
    await act(at, "next", character="bram")
    assert at.session.desk.shown().next == {"": "bram"}
    at.session.listening.heard(ann, FinalHeard("u", "What a night."))
    return ann


@pytest.mark.parametrize("asked", ["", "mirelle"])
async def test_whom_the_director_has_chosen_answers_whoever_asks(asked: str) -> None:
    """Also where the client asks for the answer; then the choice is spent."""
    async with table("Mirelle", "Bram") as at:
        ann = await _bram_is_next(at)
        at.session.take_floor(ann, TakeFloor(asked))
        assert at.session.desk.shown().next == {}
        await at.closed()
        assert at.bodies(Kind.LINE_OPENED)[0]["character"] == "bram"


async def test_the_choice_stands_until_the_chosen_one_answers() -> None:
    """Words that are meant for somebody else are answered by that one."""
    async with table("Mirelle", "Bram") as at:
        ann = await _bram_is_next(at)
        at.session.say(ann, TextSaid("m1", "And you?", addresses="mirelle"))
        await at.closed()
        assert at.session.desk.shown().next == {"": "bram"}
        at.session.say(ann, TextSaid("m2", "Well?"))
        await at.closed(2)
        assert at.session.desk.shown().next == {}
        assert [body["character"] for body in at.bodies(Kind.LINE_OPENED)] == ["mirelle", "bram"]


@pytest.mark.parametrize("gone", [False, True])
async def test_nobody_is_next_who_cannot_speak(*, gone: bool) -> None:
    """The director is told, and the words that wait go on waiting."""
    async with table("Mirelle", "Bram") as at:
        ann = await at.sit("Ann", role="player", hears=False)
        if gone:
            body = fields_of(Left(member="bram"))
            await at.session.write(Draft(key="left", kind=Kind.LEFT, at_ms=0, by=Author("director"), body=body))
        else:
            await act(at, "mute", character="bram")
        await at.session.say(ann, TextSaid("m", "Well?", answers=False))
        with pytest.raises(Conflict):
            await act(at, "next", character="bram")
        assert at.session.place("").waiting.unasked is not None
        assert at.bodies(Kind.PASSED) == []
        assert at.session.desk.shown().next == {}


@pytest.mark.parametrize("kind", ["halt", "mute"])
async def test_whoever_asked_for_a_line_that_is_silenced_while_it_waits_is_told(kind: str) -> None:
    """There are no words that could be passed: without this they would wait for ever."""
    async with table(mind=Mind(["One two three four five six seven."]), ms_per_char=40.0) as at:
        ann, bob = await at.sit("Ann", role="player"), await at.sit("Bob", role="player")
        await type_in(at, ann, "Mirelle?")
        await at.until(at.speaking)
        received(bob)
        at.session.take_floor(bob, TakeFloor("mirelle"))
        await act(at, kind, character="" if kind == "halt" else "mirelle")
        assert [value.code for value in received(bob) if isinstance(value, Refused)] == ["unavailable"]
