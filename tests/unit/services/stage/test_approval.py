"""Drafts that wait for the director: released, reworded, refused, made anew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.core.errors import Conflict, EngineFailed
from services.core.model.fact import Draft, Fact, Kind
from services.core.settings import Settings, StageSettings
from tests.unit.services.stage.direction import OPERATOR, act, approving, held, sentences, type_in
from tests.unit.services.stage.table import Mind, Table, received, table


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


@pytest.mark.parametrize("error", [EngineFailed(), None])
async def test_a_draft_without_words_waits_for_nobody(error: EngineFailed | None) -> None:
    """The reply failed, or was empty: the line ends as it would without approval, and who asked may ask again."""
    async with table(mind=Mind([], error=error)) as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", hears=False)
        await type_in(at, ann)
        closed = await at.closed()
        assert (closed["state"], closed["reason"]) == ("aborted", "engine_failed" if error else "no_words")
        assert at.session.desk.shown().held == ()
        at.mind.error, at.mind.sentences = None, ["Good evening."]
        await type_in(at, ann, "Once more?")
        assert await held(at)


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
        assert at.session.place("").waiting.unasked is not None
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


@pytest.mark.parametrize("approved", [False, True])
async def test_a_line_taken_back_before_it_stands_leaves_its_turn_one_end(monkeypatch: pytest.MonkeyPatch, *, approved: bool) -> None:
    """The store is slow, and the director quicker: the words are answered by what is released, and not passed before."""
    async with table() as at:
        if approved:
            await approving(at)
        ann = await at.sit("Ann", role="player")
        durable = _stalled(at, monkeypatch)
        typing = asyncio.ensure_future(type_in(at, ann))
        if approved:
            await at.until(lambda: at.session.desk.shown().held)
            deciding = asyncio.ensure_future(act(at, "reject", direction="too polite"))
            await at.until(lambda: len(at.mind.requests) == 2)
        else:
            await at.until(lambda: at.session.place("").line is not None)
            deciding = asyncio.ensure_future(act(at, "hold"))
            await at.until(lambda: at.session.desk.shown().held)
        durable.set()
        turn = await typing
        await deciding
        await held(at)
        await act(at, "release")
        await at.until(lambda: any(body["state"] == "heard" for body in at.bodies(Kind.LINE_CLOSED)))
        assert at.bodies(Kind.PASSED) == []
        assert [(body["turn"], body["retakes"]) for body in at.bodies(Kind.LINE_OPENED)] == [(turn, "")]


def _stalled(at: Table, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Nothing is written before this is set."""
    durable, append = asyncio.Event(), at.log.append

    async def stalled(sid: str, drafts: Sequence[Draft]) -> list[Fact]:
        await durable.wait()
        return await append(sid, drafts)

    monkeypatch.setattr(at.log, "append", stalled)
    return durable
