"""What was about to happen when the past was undone."""

from __future__ import annotations

import pytest

from services.core.model.attachment import Configure, TakeFloor, TextSaid
from services.core.model.fact import Kind
from tests.unit.services.stage.direction import act, type_in
from tests.unit.services.stage.table import table
from tests.unit.services.stage.telling import tell


@pytest.mark.parametrize("mode", ["auto", "approve"])
async def test_words_that_are_on_their_way_when_they_are_undone_are_answered_by_nobody(mode: str) -> None:
    """They are written before the retcon is, and passed."""
    async with table(ms_per_char=10) as at:
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        await at.closed()
        await act(at, "mode", text=mode)
        await at.session.sight.open()
        before = at.log.facts[-2].seq
        words = at.session.say(ann, TextSaid("m", "Never said"))
        await tell(at, Kind.RETCONNED, to=before)
        turn = (await words).seq
        assert turn > before
        await at.until(lambda: not at.session.place("")._tasks)
        assert [body["turn"] for body in at.bodies(Kind.PASSED)] == [turn]
        assert len(at.bodies(Kind.LINE_OPENED)) == len(at.bodies(Kind.LINE_CLOSED)) == 1
        assert at.session.desk.shown().held == ()


async def test_words_that_wait_for_a_question_are_undone_with_the_rest() -> None:
    """The next line answers what was said before them."""
    async with table("Mirelle", "Bram") as at:
        ann = await at.sit("Ann", role="player", hears=False, configure=Configure(answers=False))
        one = await at.session.say(ann, TextSaid("m1", "one", answers=False))
        two = await at.session.say(ann, TextSaid("m2", "two", answers=False))
        await tell(at, Kind.RETCONNED, to=one.seq)
        waiting = at.session.place("").waiting.unasked
        assert waiting is not None
        assert (await waiting.last).seq == one.seq
        await tell(at, Kind.RETCONNED, to=one.seq - 1)
        assert at.session.place("").waiting.unasked is None
        at.session.take_floor(ann, TakeFloor("mirelle"))
        await at.closed()
        assert at.bodies(Kind.LINE_OPENED)[0]["turn"] == 0
        assert at.bodies(Kind.PASSED) == []
        await at.session.close("shutdown")
        assert sorted(body["turn"] for body in at.bodies(Kind.PASSED)) == [one.seq, two.seq]
