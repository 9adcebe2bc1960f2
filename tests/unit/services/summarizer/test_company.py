"""What not everybody heard: memories of it are those of who was there, and say so; and digests are of what somebody knows."""

from __future__ import annotations

import json

from services.core.model import facts as bodies
from services.transcript.view import Reader, fold
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


def _digests(followed: Followed) -> list[str]:
    """Their texts, written down as they were told."""
    told = [json.loads(request.body) for request in followed.told if request.kind == "summarized"]
    for body in told:
        followed.story.add(bodies.Summarized(text=body["text"], covers=body["covers"]))
    return [body["text"] for body in told]


async def test_where_each_knows_a_secret_one_digest_is_what_they_share() -> None:
    """When somebody asks for one: it is what may be told to a whole cast. Once is enough."""
    story = Story()
    for member in ("mirelle", "grim"):
        story.join(member)
    story.join("ann", role="player")
    story.say(ALOUD, audience=("ann", "mirelle", "grim"))
    story.say(SECRET, audience=("ann", "grim"))
    story.say("The tower of Hallow burns at dawn, says Corvin.", audience=("ann", "mirelle"))
    followed = Followed(story)
    await followed.record.catch_up(followed)
    await followed.work.wish(followed.record, "summary", 60.0)
    texts = _digests(followed)
    assert len(texts) == 4
    shared = [text for text in texts if "miller" not in text and "tower" not in text]
    assert len(shared) == 1
    assert "Brackwater" in shared[0]
    followed.told.clear()
    await followed.record.catch_up(followed)
    await followed.work.wish(followed.record, "summary", 60.0)
    assert not _digests(followed)
    for character, secret, others in (("mirelle", "tower", "miller"), ("grim", "miller", "tower")):
        digest = fold(story.facts, Reader("character", character)).summary
        assert digest is not None
        assert secret in digest.text
        assert others not in digest.text
