"""Corrections of lines that wait for approval: what is struck is neither said nor shown, and what is edited is said as it stands."""

from __future__ import annotations

import pytest

from services.core.errors import Conflict
from services.core.model.attachment import Configure, LineAudio
from services.core.model.fact import Kind
from services.transcript.view import LineEntry, Reader, fold
from tests.unit.services.stage.direction import act, approving, held, type_in
from tests.unit.services.stage.table import Mind, Table, received, table
from tests.unit.services.stage.telling import tell

_WORDS = ["One.", "Two.", "Three."]


def _seqs(at: Table, kind: str) -> list[int]:
    return [fact.seq for fact in at.log.facts if fact.kind == kind]


@pytest.mark.parametrize("hears", [True, False])
async def test_a_sentence_that_is_struck_is_not_said(*, hears: bool) -> None:
    """The others are, by voice or as text; nobody is told that something failed."""
    async with table(mind=Mind(list(_WORDS))) as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", hears=hears)
        await type_in(at, ann)
        line = await held(at)
        await at.until(lambda: len(_seqs(at, Kind.SENTENCE)) == 3)
        first, second, third = _seqs(at, Kind.SENTENCE)
        await tell(at, Kind.STRUCK, targets=[second])
        received(ann)
        await act(at, "release", line=line)
        closed = await at.closed()
        assert (closed["state"], closed["last_seq"]) == ("heard", third)
        got = received(ann)
        assert {value.seq for value in got if isinstance(value, LineAudio)} == ({first, third} if hears else set())
        assert [value.body["text"] for value in got if getattr(value, "kind", "") == Kind.SENTENCE] == ["One.", "Three."]
        assert at.bodies(Kind.DEGRADED) == []


async def test_a_line_of_which_the_last_sentence_is_struck_ends_before_it() -> None:
    """What was not said was not heard."""
    async with table(mind=Mind(list(_WORDS))) as at:
        await approving(at)
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        line = await held(at)
        await at.until(lambda: len(_seqs(at, Kind.SENTENCE)) == 3)
        _, second, third = _seqs(at, Kind.SENTENCE)
        await tell(at, Kind.STRUCK, targets=[third])
        await act(at, "release", line=line)
        assert (await at.closed())["last_seq"] == second


async def test_a_held_line_that_is_struck_leaves_the_desk() -> None:
    """It cannot be released any more."""
    async with table() as at:
        await approving(at)
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        line = await held(at)
        await tell(at, Kind.STRUCK, targets=_seqs(at, Kind.LINE_OPENED))
        assert at.session.desk.shown().held == ()
        with pytest.raises(Conflict):
            await act(at, "release", line=line)
        closed = await at.closed()
        assert (closed["line"], closed["state"], closed["reason"]) == (line, "rejected", "corrected")


async def test_a_released_line_that_is_struck_before_its_time_is_not_spoken() -> None:
    """It waited for the floor."""
    async with table(ms_per_char=20) as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", configure=Configure(interrupts=False))
        await act(at, "puppet", character="mirelle", text="Wait a little, will you.")
        await at.until(at.speaking)
        await type_in(at, ann)
        line = await held(at)
        await act(at, "release", line=line)
        assert at.session.place("").approval.has(line)
        await tell(at, Kind.STRUCK, targets=_seqs(at, Kind.LINE_OPENED)[1:])
        await at.closed(2)
        ends = [(body["line"] == line, body["state"]) for body in at.bodies(Kind.LINE_CLOSED)]
        assert ends == [(True, "aborted"), (False, "heard")]


@pytest.mark.parametrize("hears", [False, True])
async def test_a_held_sentence_that_is_made_longer_is_heard_to_its_end(*, hears: bool) -> None:
    """Also where nobody listens by voice: the history has all of the new words."""
    async with table(mind=Mind(["No."])) as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", hears=hears)
        await type_in(at, ann)
        line = await held(at)
        [sentence] = await at.until(lambda: _seqs(at, Kind.SENTENCE))
        await tell(at, Kind.CORRECTED, target=sentence, text="Never in my whole life.")
        await act(at, "release", line=line)
        assert (await at.closed())["state"] == "heard"
        known = fold(at.log.facts, Reader("character", "mirelle")).entries
        assert [entry.heard_text for entry in known if isinstance(entry, LineEntry)] == ["Never in my whole life."]
