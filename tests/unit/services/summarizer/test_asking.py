"""What a question is booked as: what the service counted, and where nothing was counted no less than was set aside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from services.core.calm import Calm
from services.core.errors import DeadlineExceeded, EngineFailed, EngineMissing, Overloaded, SouffleurError, Unavailable
from services.core.model.reply import Delta, ReplyEvent, ReplyFinished, ReplyRequest, ReplyStarted
from tests.unit.services.summarizer.asked import Budget, Roleplay, counsel

_STARTED = ReplyStarted("light", "m")
_MOST = 900


async def _asked(*events: ReplyEvent | Exception) -> Budget:
    budget = Budget()
    try:
        answer = await counsel(Roleplay(events), budget).light("summary", "You keep the record.", "What was said?", max_tokens=_MOST)
    except SouffleurError:
        assert any(isinstance(event, Exception) for event in events)
    else:
        assert answer == "An answer."
    return budget


async def test_an_answer_is_booked_as_it_was_counted() -> None:
    """By the service, else by our own estimate; what was set aside beyond is given back."""
    budget = await _asked(_STARTED, Delta("An answer."), ReplyFinished("stop", prompt_tokens=70, completion_tokens=7))
    assert budget.used == [77]
    budget = await _asked(_STARTED, Delta("An answer."))
    assert 0 < budget.used[0] < budget.reserved[0] - _MOST + 10


@pytest.mark.parametrize("before", [(), (_STARTED, Delta("An ans")), (ReplyStarted("understudy", ""),)])
@pytest.mark.parametrize("error", [EngineFailed(), Unavailable(), DeadlineExceeded()])
async def test_a_question_that_failed_is_booked_whole(before: Sequence[ReplyEvent], error: Exception) -> None:
    """A provider may have been paid for all of it, and for a second chance too."""
    budget = await _asked(*before, error)
    assert budget.used == budget.reserved
    assert budget.used[0] > _MOST


async def test_what_was_counted_before_the_failure_is_booked() -> None:
    """Two wrong answers of two engines are four prompts."""
    budget = await _asked(ReplyFinished("stop", prompt_tokens=8_000, completion_tokens=400), EngineFailed())
    assert budget.used == [8_400]


async def test_an_answer_without_an_end_is_booked_as_far_as_it_came() -> None:
    """It is longer than it was allowed to be."""
    budget = await _asked(_STARTED, *([Delta("word " * 1_000)] * 7), EngineFailed())
    assert budget.used[0] > 9_000


@pytest.mark.parametrize("error", [EngineMissing(), Overloaded()])
async def test_where_nobody_was_asked_nothing_was_spent(error: Exception) -> None:
    """The service refused."""
    assert (await _asked(error)).used == [0]


async def test_a_question_that_is_given_up_is_booked_whole() -> None:
    """Whoever waited for it does not know how far it came."""
    budget, begun = Budget(), asyncio.Event()

    class Silent(Roleplay):
        async def reply(self, request: ReplyRequest, timeout_s: float) -> AsyncGenerator[ReplyEvent]:
            del request, timeout_s
            begun.set()
            await asyncio.Event().wait()
            yield _STARTED

    task = asyncio.create_task(counsel(Silent(""), budget).light("summary", "s", "t", max_tokens=_MOST))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert budget.used == budget.reserved


async def test_no_model_is_asked_while_a_turn_is_answered() -> None:
    """In the same process the answer to a player goes first."""
    calm, roleplay = Calm(rest_s=0.0), Roleplay("An answer.")
    asking = counsel(roleplay, calm=calm)
    with calm.turn():
        asked = asyncio.create_task(asking.light("summary", "You keep the record.", "What was said?", max_tokens=_MOST))
        await asyncio.sleep(0.01)
        assert roleplay.asked == []
    async with asyncio.timeout(5):
        assert await asked == "An answer."


async def test_who_is_cancelled_does_not_hear_of_the_accounts() -> None:
    """They cannot be kept, since the store has gone as well; a cancellation that became an error would be worked on after."""

    class Silent(Roleplay):
        async def reply(self, request: ReplyRequest, timeout_s: float) -> AsyncGenerator[ReplyEvent]:
            self.asked.append(request.messages[-1].content)
            await asyncio.Event().wait()
            yield _STARTED

    class Closed(Budget):
        async def settle(self, sid: str, slot: int, reserved: int, used: int) -> None:
            raise Unavailable

    roleplay = Silent()
    asking = asyncio.create_task(counsel(roleplay, Closed()).light("summary", "You keep the record.", "What was said?", max_tokens=_MOST))
    while not roleplay.asked:
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
