"""Memories of what not everybody heard: they are those of who was there, and say so."""

from __future__ import annotations

from tests.unit.services.summarizer.followed import Followed
from tests.unit.services.transcript.story import Story

QUIET_S = 3_600.0
SECRET, ALOUD = "I killed the miller of Dunmore in 1203.", "I promise to bring 12 horses to Brackwater before midnight."


async def test_whispers_are_remembered_by_those_who_heard_them() -> None:
    """And what was said aloud by everybody."""
    story = Story()
    for member in ("mirelle", "grim"):
        story.join(member)
    for member in ("ann", "bob"):
        story.join(member, role="player")
    story.say(ALOUD, audience=("ann", "bob", "mirelle", "grim"))
    story.say(SECRET, audience=("ann", "grim"))
    followed = Followed(story)
    await followed.visit(later_s=QUIET_S)
    known = {(memory.character, memory.text.removeprefix("Ann: ")): set(memory.present) for memory in followed.memories.values()}
    assert set(known) == {("mirelle", ALOUD), ("grim", ALOUD), ("grim", SECRET)}
    assert known["grim", SECRET] == {"ann", "grim"}


async def test_another_room_is_remembered_by_who_was_in_it() -> None:
    """Whoever came later does not remember it."""
    story = Story()
    for member in ("mirelle", "grim"):
        story.join(member)
    story.join("ann", role="player")
    story.join("grim", place="cellar")
    story.say(SECRET, audience=("ann", "mirelle"))
    story.join("grim")
    followed = Followed(story)
    await followed.visit(later_s=QUIET_S)
    assert {memory.character for memory in followed.memories.values()} == {"mirelle"}
