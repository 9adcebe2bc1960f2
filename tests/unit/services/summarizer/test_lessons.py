"""What the director changed becomes a lesson: the draft, the version, and both fact ids."""

from __future__ import annotations

from services.core.model import facts as bodies
from services.core.model.fact import Author
from services.summarizer.lessons import Drafts, Lesson
from tests.unit.services.transcript.story import Story

GM = Author("director", "gm")


def _learned(story: Story) -> list[Lesson]:
    drafts = Drafts()
    for fact in story.facts:
        drafts.take(fact)
    return drafts.waiting


def _spoken(line: str, attempt: int, index: int, text: str) -> bodies.Spoken:
    return bodies.Spoken(line=line, attempt=attempt, index=index, text=text, tagged=text)


def test_an_edit_before_release_teaches() -> None:
    """All of the draft against all of the version; what was released as it was drafted teaches nothing."""
    story = Story()
    story.open("one", mode="approve")
    drafts = [story.add(_spoken("one", 1, at, text)) for at, text in enumerate(("Of course!", "Take it all."))]
    own = story.add(_spoken("one", 2, 0, "Never."), by=GM)
    story.add(bodies.Released(line="one"), by=GM)
    story.open("two", mode="approve")
    story.add(_spoken("two", 1, 0, "Well."))
    story.add(bodies.Released(line="two"), by=GM)
    (lesson,) = _learned(story)
    assert lesson == Lesson(character="mirelle", draft="Of course! Take it all.", version="Never.", rests_on=(*drafts, own))
    assert lesson.plain == "Instead of 'Of course! Take it all' the director wrote 'Never'."


def test_a_refusal_teaches_only_with_a_reason() -> None:
    """A retake alone says nothing about what was wrong."""
    story = Story()
    story.open("one", mode="approve")
    story.sentence("one", "Take it all.")
    story.add(bodies.Rejected(line="one"), by=GM)
    story.open("two", mode="approve")
    draft = story.sentence("two", "Take it all.")
    rejected = story.add(bodies.Rejected(line="two", reason="She is stingy."), by=GM)
    (lesson,) = _learned(story)
    assert lesson.rests_on == (draft, rejected)
    assert lesson.plain == "The director refused 'Take it all': She is stingy."


def test_a_correction_of_what_was_said_teaches_each_time_from_the_last_wording() -> None:
    """Feelings alone, other people's words and puppet lines do not."""
    story = Story()
    asked = story.say("Give me the key.")
    (sentence,) = story.speak("one", "Take it.")
    first = story.add(bodies.Corrected(target=sentence, text="Buy it."), by=GM)
    second = story.add(bodies.Corrected(target=sentence, text="Earn it."), by=GM)
    story.add(bodies.Corrected(target=sentence, text="Earn it.", emotion="anger"), by=GM)
    story.add(bodies.Corrected(target=asked, text="Give me the keys."), by=GM)
    story.add(bodies.LineOpened(line="puppet", character="mirelle", turn=0, base_seq=0, mode="puppet"), by=GM)
    puppet = story.sentence("puppet", "Boo.")
    story.add(bodies.Corrected(target=puppet, text="Hoo."), by=GM)
    lessons = _learned(story)
    assert [(lesson.draft, lesson.version, lesson.rests_on) for lesson in lessons] == [
        ("Take it.", "Buy it.", (sentence, first)),
        ("Buy it.", "Earn it.", (sentence, second)),
    ]


def test_a_change_of_feeling_leaves_the_words_as_they_are() -> None:
    """No digest is out of date because of it."""
    story = Story()
    (sentence,) = story.speak("one", "Take it.")
    drafts = Drafts()
    for fact in story.facts:
        drafts.take(fact)
    story.add(bodies.Corrected(target=sentence, text="Take it.", emotion="anger"), by=GM)
    assert not drafts.take(story.facts[-1])
    story.add(bodies.Corrected(target=sentence, text="Buy it."), by=GM)
    assert drafts.take(story.facts[-1])


def test_what_is_kept_is_bounded() -> None:
    """Lines and lessons."""
    story = Story()
    for number in range(200):
        (sentence,) = story.speak(f"l{number}", "Take it.")
        story.add(bodies.Corrected(target=sentence, text=f"Number {number}."), by=GM)
    drafts = Drafts()
    for fact in story.facts:
        drafts.take(fact)
    assert len(drafts.waiting) == 32
    assert len(drafts.lines) == 64
    assert len(drafts.wording) == 64
