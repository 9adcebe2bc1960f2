"""The director's own voice as a character's: nobody has the words from the director, and what is whispered so is a whisper."""

from __future__ import annotations

import pytest

from services.core.errors import NotFound
from services.core.model.attachment import Configure, FinalHeard, Onset, PartialHeard, PartialShown, Refused, SpeechSeen
from services.core.model.fact import Fact, Kind
from services.stage.attachments import Attachment
from tests.unit.services.stage.direction import act, type_in
from tests.unit.services.stage.table import Mind, Table, received, table

AS_MIRELLE = Configure(speaks="mirelle", interrupts=False)


def shown(listener: Attachment) -> list[tuple[str, object]]:
    """Who was shown to speak, and which words of an utterance."""
    values = [value for value in received(listener) if isinstance(value, PartialShown | SpeechSeen)]
    return [(value.participant, value.text if isinstance(value, PartialShown) else value.speaking) for value in values]


def speak(at: Table, who: Attachment, utterance: str, text: str) -> None:
    hear = at.session.listening.heard
    hear(who, Onset(utterance))
    hear(who, PartialHeard(utterance, text))
    hear(who, FinalHeard(utterance, text))


async def line_of(at: Table, count: int = 1) -> tuple[Fact, dict[str, object]]:
    """The `line_opened` of the last of so many lines, and how it was closed."""
    closed = await at.closed(count)
    opened = [fact for fact in at.log.facts if fact.kind == Kind.LINE_OPENED]
    return opened[count - 1], closed


async def test_players_are_not_shown_the_words_under_the_directors_name() -> None:
    """Neither what is being said nor that the director says it; whoever watches the desk is shown both, and narration is as before."""
    async with table() as at:
        ann, gm, desk = await at.sit("Ann", role="player"), await at.sit("GM"), await at.sit("Eve", monitor=True)
        at.session.configure(gm, AS_MIRELLE)
        speak(at, gm, "u1", "welcome all of you")
        await at.closed()
        assert shown(ann) == []
        assert shown(desk) == [(gm.participant, told) for told in (True, "welcome all of you", False)]
        at.session.configure(gm, Configure(speaks="narrator"))
        speak(at, gm, "u2", "night falls")
        assert shown(ann) == [(gm.participant, told) for told in (True, "night falls", False)]


async def test_whoever_goes_over_to_another_voice_leaves_nobody_waiting_for_the_end() -> None:
    """What was begun as a character is the character's; who was shown to begin is shown to end."""
    async with table() as at:
        ann, gm = await at.sit("Ann", role="player"), await at.sit("GM")
        hear = at.session.listening.heard
        hear(gm, Onset("u1"))
        at.session.configure(gm, AS_MIRELLE)
        hear(gm, Onset("u2"))
        at.session.configure(gm, Configure(speaks=""))
        hear(gm, PartialHeard("u2", "leave"))
        hear(gm, FinalHeard("u1", ""))
        hear(gm, FinalHeard("u2", "leave now"))
        opened, _ = await line_of(at)
        assert (opened.body["mode"], at.mind.requests[-1].script, at.bodies(Kind.SAID)) == ("puppet", "leave now", [])
        assert shown(ann) == [(gm.participant, True), (gm.participant, False)]


async def test_the_directors_whisper_as_a_character_is_a_whisper() -> None:
    """To those who are where the character is; the director need not be there."""
    async with table() as at:
        ann, bob = await at.sit("Ann", role="player"), await at.sit("Bob", role="player")
        for number, place in enumerate(("", "cellar"), 1):
            gm = await at.sit(f"GM{number}", place=place)
            at.session.configure(gm, AS_MIRELLE)
            at.session.configure(gm, Configure(whispers=ann.participant))
            received(bob)
            speak(at, gm, f"u{number}", "the wine is poisoned")
            opened, closed = await line_of(at, number)
            hearers = {ann.participant, "mirelle", *([gm.participant] if place == "" else [])}
            assert (set(opened.audience or ()), opened.body["whispered"], closed["state"]) == (hearers, True, "heard")
            assert all(set(fact.audience or ()) == hearers for fact in at.log.facts if fact.body.get("line") == opened.body["line"])
            assert [value for value in received(bob) if getattr(value, "kind", "") != Kind.JOINED] == []


@pytest.mark.parametrize("whispers", ["mirelle", "nobody", "cleo"])
async def test_a_characters_whisper_to_nobody_is_not_said_aloud(whispers: str) -> None:
    """It is refused: to itself, to nobody, to somebody who is elsewhere."""
    async with table() as at:
        gm, cleo = await at.sit("GM"), await at.sit("Cleo", role="player", place="cellar")
        at.session.configure(gm, AS_MIRELLE)
        at.session.configure(gm, Configure(whispers=cleo.participant if whispers == "cleo" else whispers))
        received(gm)
        speak(at, gm, "u1", "the wine is poisoned")
        assert [value.code for value in received(gm) if isinstance(value, Refused)] == [NotFound.code]
        await at.session.writer.caught_up()
        assert at.mind.requests == []


@pytest.mark.parametrize("asks", ["Ann", "Bob"])
async def test_a_whispered_script_answers_whoever_hears_it_and_stays_a_whisper(asks: str) -> None:
    """Somebody else's question aloud is answered by the character itself, afterwards."""
    async with table(mind=Mind(["One two three four five."]), ms_per_char=20.0) as at:
        people = {name: await at.sit(name, role="player") for name in ("Ann", "Bob")}
        gm = await at.sit("GM")
        at.session.configure(gm, Configure(speaks="mirelle", interrupts=False, whispers=people["Ann"].participant))
        await act(at, "puppet", character="mirelle", text="Listen, everybody.")
        await at.until(at.speaking)
        people[asks].configure(Configure(interrupts=False))
        turn = await type_in(at, people[asks], "Mirelle, is it safe?")
        speak(at, gm, "u1", "the wine is poisoned")
        opened = await at.until(lambda: [body for body in at.bodies(Kind.LINE_OPENED)[1:] if body["turn"] == turn], timeout_s=20.0)
        assert [body["whispered"] for body in opened] == [asks == "Ann"]
        whispered = next(fact for fact in at.log.facts if fact.kind == Kind.LINE_OPENED and fact.body["whispered"])
        assert set(whispered.audience or ()) == {people["Ann"].participant, gm.participant, "mirelle"}
