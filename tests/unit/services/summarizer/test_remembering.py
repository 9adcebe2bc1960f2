"""When passages are remembered: each once, however long it took until it was heard; without a model, so that the words tell."""

from __future__ import annotations

from services.core.model import facts as bodies
from services.core.model.fact import Author
from tests.unit.services.summarizer.followed import Followed
from tests.unit.services.transcript.story import Story

GM = Author("director", "gm")
QUIET_S = 3_600.0


def _inn() -> Story:
    story = Story()
    story.join("mirelle")
    return story


async def test_a_line_that_was_held_while_the_table_talked_on_is_remembered() -> None:
    """What was said meanwhile was remembered before the line was released."""
    story = _inn()
    story.open("held", mode="approve")
    sentence = story.sentence("held", "I killed the miller of Dunmore in 1203.")
    story.say("I promise to bring 12 horses to Brackwater before midnight.")
    followed = Followed(story)
    await followed.visit(later_s=QUIET_S)
    assert followed.texts() == ["Ann: I promise to bring 12 horses to Brackwater before midnight."]
    story.add(bodies.Released(line="held"), by=GM)
    story.close("held", "heard", sentence, 99)
    await followed.visit(later_s=QUIET_S)
    assert followed.texts() == ["Ann: I promise to bring 12 horses to Brackwater before midnight.", "Mirelle: I killed the miller of Dunmore in 1203."]


async def test_a_line_that_somebody_spoke_into_is_remembered_once() -> None:
    """Their words lie between its sentence and its end."""
    story = _inn()
    story.open("cut")
    sentence = story.sentence("cut", "I killed the miller of Dunmore in 1203.")
    story.say("I promise to bring 12 horses to Brackwater before midnight.")
    followed = Followed(story)
    await followed.visit(later_s=QUIET_S)
    story.close("cut", "cut", sentence, 99)
    await followed.visit(later_s=QUIET_S)
    assert len(followed.texts()) == 2
    followed.memories.clear()
    await followed.visit(later_s=QUIET_S)
    assert followed.texts() == []
