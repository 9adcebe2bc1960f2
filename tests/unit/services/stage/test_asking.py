"""Asking a character to speak, where lines wait for approval or the director has chosen who is next."""

from __future__ import annotations

import pytest

from services.core.errors import Conflict
from services.core.model.attachment import TakeFloor
from tests.unit.services.stage.direction import act, approving, held, type_in
from tests.unit.services.stage.table import table


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
