"""Releasing a held line in other words."""

from __future__ import annotations

import asyncio

from tests.unit.services.stage.direction import act, approving, held, sentences, type_in
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
        assert len(sentences(at, line)) == 100
