"""What a document looks like."""

from __future__ import annotations

import io
import re

import pytest
from screenplain.parsers import fountain

from services.core.model import facts as bodies
from services.transcript.screenplay import blocks, render, render_block
from services.transcript.view import DIRECTOR, Reader, fold
from tests.unit.services.transcript.story import Story


def lines(story: Story) -> list[str]:
    """The document without its markers, title page and empty lines."""
    body = render(fold(story.facts, DIRECTOR)).split("\n\n", 1)[1]
    return [line for line in re.sub(r" ?\[\[souffleur:.*?\]\]", "", body).split("\n") if line]


def test_elements_are_forced() -> None:
    """Headings, cues and action are marked as what they are, so that no name and no text is mistaken for another element."""
    story = Story()
    story.add(bodies.SceneSet(heading="The inn", description="EXT. IS NO HEADING HERE"))
    story.say("@all: INT. is not either", "ann")
    story.add(bodies.Summarized(text="They met.", covers=[2]))
    assert lines(story) == [".The inn", "!EXT. IS NO HEADING HERE", "@Ann", "\\@all: INT. is not either", "= They met."]


@pytest.mark.parametrize(
    "text",
    [
        "Hello there.",
        "...and then?",
        "Wait -- no!",
        "It's 5 > 3 & 2 < 4.",
        "a/b, c#d, me@home",
        "Здравствуй, путник!",
        "你好，请进。",
        "שלום",
        "(x) in the middle (y)"[4:],
    ],
)
def test_ordinary_text_is_untouched(text: str) -> None:
    """What Fountain would not misread stands as it was said."""
    story = Story()
    story.say(text)
    assert lines(story)[1] == text


def test_unheard_and_struck_lie_in_the_boneyard() -> None:
    """The cut falls inside the sentence, later sentences are buried, and a struck block is buried whole."""
    story = Story()
    story.open("l")
    cut = story.sentence("l", "I know it all.")
    story.sentence("l", "Unheard.", emotion="joy")
    story.close("l", "cut", cut, 6)
    said = story.say("Oops")
    story.add(bodies.Struck(targets=[said]))
    assert lines(story) == ["@mirelle", "I know/* it all.*//*", "(joy)", "Unheard.", "*/", "/*", "@Ann", "Oops", "*/"]


def test_feeling_is_a_parenthetical() -> None:
    """Emotion, intensity and manner where they are not the plain ones; back to plain is said once."""
    story = Story()
    story.open("l")
    for number, (emotion, intensity, manner) in enumerate(
        [("neutral", 0.5, "plain"), ("joy", 0.5, "plain"), ("joy", 0.8, "whisper"), ("neutral", 0.5, "plain")]
    ):
        story.add(bodies.Spoken(line="l", attempt=1, index=number, text=f"{number}.", tagged="", emotion=emotion, intensity=intensity, manner=manner))
    assert lines(story) == ["@mirelle", "0.", "(joy)", "1.", "(joy 0.8, whisper)", "2.", "(neutral)", "3."]


def test_one_block_at_a_time() -> None:
    """Each block is written by itself exactly as it stands in the document, under an id that corrections do not change."""
    story = Story()
    story.say("Hello")
    seq = story.say("Bye")
    before = blocks(fold(story.facts, DIRECTOR))
    story.add(bodies.Corrected(target=seq, text="Farewell"))
    view = fold(story.facts, DIRECTOR)
    after = blocks(view)
    assert [block.id for block in after] == [block.id for block in before] == ["1", "2"]
    assert render(view).endswith("\n\n".join(map(render_block, after)) + "\n")


def test_player_sees_no_more_in_the_document_than_in_the_view() -> None:
    """No note, draft or unheard word stands in a player's document."""
    story = Story()
    story.note("Hidden hint")
    story.open("l")
    cut = story.sentence("l", "Public secret")
    story.close("l", "cut", cut, 6)
    document = render(fold(story.facts, Reader("player", "ann")))
    assert "Public" in document
    assert "secret" not in document
    assert "hint" not in document


def test_another_program_reads_it_as_a_screenplay() -> None:
    """An independent Fountain reader finds cues, parentheticals and dialogue, and none of what is hidden."""
    story = Story()
    story.add(bodies.SceneSet(title="T", heading="THE INN"))
    story.say("First.\n\nSecond [[thing]] /* here */.")
    story.open("l")
    one = story.sentence("l", "Struck.", emotion="fear")
    two = story.sentence("l", "*Sit* down now.", emotion="joy")
    story.sentence("l", "Unheard.")
    story.close("l", "cut", two, 5)
    story.add(bodies.Struck(targets=[one]))
    play = fountain.parse(io.StringIO(render(fold(story.facts, DIRECTOR))))
    speeches = [(str(item.character), [str(text) for _, text in item.blocks]) for item in play if type(item).__name__ == "Dialog"]
    assert [name for name, _ in speeches] == ["Ann", "mirelle"]
    assert speeches[0][1][:2] == ["First.", ""]
    assert speeches[1][1] == ["(joy)", "*Sit*"]
