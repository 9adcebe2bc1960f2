"""What is done for a session while its table goes on playing."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from services.core.model import facts as bodies
from services.core.model.fact import Author
from services.core.model.reply import ReplyEvent, ReplyRequest
from tests.unit.services.summarizer.asked import Roleplay
from tests.unit.services.summarizer.followed import BEGAN_MS, Followed
from tests.unit.services.transcript.story import Story

GM = Author("director", "gm")


class _Slow(Roleplay):
    """While it thinks, the director decides."""

    def __init__(self, story: Story) -> None:
        super().__init__("Be stingy.")
        self._story = story

    async def reply(self, request: ReplyRequest, timeout_s: float) -> AsyncGenerator[ReplyEvent]:
        self._story.add(bodies.RecommendationDecided(recommendation="r", state="pinned"), by=GM)
        async for event in super().reply(request, timeout_s):
            yield event


async def test_what_was_decided_while_a_model_was_asked_does_not_expire() -> None:
    """The proposal's time is over when the visit begins; the director pins it before the visit comes to look at the time."""
    story = Story()
    story.join("mirelle")
    story.add(bodies.Recommended(recommendation="r", category="tone", text="Slower", expires_at_ms=BEGAN_MS + 1))
    story.open("one", mode="approve")
    story.sentence("one", "Take it all.")
    story.add(bodies.Rejected(line="one", reason="She is stingy."), by=GM)
    followed = Followed(story, _Slow(story), light=("light",))
    await followed.visit(later_s=1)
    assert [fact.kind for fact in story.facts].count("recommendation_decided") == 1
    assert followed.decided() == []


async def test_what_nobody_decided_on_expires() -> None:
    """As soon as its time is over."""
    story = Story()
    story.add(bodies.Recommended(recommendation="r", category="tone", text="Slower", expires_at_ms=BEGAN_MS + 1))
    followed = Followed(story)
    await followed.visit()
    assert followed.decided() == []
    await followed.visit(later_s=1)
    assert [body["state"] for body in followed.decided()] == ["expired"]
