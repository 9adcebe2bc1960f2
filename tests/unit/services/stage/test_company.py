"""Several people and characters: going on with the one who answered, speaking up after a silence, going elsewhere."""

from __future__ import annotations

import asyncio

import pytest

from services.core.errors import InvalidRequest, NotFound
from services.core.model.attachment import CancelLine, Configure, LineAudio, Onset, Played
from services.core.model.fact import Kind
from services.core.settings import Settings, StageSettings
from services.stage.attachments import Attachment
from services.stage.floor import Event
from services.stage.roster import OpenWords
from tests.unit.services.stage.direction import act, type_in
from tests.unit.services.stage.table import Mind, Table, received, table
from tests.waiting import until


def _settings(**stage: object) -> Settings:
    return Settings(stage=StageSettings.model_validate(stage))


def _sounding(listener: Attachment) -> set[str]:
    """Lines whose sound waits to be sent."""
    return {value.line for value in list(listener._queue._queue) if isinstance(value, LineAudio)}  # type: ignore[attr-defined]


async def _polite(at: Table, *names: str) -> list[Attachment]:
    """They sit where voices may overlap, and interrupt nobody."""
    found = [await at.sit(name) for name in names]
    for someone in found:
        someone.configure(Configure(interrupts=False))
    await act(at, "voices", text="many")
    return found


async def test_who_was_just_answered_goes_on_without_a_name() -> None:
    """Within the window, and not the others; nor after they have begun to talk to each other."""
    async with table("Mirelle", "Bram", settings=_settings(address_window_s=30)) as at:
        ann, bob = await at.sit("Ann", hears=False), await at.sit("Bob", hears=False)
        await type_in(at, ann, "Bram, who are you?")
        await at.closed()
        await type_in(at, ann, "And where do you come from?")
        await at.closed(2)
        await type_in(at, ann, "Bob, do you believe him?")
        await type_in(at, bob, "Not a word.")
        await type_in(at, ann, "Neither do I.")
        await at.until(lambda: len(at.bodies(Kind.PASSED)) == 3)
        assert [body["character"] for body in at.bodies(Kind.LINE_OPENED)] == ["bram", "bram"]


async def test_two_who_call_two_are_both_answered() -> None:
    """By the one that each has called, one after the other; what one of them adds meanwhile is answered with it."""
    gate = asyncio.Event()
    async with table("Mirelle", "Bram", "Quill", mind=Mind(["Yes."], gate=gate)) as at:
        ann, bob, cleo = [await at.sit(name, hears=False) for name in ("Ann", "Bob", "Cleo")]
        for someone in (ann, bob, cleo):
            someone.configure(Configure(interrupts=False))
        said = [
            await type_in(at, someone, text) for someone, text in ((ann, "Mirelle!"), (bob, "Bram?"), (cleo, "Quill, a word"), (cleo, "Quill, if you please"))
        ]
        gate.set()
        await at.closed(3)
        opened = [(body["character"], body["turn"], body["answers"]) for body in at.bodies(Kind.LINE_OPENED)]
        who = [ann.participant, bob.participant, cleo.participant]
        assert opened == list(zip(("mirelle", "bram", "quill"), said, who, strict=False))
        assert not at.bodies(Kind.PASSED)


async def test_voices_overlap_only_where_that_is_wanted() -> None:
    """Laid down for a place: then the second one need not wait, both reach everybody, and whoever speaks up stops both."""
    async with table("Mirelle", "Bram", mind=Mind(["One two three four five six seven."]), ms_per_char=40.0) as at:
        ann, bob = await _polite(at, "Ann", "Bob")
        await type_in(at, ann, "Mirelle!")
        await at.until(at.speaking)
        received(bob)
        await type_in(at, bob, "Bram?")
        await at.until(lambda: len(_sounding(bob)) == 2, "both voices")
        assert not at.bodies(Kind.LINE_CLOSED)
        ann.configure(Configure(interrupts=True))
        await type_in(at, ann, "Enough!")
        await at.closed(2)
        assert [(body["state"], body["reason"]) for body in at.bodies(Kind.LINE_CLOSED)] == [("cut", "barge_in")] * 2


async def test_a_second_voice_is_closed_as_the_first_is() -> None:
    """By its own reports, by the client that cancels it, by panic; and who waits for the same character is next."""
    async with table("Mirelle", "Bram", mind=Mind(["One two three four five six seven."]), ms_per_char=20.0) as at:
        ann, bob = await at.sit("Ann", reports_playback=True), await at.sit("Bob", reports_playback=True)
        for someone in (ann, bob):
            someone.configure(Configure(interrupts=False))
        await act(at, "voices", text="many")
        await type_in(at, ann, "Mirelle!")
        await at.until(at.speaking)
        await type_in(at, bob, "Bram?")
        opened = await at.until(lambda: len(at.bodies(Kind.LINE_OPENED)) == 2 and at.bodies(Kind.LINE_OPENED))
        await at.until(lambda: len(at.bodies(Kind.SENTENCE)) == 2)
        at.session.played(bob, Played(opened[1]["line"], 5000))
        assert ((await at.closed())["line"], at.bodies(Kind.LINE_CLOSED)[0]["basis"]) == (opened[1]["line"], "reported")
        await type_in(at, bob, "Bram, once more")
        await at.until(lambda: len(at.bodies(Kind.LINE_OPENED)) == 3)
        at.session.cancel_line(bob, CancelLine(at.bodies(Kind.LINE_OPENED)[2]["line"]))
        assert (await at.closed(2))["reason"] == "stopped"
        await type_in(at, bob, "Bram, and again")
        await at.until(lambda: len(at.bodies(Kind.LINE_OPENED)) == 4)
        await act(at, "halt")
        await at.closed(4)
        assert {body["reason"] for body in at.bodies(Kind.LINE_CLOSED)[2:]} == {"halted"}


@pytest.mark.parametrize("scripted", [True, False])
async def test_a_character_has_one_voice_where_there_are_many(*, scripted: bool) -> None:
    """What it is to say next, by itself or by the director, waits until it has ended beside the floor that is free."""
    async with table("Mirelle", "Bram", mind=Mind(["One two three four five six seven eight nine ten."]), ms_per_char=10.0) as at:
        ann, bob = await _polite(at, "Ann", "Bob")
        await type_in(at, ann, "Mirelle!")
        await at.until(at.speaking)
        await type_in(at, bob, "Bram?")
        opened = await at.until(lambda: len(at.bodies(Kind.LINE_OPENED)) == 2 and at.bodies(Kind.LINE_OPENED))
        await act(at, "stop", line=opened[0]["line"])
        if scripted:
            await act(at, "puppet", character="bram", text="And one more thing.")
        else:
            await type_in(at, ann, "Bram, and you?")
        await at.closed(3)
        ours = [(fact.kind, fact.body["line"]) for fact in at.log.facts if fact.kind in (Kind.LINE_OPENED, Kind.LINE_CLOSED)]
        third = at.bodies(Kind.LINE_OPENED)[2]
        assert (third["character"], third["mode"]) == ("bram", "puppet" if scripted else "auto")
        assert ours.index((Kind.LINE_OPENED, third["line"])) > ours.index((Kind.LINE_CLOSED, opened[1]["line"]))
        assert {body["state"] for body in at.bodies(Kind.LINE_CLOSED)[1:]} == {"heard"}


@pytest.mark.parametrize("waits", ["script", "retake"])
async def test_a_character_that_began_to_speak_beside_begins_no_second_line(waits: str) -> None:
    """What it is to say waited for the floor of the place before that; it goes on waiting when that is free."""
    async with table("Mirelle", "Bram", mind=Mind(["One two three four five six seven eight nine ten."]), ms_per_char=10.0) as at:
        ann, bob = await _polite(at, "Ann", "Bob")
        await type_in(at, bob, "Bram?")
        first = (await at.closed())["line"]
        await type_in(at, ann, "Mirelle!")
        await at.until(at.speaking)
        if waits == "script":
            await act(at, "puppet", character="bram", text="And one more thing.")
        await type_in(at, bob, "Bram, and now?")
        opened = await at.until(lambda: len(at.bodies(Kind.LINE_OPENED)) == 3 and at.bodies(Kind.LINE_OPENED))
        assert [body["character"] for body in opened] == ["bram", "mirelle", "bram"]
        await act(at, "stop", line=opened[1]["line"])
        if waits == "retake":
            await act(at, "retake", line=first)
        await at.closed(4)
        ours = [(fact.kind, fact.body["line"]) for fact in at.log.facts if fact.kind in (Kind.LINE_OPENED, Kind.LINE_CLOSED)]
        last = at.bodies(Kind.LINE_OPENED)[3]
        assert (last["character"], last["mode"]) == ("bram", "puppet" if waits == "script" else "auto")
        assert ours.index((Kind.LINE_OPENED, last["line"])) > ours.index((Kind.LINE_CLOSED, opened[2]["line"]))


async def test_who_waits_for_a_voice_beside_is_next_when_it_is_stopped() -> None:
    """By typed words too, which stop it without anybody having spoken."""
    async with table("Mirelle", "Bram", mind=Mind(["One two three four five six seven eight nine ten."]), ms_per_char=20.0) as at:
        (ann, bob), cleo = await _polite(at, "Ann", "Bob"), await at.sit("Cleo")
        await type_in(at, ann, "Mirelle!")
        await at.until(at.speaking)
        await type_in(at, bob, "Bram?")
        opened = await at.until(lambda: len(at.bodies(Kind.LINE_OPENED)) == 2 and at.bodies(Kind.LINE_OPENED))
        await act(at, "stop", line=opened[0]["line"])
        said = await type_in(at, ann, "Bram, and you?")
        await at.until(lambda: len(_sounding(bob)) == 2, "the voice beside")
        cleo.configure(Configure(answers=False))
        await type_in(at, cleo, "Enough!")
        await at.until(lambda: said in [body["turn"] for body in at.bodies(Kind.LINE_OPENED)], "an answer for who waited")
        assert at.bodies(Kind.LINE_OPENED)[2]["answers"] == ann.participant


async def test_without_a_window_a_name_is_needed_every_time() -> None:
    """As the table has settled."""
    async with table("Mirelle", "Bram", settings=_settings(address_window_s=0)) as at:
        ann, _ = await at.sit("Ann", hears=False), await at.sit("Bob", hears=False)
        await type_in(at, ann, "Bram, who are you?")
        await at.closed()
        await type_in(at, ann, "And where do you come from?")
        assert (await at.until(lambda: at.bodies(Kind.PASSED)))[0]["reason"] == "not_addressed"


async def test_a_character_speaks_up_after_a_silence_and_not_for_ever() -> None:
    """So often as is allowed, then only when somebody has spoken again; never when nobody is there or all are silenced."""
    async with table(settings=_settings(idle_prompt_s=0.05, idle_prompts=2)) as at:
        ann = await at.sit("Ann", hears=False)
        await type_in(at, ann, "Good evening")
        await at.closed(3)
        assert [body["turn"] > 0 for body in at.bodies(Kind.LINE_OPENED)] == [True, False, False]
        assert "Nobody has said anything" in at.mind.requests[-1].options.notes[0]
        idling = at.session.place("")._idling
        await until(lambda: idling._timer is None, what="no more prompts")
        await act(at, "halt")
        await type_in(at, ann, "Hello?")
        await asyncio.sleep(0.2)
        assert len(at.bodies(Kind.LINE_OPENED)) == 3


async def test_a_character_speaks_up_where_nobody_has_said_a_word() -> None:
    """At the opening, or where a session was taken over in a silence: as soon as somebody is there to hear it, and a director who watches is not."""
    async with table(settings=_settings(idle_prompt_s=0.05)) as at:
        await at.sit("Kit", monitor=True)
        assert at.session.place("")._idling._timer is None
        await at.sit("Ann", hears=False)
        await at.closed()
        assert at.bodies(Kind.LINE_OPENED)[0]["turn"] == 0


async def test_a_client_may_want_to_be_prompted() -> None:
    """As long as it wants that; what cannot be is refused."""
    async with table() as at:
        ann = await at.sit("Ann", hears=False)
        with pytest.raises(InvalidRequest):
            at.session.configure(ann, Configure(idle_s=0.5))
        at.session.configure(ann, Configure(idle_s=1.0))
        await at.closed()
        assert at.bodies(Kind.LINE_OPENED)[0]["turn"] == 0
        at.session.configure(ann, Configure(idle_s=0.0))
        await type_in(at, ann, "Good evening")
        await at.closed(2)
        assert at.session.place("")._idling._due_s() is None


async def test_nobody_speaks_up_unless_it_is_wanted() -> None:
    """Off as it comes."""
    async with table() as at:
        ann = await at.sit("Ann", hears=False)
        await type_in(at, ann, "Good evening")
        await at.closed()
        assert at.session.place("")._idling._timer is None


async def test_the_director_sends_somebody_elsewhere() -> None:
    """A player with their connection, a character with its card; what is said there stays there."""
    async with table("Mirelle", "Bram", mind=Mind(["Yes."])) as at:
        ann, bob = await at.sit("Ann", role="player", hears=False), await at.sit("Bob", role="player", hears=False)
        await act(at, "move", character=ann.participant, text="cellar")
        await act(at, "move", character="bram", text="cellar")
        await at.until(lambda: ann.place == "cellar")
        await type_in(at, ann, "Are we alone?")
        await at.closed()
        line = next(fact for fact in at.log.facts if fact.kind == Kind.LINE_OPENED)
        assert (line.place, set(line.audience or ()), line.body["character"]) == ("cellar", {ann.participant, "bram"}, "bram")
        assert bob.place == ""
        with pytest.raises(NotFound):
            await act(at, "move", character="nobody", text="cellar")


async def test_places_that_everybody_has_left_are_forgotten() -> None:
    """Whoever wanders does not fill the memory; where somebody is stays, and what was said there has come to an end."""
    async with table("Mirelle", mind=Mind(["Yes."])) as at:
        ann, bob = await at.sit("Ann", role="player", hears=False), await at.sit("Bob", role="player", hears=False)
        await type_in(at, bob, "Mirelle?")
        await at.closed()
        for number in range(70):
            at.session.configure(ann, Configure(place=f"room {number}"))
            await at.until(lambda: ann.place == f"room {number}")  # noqa: B023
            await type_in(at, ann, "Hello?")
        places = {place.name for place in at.session._floors()}
        assert len(places) <= 65
        assert {"", "room 69"} <= places
        await at.until(lambda: len(at.bodies(Kind.PASSED)) == 70)


async def test_whoever_waits_for_a_speaker_that_is_sent_away_waits_no_longer() -> None:
    """What they go on saying is said elsewhere."""
    async with table("Mirelle", mind=Mind(["Yes."])) as at:
        ann, bob = await at.sit("Ann", role="player", hears=False), await at.sit("Bob", role="player", hears=False)
        at.session.listening.heard(ann, Onset("u1"))
        await type_in(at, bob, "Mirelle?")
        assert not at.bodies(Kind.LINE_OPENED)
        await act(at, "move", character=ann.participant, text="cellar")
        assert (await at.closed())["state"] == "heard"


async def test_nobody_speaks_up_in_a_session_that_is_closed() -> None:
    """Whoever leaves after its end starts no timer."""
    async with table(settings=_settings(idle_prompt_s=0.05)) as at:
        ann = await at.sit("Ann", hears=False)
        place = at.session.place("")
        at.session.listening.heard(ann, Onset("u1"))
        await at.session.close("moved")
        place.offer()
        place.feed(Event.SPEECH_OVER)
        assert place._idling._timer is None
        assert place._keeper._timer is None


async def test_a_turn_that_waits_is_open_while_another_one_is_answered() -> None:
    """If the stage died now, it would be passed; a line answers its own words alone."""
    gate = asyncio.Event()
    async with table("Mirelle", "Bram", mind=Mind(["Yes."], gate=gate)) as at:
        ann, bob = await at.sit("Ann", hears=False), await at.sit("Bob", hears=False)
        for someone in (ann, bob):
            someone.configure(Configure(interrupts=False))
        await type_in(at, ann, "Mirelle!")
        second = await type_in(at, bob, "Bram?")
        await at.until(lambda: at.bodies(Kind.LINE_OPENED))
        assert at.session.roster.open_turns() == [OpenWords("", None, second, second)]
        await type_in(at, ann, "Bob, hush.")
        gate.set()
        await at.closed(2)
        assert at.session.roster.open_turns() == []


async def test_who_speaks_up_remarks_nothing_in_the_directors_name() -> None:
    """What the stage asks of the reply is no fact."""
    async with table(settings=_settings(idle_prompt_s=0.05, idle_prompts=1)) as at:
        ann = await at.sit("Ann", hears=False)
        await type_in(at, ann, "Good evening")
        await at.closed(2)
        assert "Nobody has said anything" in at.mind.requests[-1].options.notes[0]
        assert not at.bodies(Kind.NOTED)


async def test_two_who_come_in_at_once_without_a_name_are_two() -> None:
    """Whoever is on the way in has a number already."""
    async with table() as at:
        came = await asyncio.gather(*(at.sit("") for _ in range(2)))
        assert {one.name for one in came} == {"Player 1", "Player 2"}
