"""What a program that is about to end waits for: whatever is being said, and will be answered aloud."""

from __future__ import annotations

from services.core.model.attachment import FinalHeard, Onset, TextSaid
from services.core.model.fact import Kind
from tests.unit.services.stage.direction import approving, held, type_in
from tests.unit.services.stage.table import Mind, table


async def test_a_line_runs_from_the_words_it_answers_to_its_end() -> None:
    """While it is thought of, spoken, and while somebody waits for the next one."""
    async with table(mind=Mind(["One two three four."]), ms_per_char=10.0) as at:
        ann, ben = await at.sit("Ann"), await at.sit("Ben")
        assert at.session.running() == 0
        at.session.say(ann, TextSaid("m1", "Mirelle, count"))
        assert at.session.running() == 1
        await at.until(at.speaking)
        at.session.say(ben, TextSaid("m2", "Mirelle, and me?"))
        await at.until(lambda: not at.session.running())
        assert [body["state"] for body in at.bodies(Kind.LINE_CLOSED)] == ["cut", "heard"]


async def test_what_is_being_said_is_waited_for() -> None:
    """Its answer would be, too."""
    async with table() as at:
        ann = await at.sit("Ann")
        at.session.listening.heard(ann, Onset("u1"))
        assert at.session.running() == 1
        at.session.listening.heard(ann, FinalHeard("u1", ""))
        assert at.session.running() == 0


async def test_what_waits_for_approval_is_not_waited_for() -> None:
    """Nobody knows when somebody will decide on it."""
    async with table() as at:
        await approving(at)
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        await held(at)
        assert at.session.running() == 0
