"""What a live reader is sent."""

from __future__ import annotations

from services.core.model import facts as bodies
from services.transcript.screenplay import Delta, blocks, delta
from services.transcript.view import DIRECTOR, Reader, View, fold
from tests.unit.services.transcript.story import Story


def test_new_block_is_appended_and_a_growing_line_replaced() -> None:
    """One fact more means one block to send, however long the session is."""
    story = Story()
    for number in range(200):
        story.say(f"{number}")
    view = fold(story.facts, DIRECTOR)
    story.open("l")
    opened = view.advance(story.facts)
    story.sentence("l", "Hello.")
    grown = opened.advance(story.facts)
    assert [block.kind for block in delta(view, opened).appended] == ["line"]
    step = delta(opened, grown)
    assert [part.text for block in step.replaced for part in block.parts] == ["Hello."]
    assert (step.appended, step.whole) == ((), False)


def test_old_block_is_replaced_by_its_id() -> None:
    """An edit or a strike far back is the replacement of that block alone."""
    story = Story()
    for number in range(200):
        story.say(f"{number}")
    view = fold(story.facts, DIRECTOR)
    story.add(bodies.Corrected(target=3, text="changed"))
    edited = view.advance(story.facts)
    story.add(bodies.Struck(targets=[7]))
    struck = edited.advance(story.facts)
    assert [block.id for block in delta(view, edited).replaced] == ["3"]
    assert [block.id for block in delta(edited, struck).replaced] == ["7"]


def test_what_vanishes_needs_the_whole_document() -> None:
    """A retcon cannot be told by appending and replacing."""
    story = Story()
    story.say("one")
    story.say("two")
    view = fold(story.facts, DIRECTOR)
    story.add(bodies.Retconned(to=1))
    assert delta(view, view.advance(story.facts)).whole


def test_line_that_comes_in_between_needs_the_whole_document() -> None:
    """A player learns of a line when it is closed; words that fell into it stand behind it."""
    story = Story()
    story.open("l")
    seq = story.sentence("l", "Let me tell")
    story.say("Stop!")
    player = Reader("player", "ann")
    view = fold(story.facts, player)
    story.close("l", "cut", seq, 3)
    assert delta(view, view.advance(story.facts)).whole


def test_silent_facts_send_nothing() -> None:
    """A fact that the reader does not see changes nothing; a new member changes the title page."""
    story = Story()
    story.say("one")
    view = fold(story.facts, Reader("player", "ann"))
    story.note("hidden")
    silent = view.advance(story.facts)
    assert delta(view, silent) == Delta()
    story.join("ogre")
    assert delta(silent, silent.advance(story.facts)).title


def test_release_at_once_is_a_replacement_and_a_late_one_a_move() -> None:
    """A held line changes its place only if something was said while it was held."""
    story = Story()
    story.say("one")
    story.open("l", mode="approve")
    story.sentence("l", "Hello.")
    held = fold(story.facts, DIRECTOR)
    at_once, late = Story(), Story()
    at_once.facts, late.facts = list(story.facts), list(story.facts)
    at_once.add(bodies.Released(line="l"))
    late.say("two")
    waiting = fold(late.facts, DIRECTOR)
    late.add(bodies.Released(line="l"))
    assert [block.id for block in delta(held, held.advance(at_once.facts)).replaced] == ["2"]
    assert delta(waiting, waiting.advance(late.facts)).whole


def test_insertion_needs_the_whole_document() -> None:
    """It comes in between."""
    story = Story()
    story.say("one")
    story.say("two")
    view = fold(story.facts, DIRECTOR)
    story.insert(1, "between", member="ann")
    assert delta(view, view.advance(story.facts)).whole


def test_following_the_deltas_gives_the_view() -> None:
    """Applied one after the other, they give every reader the blocks of the last view."""
    story = Story()
    story.join("mirelle")
    for number in range(40):
        story.say(f"said {number}")
        story.open(f"l{number}")
        seq = story.sentence(f"l{number}", "Some words.")
        story.close(f"l{number}", "cut", seq, number % 12)
        if number % 10 == 9:
            story.add(bodies.Corrected(target=seq, text="Other words."))
            story.add(bodies.Struck(targets=[seq]))
        if number % 10 == 5:
            story.insert(seq, f"inserted {number}", block="line", member="mirelle")
            story.open(f"h{number}", mode="approve")
            story.sentence(f"h{number}", "Held.")
            story.say(f"meanwhile {number}")
            story.add(bodies.Released(line=f"h{number}"))
    for reader in (DIRECTOR, Reader("player", "ann")):
        view, shown = View(reader), dict[str, object]()
        for fact in story.facts:
            later = view.advance([fact])
            step = delta(view, later)
            changed = blocks(later) if step.whole else (*step.replaced, *step.appended)
            shown = {} if step.whole else shown
            shown |= {block.id: block for block in changed}
            view = later
        assert tuple(shown.values()) == blocks(view)
