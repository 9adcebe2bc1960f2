"""What a session is told of the one that it continues."""

from __future__ import annotations

from typing import Any

from services.core.errors import Unavailable
from services.core.model.facts import Summarized
from services.gateway.advice.recap import previously, recap
from services.gateway.history import Table
from services.transcript.view import DIRECTOR, Reader, fold
from tests.unit.services.transcript.story import Story


class Away:
    """A house without a summarizer, and the history of one story."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.runtime = self

    def summarizer(self) -> Away:
        return self

    async def advise(self, _sid: str, _what: str, _patience_s: float) -> None:
        raise Unavailable("away")

    async def table(self, _sid: str, reader: Reader = DIRECTOR) -> Table:
        return Table(fold(self.story.facts, reader), {})


async def told(story: Story) -> str:
    """The first digest of the session that continues this one."""
    house: Any = Away(story)
    return await previously(house, house, "old")


async def test_a_new_cast_is_told_what_every_character_knew() -> None:
    """Neither whispers nor another room: the director alone reads those."""
    story = Story()
    story.join("mirelle")
    story.join("grim")
    aloud = story.say("Aloud", audience=["mirelle", "grim"])
    whisper = story.say("Whispered", audience=["grim"])
    story.add(Summarized(text="What all know.", covers=[aloud]))
    story.add(Summarized(text="What Grim knows.", covers=[aloud, whisper]))
    assert await told(story) == "What all know."
    assert recap(fold(story.facts, DIRECTOR)) == "What Grim knows."
    story.leave("mirelle")
    assert await told(story) == "What Grim knows."
    story.leave("grim")
    assert await told(story) == "What all know."


async def test_where_there_was_no_character_nothing_was_hidden_from_one() -> None:
    """People who played among themselves."""
    story = Story()
    said = story.say("Aloud")
    story.add(Summarized(text="All of it.", covers=[said]))
    assert await told(story) == "All of it."
