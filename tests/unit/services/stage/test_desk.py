"""The director's live acts: what they do at once, and what stands in the transcript of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.core.errors import Conflict, Forbidden, InvalidRequest, NotFound, SouffleurError
from services.core.model.attachment import Configure, FinalHeard, LineFlushed, Onset, TextSaid
from services.core.model.desk import DeskShown
from services.core.model.fact import Kind
from services.core.model.principal import Principal
from tests.unit.services.stage.direction import OPERATOR, act, approving, type_in
from tests.unit.services.stage.table import Mind, received, table


async def test_a_director_who_watches_is_not_there() -> None:
    """No member joins, and a player may not watch like that."""
    async with table() as at:
        await at.sit("GM", monitor=True)
        assert [body["member"] for body in at.bodies(Kind.JOINED)] == ["mirelle"]
        with pytest.raises(Forbidden):
            await at.sit("Eve", role="player", monitor=True)


async def test_an_operator_may_do_nothing_else() -> None:
    """And a player nothing at all."""
    async with table() as at:
        for kind in ("halt", "mute", "puppet", "mode", "hold"):
            with pytest.raises(Forbidden):
                await act(at, kind, OPERATOR)
        with pytest.raises(Forbidden):
            await act(at, "release", Principal("id-Ann", "player"))


async def test_panic_silences_everybody_before_it_is_durable() -> None:
    """Even with the store away; one act resumes."""
    async with table("Mirelle", "Bram", ms_per_char=30) as at:
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        await at.until(at.speaking)
        received(ann)
        halting = asyncio.create_task(act(at, "halt"))
        await asyncio.sleep(0)
        assert any(isinstance(value, LineFlushed) for value in received(ann))
        await halting
        assert (await at.closed())["reason"] == "halted"
        await type_in(at, ann, "Anybody?")
        await at.until(lambda: at.bodies(Kind.PASSED))
        with pytest.raises(Conflict):
            await act(at, "puppet", character="bram", text="Hello.")
        await act(at, "resume")
        await type_in(at, ann, "Now?")
        await at.until(at.speaking)
        assert [(body["on"], body["character"]) for body in at.bodies(Kind.SILENCED)] == [(True, ""), (False, "")]


async def test_a_muted_character_says_nothing_and_others_do() -> None:
    """Mute is for one."""
    async with table("Mirelle", "Bram") as at:
        ann = await at.sit("Ann", role="player", hears=False)
        await act(at, "mute", character="mirelle")
        assert at.session.desk.shown().muted == ("mirelle",)
        await type_in(at, ann, "Mirelle, are you there?")
        await at.closed()
        assert at.bodies(Kind.LINE_OPENED)[0]["character"] == "bram"
        await act(at, "unmute", character="mirelle")
        await type_in(at, ann, "Mirelle?")
        await at.closed(2)
        assert at.bodies(Kind.LINE_OPENED)[1]["character"] == "mirelle"
        with pytest.raises(NotFound):
            await act(at, "mute", character="nobody")


async def test_a_puppet_says_what_the_director_gives_it() -> None:
    """In the character's voice, by the director's hand; it answers whoever was waiting for that character."""
    async with table() as at:
        ann = await at.sit("Ann", role="player", hears=False)
        at.mind.sentences = ["The cellar is closed."]
        await act(at, "puppet", character="mirelle", text="The cellar is closed.")
        await at.closed()
        opened = next(fact for fact in at.log.facts if fact.kind == Kind.LINE_OPENED)
        assert (opened.by.role, opened.body["mode"], opened.body["character"]) == ("director", "puppet", "mirelle")
        assert at.mind.requests[-1].script == "The cellar is closed."
        received(ann)


async def test_the_directors_microphone_speaks_as_a_character_or_as_narrator() -> None:
    """Their words are a character's line, or narration that nobody answers."""
    async with table() as at:
        gm = await at.sit("GM", monitor=True, configure=Configure(speaks="mirelle"))
        at.session.listening.heard(gm, Onset("u1"))
        at.session.listening.heard(gm, FinalHeard("u1", "Welcome, all of you."))
        await at.closed()
        assert at.mind.requests[-1].script == "Welcome, all of you."
        gm.configure(Configure(speaks="narrator"))
        at.session.listening.heard(gm, Onset("u2"))
        at.session.listening.heard(gm, FinalHeard("u2", "Night falls."))
        await at.until(lambda: at.bodies(Kind.SAID))
        told = next(fact for fact in at.log.facts if fact.kind == Kind.SAID)
        assert (told.body["source"], told.by.role) == ("narrated", "director")
        assert len(at.bodies(Kind.LINE_OPENED)) == 1
        assert at.session.place("").waiting.unasked is None


async def test_the_director_says_who_speaks_next() -> None:
    """At once where the floor is free, else in the next turn."""
    async with table("Mirelle", "Bram") as at:
        ann = await at.sit("Ann", role="player", hears=False)
        await act(at, "next", character="bram")
        await at.closed()
        assert at.bodies(Kind.LINE_OPENED)[0]["character"] == "bram"
        await at.sit("Ben", role="player", hears=False)
        at.session.listening.heard(ann, Onset("u"))
        await act(at, "next", character="mirelle")
        assert at.session.desk.shown().next == {"": "mirelle"}
        at.session.listening.heard(ann, FinalHeard("u", "What a night."))
        await at.closed(2)
        assert at.bodies(Kind.LINE_OPENED)[1]["character"] == "mirelle"
        assert at.session.desk.shown().next == {}


async def test_who_is_called_speaks_before_whose_turn_it_is() -> None:
    """The director's choice is for the next words that call nobody."""
    async with table("Mirelle", "Bram", mind=Mind(["One two three four five six seven eight."]), ms_per_char=60.0) as at:
        ann = await at.sit("Ann", role="player")
        await at.sit("Ben", role="player", hears=False)
        at.session.say(ann, TextSaid("m1", "Mirelle, count."))
        await at.until(at.speaking)
        await act(at, "next", character="bram")
        at.session.say(ann, TextSaid("m2", "Mirelle, wait!"))
        await at.until(lambda: len(at.bodies(Kind.LINE_OPENED)) == 2)
        assert at.session.desk.shown().next == {"": "bram"}
        at.session.say(ann, TextSaid("m3", "And now?"))
        await at.until(lambda: len(at.bodies(Kind.LINE_OPENED)) == 3)
        assert [body["character"] for body in at.bodies(Kind.LINE_OPENED)] == ["mirelle", "mirelle", "bram"]
        assert at.session.desk.shown().next == {}


async def test_a_line_of_the_past_is_taken_again() -> None:
    """The old one is struck, the new one knows how it is to be."""
    async with table() as at:
        ann = await at.sit("Ann", role="player", hears=False)
        await type_in(at, ann)
        first = (await at.closed())["line"]
        await act(at, "retake", line=first, direction="angrier")
        await at.closed(2)
        opened = at.bodies(Kind.LINE_OPENED)[1]
        assert opened["retakes"] == first
        assert "angrier" in at.mind.requests[-1].options.notes[0]
        assert len(at.bodies(Kind.STRUCK)) == 1


async def test_a_teleprompted_line_has_no_voice() -> None:
    """It is for the director to read out; as text it counts as delivered."""
    async with table() as at:
        ann = await at.sit("Ann", role="player")
        await act(at, "deliver", character="mirelle", text="teleprompter")
        await type_in(at, ann)
        closed = await at.closed()
        assert (closed["state"], closed["basis"]) == ("heard", "delivered")
        assert at.bodies(Kind.LINE_OPENED)[0]["delivery"] == "teleprompter"


@pytest.mark.parametrize(
    ("kind", "options", "error"),
    [
        ("dance", {}, InvalidRequest),
        ("mode", {"text": "sometimes"}, InvalidRequest),
        ("mode", {"text": "inherit"}, InvalidRequest),
        ("deliver", {"text": "mail", "character": "mirelle"}, InvalidRequest),
        ("puppet", {"character": "mirelle", "text": "  "}, InvalidRequest),
        ("puppet", {"character": "nobody", "text": "x"}, NotFound),
        ("puppet", {"character": "mirelle", "text": "x" * 5000}, InvalidRequest),
        ("release", {"line": "nothing"}, NotFound),
        ("hold", {}, NotFound),
        ("stop", {}, NotFound),
        ("retake", {"line": "nothing"}, NotFound),
    ],
)
async def test_an_act_that_makes_no_sense_changes_nothing(kind: str, options: dict[str, Any], error: type[SouffleurError]) -> None:
    """A typed error, no fact."""
    async with table() as at:
        facts = len(at.log.facts)
        with pytest.raises(error):
            await act(at, kind, **options)
        assert len(at.log.facts) == facts


async def test_everybody_who_oversees_sees_the_desk_and_nobody_else() -> None:
    """Shown on coming in and whenever it changes."""
    async with table() as at:
        gm, ann = await at.sit("GM", monitor=True), await at.sit("Ann", role="player")
        await approving(at)
        shown: list[Any] = [value for value in received(gm) if isinstance(value, DeskShown)]
        assert shown[0].mode == "auto"
        assert shown[-1].mode == "approve"
        assert not any(isinstance(value, DeskShown) for value in received(ann))
