"""Which notes steer whom, and for how long."""

from __future__ import annotations

import pytest

from services.core.model import facts as bodies
from services.core.model.fact import Author
from services.transcript.view import DIRECTOR, Note, Reader, fold
from tests.unit.services.transcript.story import Story

MIRELLE = Reader("character", "mirelle")
OGRE = Reader("character", "ogre")


def inn() -> Story:
    story = Story()
    story.join("mirelle")
    story.join("ogre")
    return story


def notes(story: Story, reader: Reader) -> list[tuple[str, int | None]]:
    return [(note.text, note.remaining) for note in fold(story.facts, reader).notes]


def test_note_for_one_character_does_not_reach_another() -> None:
    """A character finds its own notes and those for all; a player finds none; the director finds every one."""
    story = inn()
    story.note("All: it rains")
    story.note("You are afraid", character="ogre")
    assert notes(story, MIRELLE) == [("All: it rains", None)]
    assert notes(story, OGRE) == [("All: it rains", None), ("You are afraid", None)]
    assert len(notes(story, DIRECTOR)) == 2
    assert notes(story, Reader("player", "ann")) == []


def test_once_is_used_up_by_the_next_line_of_each() -> None:
    """A note for all stays in force for whoever has not spoken yet, and for the director as long as for anybody."""
    story = inn()
    story.note("Whisper it", scope="once")
    story.open("l1", "mirelle")
    assert notes(story, MIRELLE) == []
    assert notes(story, OGRE) == [("Whisper it", 1)]
    assert notes(story, DIRECTOR) == [("Whisper it", 1)]
    story.open("l2", "ogre")
    assert notes(story, OGRE) == []
    assert notes(story, DIRECTOR) == []


def test_turns_count_down() -> None:
    """A note for two lines says how many are left."""
    story = inn()
    story.note("Be curt", scope="turns", turns=2, character="ogre")
    story.open("l1", "mirelle")
    assert notes(story, OGRE) == [("Be curt", 2)]
    story.open("l2", "ogre")
    assert notes(story, OGRE) == [("Be curt", 1)]
    story.open("l3", "ogre")
    assert notes(story, OGRE) == []


def test_line_uses_up_only_notes_that_it_knew() -> None:
    """A note given while a reply was already being made waits for the line after."""
    story = inn()
    note = story.note("Smile", scope="once")
    story.open("early", "ogre", base_seq=note - 1)
    assert notes(story, OGRE) == [("Smile", 1)]
    story.open("late", "ogre", base_seq=note)
    assert notes(story, OGRE) == []


def test_note_is_taken_back() -> None:
    """A later note removes an earlier one, with or without a text of its own; so does striking it."""
    story = inn()
    one = story.note("One")
    two = story.note("Two", removes=one)
    assert notes(story, OGRE) == [("Two", None)]
    story.note("", removes=two)
    assert notes(story, OGRE) == []
    three = story.note("Three")
    story.add(bodies.Struck(targets=[three]))
    assert notes(story, OGRE) == []


def test_note_used_by_a_line_that_never_happened_is_in_force_again() -> None:
    """A retcon gives back what the taken-back line had used up."""
    story = inn()
    note = story.note("Once", scope="once")
    story.open("l", "ogre")
    story.close("l", "cut")
    assert notes(story, OGRE) == []
    story.add(bodies.Retconned(to=note))
    assert notes(story, OGRE) == [("Once", 1)]


def test_edited_note_steers_with_its_new_text() -> None:
    """A correction of a note is what the next prompt reads."""
    story = inn()
    note = story.note("Be kid")
    story.add(bodies.Corrected(target=note, text="Be kind"))
    assert notes(story, OGRE) == [("Be kind", None)]


def test_accepted_recommendation_steers_like_a_note() -> None:
    """Accepted = one line, pinned = until it is decided otherwise; a proposal steers nothing."""
    story = inn()
    seq = story.add(bodies.Recommended(recommendation="r", category="tone", text="Slower", character="ogre"))
    assert notes(story, OGRE) == []
    story.add(bodies.RecommendationDecided(recommendation="r", state="pinned", text="Slow down"))
    assert fold(story.facts, OGRE).notes == (Note(seq=seq, text="Slow down", character="ogre"),)
    story.add(bodies.RecommendationDecided(recommendation="r", state="accepted"))
    story.open("l", "ogre")
    assert notes(story, OGRE) == []


def test_recommendation_accepted_after_the_prompt_was_made_waits() -> None:
    """A line that was prepared before the decision does not use it up, though it knew the proposal."""
    story = inn()
    proposed = story.add(bodies.Recommended(recommendation="r", category="tone", text="Slower", character="ogre"))
    decided = story.add(bodies.RecommendationDecided(recommendation="r", state="accepted"))
    story.open("early", "ogre", base_seq=proposed)
    assert notes(story, OGRE) == [("Slower", 1)]
    story.open("late", "ogre", base_seq=decided)
    assert notes(story, OGRE) == []


def test_accepted_recommendation_lapses_with_its_time() -> None:
    """Unused until it is stale it steers nothing any more; a pinned one stands until it is decided otherwise."""
    story = inn()
    over = 1_700_000_000_000 + 6
    story.add(bodies.Recommended(recommendation="a", category="tone", text="Now", character="ogre", expires_at_ms=over))
    story.add(bodies.RecommendationDecided(recommendation="a", state="accepted"))
    assert notes(story, OGRE) == [("Now", 1)]
    story.say("Time goes by.")
    story.say("And by.")
    assert notes(story, OGRE) == []
    story.add(bodies.RecommendationDecided(recommendation="a", state="pinned"))
    assert notes(story, OGRE) == [("Now", None)]
    story.add(bodies.RecommendationDecided(recommendation="a", state="rejected"))
    assert notes(story, OGRE) == []


@pytest.mark.parametrize("state", ["expired", "accepted"])
def test_an_adviser_that_comes_too_late_undoes_no_decision(state: str) -> None:
    """It looked while the proposal was waiting; the director has pinned or refused it since. Where that is taken back, the adviser's counts."""
    for decided, steers in (("pinned", [("Slower", None)]), ("rejected", [])):
        story = inn()
        story.add(bodies.Recommended(recommendation="r", category="tone", text="Slower", character="ogre"))
        decision = story.add(bodies.RecommendationDecided(recommendation="r", state=decided), by=Author("director", "gm"))
        story.add(bodies.RecommendationDecided(recommendation="r", state=state), by=Author("adviser", "adviser"))
        assert notes(story, OGRE) == steers
        story.add(bodies.Struck(targets=[decision]), by=Author("director", "gm"))
        assert notes(story, OGRE) == ([("Slower", 1)] if state == "accepted" else [])


def test_secret_is_revealed_to_its_character() -> None:
    """The director and the character know that it may be told; struck or retconned it may not."""
    story = inn()
    said = story.say("One")
    first = story.add(bodies.Revealed(character="ogre", secret="gold"))
    story.add(bodies.Revealed(character="ogre", secret="name"))
    both = {"ogre": {"gold", "name"}}
    assert fold(story.facts, OGRE).revealed == both
    assert fold(story.facts, DIRECTOR).revealed == both
    for reader in (MIRELLE, Reader("player", "ann")):
        assert fold(story.facts, reader).revealed == {}
        assert "gold" not in repr(fold(story.facts, reader).entries)
    story.add(bodies.Struck(targets=[first]))
    assert fold(story.facts, OGRE).revealed == {"ogre": {"name"}}
    story.add(bodies.Retconned(to=said))
    assert fold(story.facts, OGRE).revealed == {}


def test_what_was_before_the_session() -> None:
    """A digest that covers nothing is known to the cast that is there at its beginning, also when a newer digest has taken its place."""
    story = inn()
    story.add(bodies.Summarized(text="Last time.", covers=[]))
    said = story.say("One")
    story.join("witch")
    story.add(bodies.Summarized(text="One was said.", covers=[said]))
    view = fold(story.facts, OGRE)
    assert view.previously is not None
    assert view.summary is not None
    assert (view.previously.text, view.summary.text) == ("Last time.", "One was said.")
    assert fold(story.facts, Reader("character", "witch")).previously is None
    assert fold(story.facts, Reader("player", "ann")).previously is None
    story.add(bodies.Corrected(target=view.previously.seq, text="Long ago."))
    corrected = fold(story.facts, OGRE).previously
    assert corrected is not None
    assert corrected.text == "Long ago."
