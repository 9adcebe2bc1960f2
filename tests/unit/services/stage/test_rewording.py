"""Releasing a held line in other words."""

from __future__ import annotations

import asyncio

import pytest

from services.core.errors import Conflict, InvalidRequest, SouffleurError, Unavailable
from services.core.model.fact import Kind
from tests.unit.services.stage.direction import GM, act, approving, held, sentences, type_in
from tests.unit.services.stage.table import Mind, Table, table


async def _draft(at: Table) -> str:
    await approving(at)
    ann = await at.sit("Ann", role="player", hears=False)
    await type_in(at, ann)
    return await held(at)


async def test_other_words_may_be_many() -> None:
    """Nobody takes the sentences before the line is released, and it is released when all of them are there."""
    async with table() as at:
        line = await _draft(at)
        at.mind.sentences = ["No."] * 100
        async with asyncio.timeout(5):
            await act(at, "release", line=line, text="No. " * 100)
        assert (await at.closed())["state"] == "heard"
        assert len(sentences(at, line)) == 2 + 100


async def test_a_long_draft_is_complete_before_it_is_released() -> None:
    """However many sentences the model has for it."""
    async with table(mind=Mind(["No."] * 100)) as at:
        line = await _draft(at)
        await at.until(lambda: len(sentences(at, line)) == 100)


@pytest.mark.parametrize(("error", "told"), [(Unavailable("the model is away"), Unavailable), (None, InvalidRequest)])
async def test_other_words_that_cannot_be_had_leave_the_draft_as_it_is(error: SouffleurError | None, told: type[SouffleurError]) -> None:
    """Whoever asked is told; the line waits on in its old words and can be released."""
    async with table() as at:
        line = await _draft(at)
        at.mind.sentences, at.mind.error = [], error
        with pytest.raises(told):
            await act(at, "release", line=line, text="Leave, now.")
        assert at.bodies(Kind.RELEASED) == at.bodies(Kind.LINE_CLOSED) == []
        assert at.session.desk.shown().held[0].complete
        await act(at, "release", line=line)
        assert (await at.closed())["state"] == "heard"
        assert sentences(at, line) == [(1, "Good evening."), (1, "Sit down.")]


async def test_other_words_that_break_off_leave_the_draft_as_it_is() -> None:
    """Half of what a director wanted said is not what the director wanted said."""
    async with table() as at:
        line = await _draft(at)
        at.mind.sentences, at.mind.error = ["Leave,"], Unavailable("the model is away")
        with pytest.raises(Unavailable):
            await act(at, "release", line=line, text="Leave, now.")
        await act(at, "release", line=line)
        await at.closed()
        assert sentences(at, line) == [(1, "Good evening."), (1, "Sit down.")]


async def test_of_two_rewordings_by_one_operator_one_is_spoken_and_the_other_is_told() -> None:
    """Whoever is answered that it is released has had his words spoken."""
    async with table() as at:
        line = await _draft(at)
        at.mind.sentences, at.mind.gate = ["Words of A."], asyncio.Event()
        slow = asyncio.create_task(act(at, "release", line=line, text="Words of A."))
        await at.until(lambda: len(at.mind.requests) == 2)
        at.mind.sentences, gate, at.mind.gate = ["Words of B."], at.mind.gate, None
        await act(at, "release", line=line, text="Words of B.")
        gate.set()
        with pytest.raises(Conflict):
            await slow
        await at.closed()
        assert sentences(at, line)[2:] == [(2, "Words of B.")]


async def test_two_rewordings_at_the_same_moment_are_one() -> None:
    """However close they come."""
    async with table() as at:
        line = await _draft(at)
        at.mind.sentences = ["Words."]
        both = await asyncio.gather(*(act(at, "release", line=line, text=f"Words of {one}.") for one in "AB"), return_exceptions=True)
        assert sorted(type(one).__name__ for one in both) == ["ActResponse", "Conflict"]
        await at.closed()
        assert sentences(at, line)[2:] == [(2, "Words.")]


async def test_a_line_that_is_refused_while_it_is_reworded_stays_refused() -> None:
    """The other words come too late."""
    async with table() as at:
        line = await _draft(at)
        at.mind.gate = gate = asyncio.Event()
        slow = asyncio.create_task(act(at, "release", line=line, text="Words of A."))
        await at.until(lambda: len(at.mind.requests) == 2)
        await act(at, "reject", GM, line=line)
        gate.set()
        with pytest.raises(Conflict):
            await slow
        await at.until(lambda: at.bodies(Kind.LINE_CLOSED))
        assert [body["state"] for body in at.bodies(Kind.LINE_CLOSED) if body["line"] == line] == ["rejected"]
        assert at.bodies(Kind.RELEASED) == []
