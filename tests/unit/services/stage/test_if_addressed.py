"""Asking for an answer to words as if nobody had to ask: whoever is addressed answers, and nobody answers what people say to each other."""

from __future__ import annotations

import pytest

from services.core.model.attachment import Configure, FinalHeard, Onset, Refused, TakeFloor, TextSaid
from services.core.model.fact import Kind
from services.stage.asking import NOBODY_ANSWERS
from services.stage.attachments import Attachment
from services.stage.casting import NOT_ADDRESSED
from services.stage.turns import FLOOR
from tests.unit.services.stage.direction import act
from tests.unit.services.stage.table import Table, received, table

ASKS = Configure(answers=False)
IF_ADDRESSED = TakeFloor("mirelle", if_addressed=True)


def type_and_ask(at: Table, who: Attachment, name: str, text: str) -> None:
    """As a page does: the words, and at once the request for an answer."""
    at.session.say(who, TextSaid(name, text, answers=False))
    at.session.take_floor(who, IF_ADDRESSED)


def refusals(who: Attachment) -> list[str]:
    """Why this one got no answer."""
    return [event.code for event in received(who) if isinstance(event, Refused) and event.ref == FLOOR]


async def test_whoever_is_alone_is_always_answered() -> None:
    """With or without a name."""
    async with table("Mirelle", "Bram") as at:
        ann = await at.sit("Ann", role="player", hears=False)
        type_and_ask(at, ann, "m1", "Good evening.")
        await at.closed()


async def test_what_people_say_to_each_other_is_passed() -> None:
    """A character that is named answers, whoever of them is the client's own."""
    async with table("Mirelle", "Bram") as at:
        ann, bob = await at.sit("Ann", role="player", hears=False), await at.sit("Bob", role="player", hears=False)
        type_and_ask(at, ann, "m1", "Bob, pass the salt.")
        assert (await at.until(lambda: at.bodies(Kind.PASSED)))[0]["reason"] == NOT_ADDRESSED
        assert refusals(ann) == [NOT_ADDRESSED]
        assert at.session.place("").waiting.unasked is None
        type_and_ask(at, bob, "m2", "Bram, who are you?")
        await at.closed()
        assert [body["character"] for body in at.bodies(Kind.LINE_OPENED)] == ["bram"]
        assert refusals(bob) == []


async def test_ones_own_words_decide_whoever_has_spoken_since() -> None:
    """What somebody else threw in between the words and the request is answered along with them."""
    async with table("Mirelle", "Bram") as at:
        ann, bob = await at.sit("Ann", role="player", hears=False), await at.sit("Bob", role="player", hears=False)
        await at.session.say(ann, TextSaid("m1", "Bram, who are you?", answers=False))
        await at.session.say(bob, TextSaid("m2", "Cheers!", answers=False))
        at.session.take_floor(bob, IF_ADDRESSED)
        assert refusals(bob) == [NOT_ADDRESSED]
        assert at.bodies(Kind.PASSED) == []
        at.session.take_floor(ann, IF_ADDRESSED)
        await at.closed()
        (opened,) = at.bodies(Kind.LINE_OPENED)
        assert (opened["character"], opened["answers"]) == ("bram", ann.participant)


async def test_a_room_needs_a_name() -> None:
    """Also behind a key that is held to speak; the room may be alone at the table."""
    async with table("Mirelle", "Bram") as at:
        room = await at.sit("Table", role="player", head_count=4, hears=False, configure=ASKS)
        for number, text in enumerate(("shall we rest here", "bram who are you")):
            at.session.listening.heard(room, Onset(f"u{number}"))
            at.session.listening.heard(room, FinalHeard(f"u{number}", text))
            at.session.take_floor(room, IF_ADDRESSED)
        await at.closed()
        assert [body["reason"] for body in at.bodies(Kind.PASSED)] == [NOT_ADDRESSED]
        assert [body["character"] for body in at.bodies(Kind.LINE_OPENED)] == ["bram"]


async def test_whom_the_speaker_has_picked_answers_whoever_asks_for_it() -> None:
    """Typed, and spoken behind a key: the pick goes before the one who spoke last."""
    async with table("Mirelle", "Bram") as at:
        ann = await at.sit("Ann", role="player", hears=False, configure=ASKS)
        at.session.say(ann, TextSaid("m1", "Mirelle?"))
        await at.closed()
        at.session.say(ann, TextSaid("m2", "What do you see?", answers=False, addresses="bram"))
        at.session.take_floor(ann, TakeFloor())
        await at.closed(2)
        at.session.say(ann, TextSaid("m3", "Mirelle?"))
        await at.closed(3)
        at.session.configure(ann, Configure(addresses="bram"))
        at.session.listening.heard(ann, Onset("u"))
        at.session.listening.heard(ann, FinalHeard("u", "And now?"))
        at.session.take_floor(ann, TakeFloor())
        await at.closed(4)
        assert [body["character"] for body in at.bodies(Kind.LINE_OPENED)] == ["mirelle", "bram", "mirelle", "bram"]


async def test_words_that_another_turn_has_taken_along_are_answered_all_the_same() -> None:
    """Ann holds a key while Bob, hands-free, calls somebody else: his line begins with her words, and hers comes behind it."""
    async with table("Mirelle", "Bram") as at:
        ann = await at.sit("Ann", role="player", hears=False, configure=ASKS)
        bob = await at.sit("Bob", role="player", hears=False)
        at.session.listening.heard(ann, Onset("u"))
        at.session.say(bob, TextSaid("m", "Bram, a story!"))
        at.session.listening.heard(ann, FinalHeard("u", "Mirelle, who are you?"))
        await at.closed()
        at.session.take_floor(ann, IF_ADDRESSED)
        await at.closed(2)
        opened = [(body["character"], body["answers"]) for body in at.bodies(Kind.LINE_OPENED)]
        assert opened == [("bram", bob.participant), ("mirelle", ann.participant)]
        assert refusals(ann) == []


async def test_whoever_has_said_nothing_ends_nobodys_conversation() -> None:
    """A request without words of one's own is refused, and whoever was in conversation still is."""
    async with table("Mirelle", "Bram") as at:
        ann, bob = await at.sit("Ann", role="player", hears=False), await at.sit("Bob", role="player", hears=False)
        at.session.say(bob, TextSaid("m1", "Bram?"))
        await at.closed()
        at.session.take_floor(ann, IF_ADDRESSED)
        assert refusals(ann) == [NOBODY_ANSWERS]
        at.session.say(bob, TextSaid("m2", "And then?"))
        await at.closed(2)
        assert [body["character"] for body in at.bodies(Kind.LINE_OPENED)] == ["bram", "bram"]


@pytest.mark.parametrize("reason", ["no_character", "muted"])
async def test_where_nobody_can_answer_words_are_passed(reason: str) -> None:
    """As they are where nobody has to ask; whoever asked need not ask again."""
    async with table("Mirelle") as at:
        ann = await at.sit("Ann", role="player", hears=False, place="cellar" if reason == "no_character" else "")
        if reason == "muted":
            await act(at, "mute", character="mirelle")
        type_and_ask(at, ann, "m", "Is anybody there?")
        assert (await at.until(lambda: at.bodies(Kind.PASSED)))[0]["reason"] == reason
        assert refusals(ann) == [NOBODY_ANSWERS]


async def test_words_that_never_happened_are_not_asked_about() -> None:
    """A retcon takes them back before their answer is asked for."""
    async with table("Mirelle") as at:
        ann = await at.sit("Ann", role="player", hears=False)
        said = await at.session.say(ann, TextSaid("m", "Mirelle?", answers=False))
        at.session.place("").undo(said.seq - 1)
        at.session.take_floor(ann, IF_ADDRESSED)
        assert refusals(ann) == [NOBODY_ANSWERS]
        assert at.bodies(Kind.LINE_OPENED) == []


async def test_words_that_the_directors_key_has_had_answered_are_not_answered_twice() -> None:
    """The key was quicker than the page."""
    async with table("Mirelle", "Bram") as at:
        ann = await at.sit("Ann", role="player", hears=False)
        at.session.say(ann, TextSaid("m", "Mirelle, who are you?", answers=False))
        await act(at, "next", character="bram")
        await at.closed()
        at.session.take_floor(ann, IF_ADDRESSED)
        assert refusals(ann) == [NOBODY_ANSWERS]
        assert [body["character"] for body in at.bodies(Kind.LINE_OPENED)] == ["bram"]
