"""The director's live acts: what they do at once, and what stands in the transcript of it."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import Any

import pytest

from services.core.errors import Conflict, Forbidden, InvalidRequest, NotFound, SouffleurError
from services.core.model.attachment import ActRequest, ActResponse, Configure, DeskShown, FinalHeard, LineFlushed, Onset, Principal, TellRequest, TextSaid
from services.core.model.fact import Kind
from services.core.settings import Settings, StageSettings
from services.stage.attachments import Attachment
from services.stage.told import told
from tests.unit.services.stage.table import Mind, Table, received, table

GM = Principal("local", "director", "GM")
OPERATOR = Principal("op", "operator", "Olga")
_ids = count()


async def act(at: Table, kind: str, principal: Principal = GM, act_id: str = "", **options: Any) -> ActResponse:
    return await at.session.act(ActRequest(session="s", principal=principal, act=act_id or f"act{next(_ids)}", kind=kind, **options))


async def approving(at: Table) -> None:
    await act(at, "mode", text="approve")


async def type_in(at: Table, who: Attachment, text: str = "Good evening") -> int:
    return (await at.session.say(who, TextSaid(f"m{next(_ids)}", text))).seq


async def held(at: Table, count: int = 1) -> str:
    await at.until(lambda: sum(line.complete for line in at.session.desk.shown().held) >= count)
    return at.session.desk.shown().held[-1].line


def sentences(at: Table, line: str) -> list[tuple[int, str]]:
    return [(body["attempt"], body["text"]) for body in at.bodies(Kind.SENTENCE) if body["line"] == line]


async def test_in_approve_mode_nothing_is_heard_before_it_is_released() -> None:
    """The draft stands in the transcript, the director sees it, the player does not; released, it is spoken."""
    async with table() as at:
        await approving(at)
        ann, desk = await at.sit("Ann", role="player"), await at.sit("GM", role="director", monitor=True)
        await type_in(at, ann)
        line = await held(at)
        assert not at.speaking()
        assert at.session.place("").floor.state == "idle"
        before = [value for value in received(ann) if getattr(value, "kind", "") in (Kind.LINE_OPENED, Kind.SENTENCE)]
        assert before == []
        assert [value.body["text"] for value in received(desk) if getattr(value, "kind", "") == Kind.SENTENCE] == ["Good evening.", "Sit down."]
        answer = await act(at, "release")
        assert answer.line == line
        closed = await at.closed()
        assert (closed["line"], closed["state"]) == (line, "heard")
        after = [value.kind for value in received(ann) if getattr(value, "kind", "")]
        assert after == [Kind.LINE_OPENED, Kind.SENTENCE, Kind.SENTENCE, Kind.LINE_CLOSED]
        assert closed["ms"]["hold_time"] >= 0
        assert at.session.desk.shown().held == ()


async def test_a_director_who_watches_is_not_there() -> None:
    """No member joins, and a player may not watch like that."""
    async with table() as at:
        await at.sit("GM", monitor=True)
        assert [body["member"] for body in at.bodies(Kind.JOINED)] == ["mirelle"]
        with pytest.raises(Forbidden):
            await at.sit("Eve", role="player", monitor=True)


async def test_edited_and_released_the_new_words_are_spoken_once() -> None:
    """The director's wording is a new attempt by the director; the first draft stays in the log."""
    async with table() as at:
        await approving(at)
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        line = await held(at)
        at.mind.sentences = ["Leave, now."]
        await act(at, "release", text="Leave, now.")
        assert at.mind.requests[-1].script == "Leave, now."
        closed = await at.closed()
        assert closed["state"] == "heard"
        assert sentences(at, line) == [(1, "Good evening."), (1, "Sit down."), (2, "Leave, now.")]
        spoken = next(fact for fact in at.log.facts if fact.kind == Kind.SENTENCE and fact.body["attempt"] == 2)
        assert spoken.by.role == "director"
        assert closed["last_seq"] == spoken.seq


async def test_a_rejected_draft_is_drafted_anew_with_the_reason() -> None:
    """The turn is answered in the end; the refused line is closed as rejected."""
    async with table() as at:
        await approving(at)
        ann = await at.sit("Ann", role="player")
        turn = await type_in(at, ann)
        first = await held(at)
        await act(at, "reject", direction="too polite")
        await at.until(lambda: len(at.bodies(Kind.LINE_OPENED)) == 2)
        second = await held(at)
        assert second != first
        assert at.bodies(Kind.REJECTED) == [{"line": first, "reason": "too polite"}]
        assert at.bodies(Kind.LINE_CLOSED)[0]["state"] == "rejected"
        opened = at.bodies(Kind.LINE_OPENED)[1]
        assert (opened["turn"], opened["retakes"]) == (turn, first)
        assert "too polite" in at.mind.requests[-1].options.notes[0]
        assert "Good evening." in at.mind.requests[-1].options.notes[0]


async def test_of_two_operators_one_releases() -> None:
    """A claimed draft is its operator's; what is released is released once."""
    async with table() as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", hears=False)
        await type_in(at, ann)
        line = await held(at)
        await act(at, "claim", OPERATOR, line=line)
        with pytest.raises(Conflict):
            await act(at, "release", line=line)
        await act(at, "release", OPERATOR, line=line, act_id="same")
        again = await act(at, "release", OPERATOR, line=line, act_id="same")
        assert again.line == line
        await at.closed()
        with pytest.raises(Conflict):
            await act(at, "release", line=line)
        assert len(at.bodies(Kind.RELEASED)) == 1


async def test_an_operator_may_do_nothing_else() -> None:
    """And a player nothing at all."""
    async with table() as at:
        for kind in ("halt", "mute", "puppet", "mode", "hold"):
            with pytest.raises(Forbidden):
                await act(at, kind, OPERATOR)
        with pytest.raises(Forbidden):
            await act(at, "release", Principal("id-Ann", "player"))


async def test_newer_words_make_a_draft_stale_and_another_one_is_made() -> None:
    """The new one released, the old one is refused: every line has one end."""
    async with table() as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", hears=False)
        await type_in(at, ann)
        first = await held(at)
        await type_in(at, ann, "And good night")
        second = await held(at, 2)
        shown = {line.line: line.stale for line in at.session.desk.shown().held}
        assert shown == {first: True, second: False}
        await act(at, "release")
        await at.closed(2)
        states = {body["line"]: (body["state"], body["reason"]) for body in at.bodies(Kind.LINE_CLOSED)}
        assert states == {first: ("rejected", "superseded"), second: ("heard", "")}


async def test_while_somebody_works_on_a_draft_no_other_one_is_made() -> None:
    """Newer words wait, and are part of what the next line answers."""
    async with table() as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", hears=False)
        await type_in(at, ann)
        line = await held(at)
        await act(at, "claim", line=line)
        later = await type_in(at, ann, "And good night")
        assert len(at.session.desk.shown().held) == 1
        assert at.session.place("").unasked is not None
        await act(at, "release", line=line)
        await at.closed()
        await type_in(at, ann, "Well?")
        await at.until(lambda: len(at.bodies(Kind.LINE_OPENED)) == 2)
        assert at.bodies(Kind.LINE_OPENED)[1]["turn"] == later


async def test_a_draft_that_nobody_decides_on_is_released_by_itself() -> None:
    """If the director wants that."""
    async with table(settings=Settings(stage=StageSettings(auto_release_s=0.05))) as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", hears=False)
        await type_in(at, ann)
        assert (await at.closed())["state"] == "heard"
        assert next(fact for fact in at.log.facts if fact.kind == Kind.RELEASED).by.role == "stage"


async def test_a_line_taken_back_while_it_is_spoken_goes_on_as_a_draft() -> None:
    """What was heard was heard; the rest of the words wait for approval."""
    async with table(mind=Mind(["One two three four five six seven eight nine ten.", "Second."]), ms_per_char=20) as at:
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        await at.until(lambda: at.heard()[1])
        answer = await act(at, "hold")
        closed = await at.closed()
        assert (closed["state"], closed["reason"]) == ("cut", "held")
        await held(at)
        words = " ".join(text for _, text in sentences(at, answer.line))
        assert words.endswith("nine ten. Second.")
        assert not words.startswith("One")
        await act(at, "release")
        assert (await at.closed(2))["state"] == "heard"


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
        assert at.bodies(Kind.SILENCED) == [{"on": True, "character": ""}, {"on": False, "character": ""}]


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
        assert at.session.place("").unasked is None


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


async def test_a_character_that_has_to_wait_makes_a_sound_of_thinking(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the director wants that: a line of its own, heard and in the history; the reply waits on."""
    monkeypatch.setattr("services.stage.approval.AFTER_S", 0.05)
    async with table(settings=Settings(stage=StageSettings(filler=True))) as at:
        await approving(at)
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        line = await held(at)
        closed = await at.closed()
        opened = [(body["line"] == line, body["mode"]) for body in at.bodies(Kind.LINE_OPENED)]
        assert opened == [(True, "approve"), (False, "filler")]
        assert closed["state"] == "heard"
        assert at.mind.requests[-1].script in ("Hmm.", "Well, now.", "Let me think.")
        assert [one.line for one in at.session.desk.shown().held] == [line]


async def test_an_edit_of_what_is_being_said_is_heard_as_edited() -> None:
    """The line stops at the word that was heard, and what was not heard of it goes on as corrected; the heard part is not said again."""
    async with table(mind=Mind(["One two three four five six.", "Seven eight nine ten.", "The end."]), ms_per_char=12) as at:
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        await at.until(at.speaking)
        await at.until(lambda: len(at.bodies(Kind.SENTENCE)) == 3)
        second = [fact for fact in at.log.facts if fact.kind == Kind.SENTENCE][1]
        body = {"target": second.seq, "text": "Nothing more.", "emotion": "fear"}
        request = TellRequest(session="s", principal=GM, key="k", kind=Kind.CORRECTED, body=json.dumps(body))
        await told(request, at.session, at.log, 0)
        cut, heard = await at.closed(), await at.closed(2)
        assert (cut["reason"], heard["state"]) == ("corrected", "heard")
        going_on = at.bodies(Kind.LINE_OPENED)[1]
        assert (going_on["retakes"], going_on["turn"]) == (cut["line"], at.bodies(Kind.LINE_OPENED)[0]["turn"])
        said = [(body["text"], body["emotion"]) for body in at.bodies(Kind.SENTENCE) if body["line"] == heard["line"]]
        assert said[-2:] == [("Nothing more.", "fear"), ("The end.", "neutral")]
        assert not any(text.startswith("One") for text, _ in said) or cut["offset"] == 0


async def test_an_edit_of_what_was_heard_already_stops_nobody() -> None:
    """Only the record changes."""
    async with table(mind=Mind(["One.", "Two three four five six seven eight nine ten."]), ms_per_char=20) as at:
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        await at.until(lambda: len(at.bodies(Kind.SENTENCE)) == 2)
        first, second = (fact for fact in at.log.facts if fact.kind == Kind.SENTENCE)
        await at.until(lambda: at.heard()[0] == second.seq)
        request = TellRequest(session="s", principal=GM, key="k", kind=Kind.CORRECTED, body=json.dumps({"target": first.seq, "text": "Un."}))
        await told(request, at.session, at.log, 0)
        assert at.speaking()
        assert (await at.closed())["state"] == "heard"
