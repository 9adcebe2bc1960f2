"""The text file."""

from __future__ import annotations

from services.core.model import facts as bodies
from services.core.model.fact import Author
from services.transcript.screenplay import plain_text
from services.transcript.view import DIRECTOR, Reader, fold
from tests.unit.services.transcript.story import Story


def test_reads_like_a_story() -> None:
    """Names and words, where a line was cut, and nothing of ids, markup, struck or unheard text."""
    story = Story()
    story.add(bodies.SceneSet(title="The Inn", heading="AT NIGHT", description="It rains."))
    story.join("mirelle")
    story.say("Who's there?\n\nSpeak!")
    story.open("l")
    story.sentence("l", "*Me*, of course.", emotion="joy")
    cut = story.sentence("l", "Do not be afraid.")
    story.sentence("l", "Unheard.")
    story.close("l", "cut", cut, 6)
    gone = story.say("Oops\x07")
    story.add(bodies.Rolled(expression="1d6", total=4), by=Author("player", "ann", "Ann"))
    story.note("Be nice.")
    story.add(bodies.Struck(targets=[gone]))
    assert plain_text(fold(story.facts, DIRECTOR)) == (
        "The Inn\n=======\n\n--- AT NIGHT ---\nIt rains.\n\n* Mirelle comes in.\n\nAnn: Who's there?\n\n    Speak!\n\n"
        "Mirelle: (joy) *Me*, of course. (neutral) Do not—\n\n* Ann rolls 1d6: 4\n\n[Note: Be nice.]\n"
    )
    assert "Be nice" not in plain_text(fold(story.facts, Reader("player", "ann")))


def test_control_characters_are_left_out() -> None:
    """A terminal that shows the file is not steered by what somebody said."""
    story = Story()
    story.say("a\x1b[31mb\u2028c\r\nd")
    assert plain_text(fold(story.facts, DIRECTOR)) == "Ann: a[31mb\n    c\n    d\n"
