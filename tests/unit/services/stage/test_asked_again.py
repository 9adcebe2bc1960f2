"""A reply that fails before its first sentence is asked for once more; one of which something was given is not."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest

from services.core.errors import DeadlineExceeded, EngineFailed, InvalidRequest, Overloaded, SouffleurError, Unavailable
from services.core.model.attachment import CancelLine, Onset, PartialHeard, Paused, TextSaid
from services.core.model.fact import Kind
from services.core.model.reply import ReplyEvent, ReplyRequest
from services.core.settings import LlmSettings, Settings
from services.stage import patience
from tests.unit.services.stage.table import PREPARING, Mind, table

ENDLESS = (40.0, 40.0, 40.0)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are, but shorter."""
    monkeypatch.setattr(patience, "PAUSES_S", (0.01,) * len(patience.PAUSES_S))


@dataclass
class Failing(Mind):
    """Fails with each of these before its first sentence, then answers."""

    failures: list[SouffleurError] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)

    async def reply(self, request: ReplyRequest, timeout_s: float) -> AsyncGenerator[ReplyEvent]:
        self.timeouts.append(timeout_s)
        if self.failures:
            self.requests.append(request)
            raise self.failures.pop(0)
        async for event in super().reply(request, timeout_s):
            yield event


@pytest.mark.parametrize("failures", [[EngineFailed()], [Unavailable(), Unavailable(), Unavailable()], [Overloaded(), Overloaded()]])
async def test_reply_that_fails_before_its_first_sentence_is_asked_for_again(failures: list[SouffleurError]) -> None:
    """The line is said as if nothing had happened: one line, each sentence once, and the same is asked within the time that is left."""
    mind = Failing(failures=list(failures))
    async with table(mind=mind) as at:
        ann = await at.sit(hears=False)
        at.session.say(ann, TextSaid("m1", "Tell me"))
        closed = await at.closed()
        assert (closed["state"], closed["reason"]) == ("heard", "")
        assert [body["text"] for body in at.bodies(Kind.SENTENCE)] == mind.sentences
        assert len(at.bodies(Kind.LINE_OPENED)) == 1
        assert len(mind.requests) == len(failures) + 1
        assert len(set(mind.requests)) == 1
        assert mind.timeouts[-1] < mind.timeouts[0]


@pytest.mark.parametrize(
    ("error", "requests"), [(EngineFailed(), 2), (DeadlineExceeded(), 2), (Unavailable(), 1 + len(patience.PAUSES_S)), (InvalidRequest(), 1)]
)
async def test_reply_that_goes_on_failing_aborts_the_line(error: SouffleurError, requests: int) -> None:
    """A service that is away is tried as long as a start may take, one that fails once more, and a mistake is not repeated."""
    async with table(mind=Mind([], error=error)) as at:
        ann = await at.sit(hears=False)
        at.session.say(ann, TextSaid("m1", "Tell me"))
        closed = await at.closed()
        assert (closed["state"], closed["last_seq"], closed["reason"]) == ("aborted", 0, error.code)
        assert len(at.mind.requests) == requests


async def test_reply_of_which_something_was_given_is_not_asked_for_again() -> None:
    """What was given stands and is spoken; nobody begins anew in the middle of it."""
    async with table(mind=Mind(["Half of it."], error=Unavailable())) as at:
        ann = await at.sit(hears=False)
        at.session.say(ann, TextSaid("m1", "Tell me"))
        closed = await at.closed()
        assert (closed["state"], closed["reason"]) == ("cut", "unavailable")
        assert len(at.mind.requests) == 1


async def test_line_that_is_stopped_before_its_reply_is_asked_for_again_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops it waits for nothing, and nobody is asked any more."""
    monkeypatch.setattr(patience, "PAUSES_S", ENDLESS)
    async with table(mind=Mind([], error=Unavailable())) as at:
        ann = await at.sit(hears=False)
        at.session.say(ann, TextSaid("m1", "Tell me"))
        await at.until(lambda: at.mind.stopped and at.bodies(Kind.LINE_OPENED))
        asked = at.session.place("").line
        assert asked is not None
        at.session.cancel_line(ann, CancelLine())
        closed = await at.closed()
        assert (closed["state"], closed["reason"]) == ("cut", "stopped")
        await at.until(asked.drafting.feed._task.done)
        assert len(at.mind.requests) == 1


async def test_pause_that_would_outlast_the_reply_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reply's own time bounds all of it."""
    monkeypatch.setattr(patience, "PAUSES_S", ENDLESS)
    async with table(mind=Mind([], error=Unavailable()), settings=Settings(llm=LlmSettings(reply_timeout_s=30))) as at:
        ann = await at.sit(hears=False)
        at.session.say(ann, TextSaid("m1", "Tell me"))
        assert (await at.closed())["state"] == "aborted"
        assert len(at.mind.requests) == 1


async def test_prepared_reply_is_asked_for_again_as_well() -> None:
    """It is ready when the words are final."""
    mind = Failing(failures=[Unavailable()])
    async with table(mind=mind, settings=PREPARING) as at:
        ann = await at.sit(hears=False)
        at.session.listening.heard(ann, Onset("u1"))
        at.session.listening.heard(ann, PartialHeard("u1", "good evening"))
        at.session.listening.heard(ann, Paused("u1", 20))
        await at.until(lambda: len(mind.requests) == 2)
        assert not at.bodies(Kind.LINE_OPENED)
