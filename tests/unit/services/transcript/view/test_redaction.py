"""Which live facts reach a player."""

from __future__ import annotations

import pytest

from services.core.model import facts as bodies
from services.core.model.fact import Author, Fact
from services.transcript.view import DIRECTOR, Reader, View, fold, redacted
from tests.unit.services.transcript.story import Story

ANN = Reader("player", "ann")


def passed(story: Story, reader: Reader = ANN) -> list[str]:
    """Kinds of the facts that reach the reader live, each judged with the director's view at that fact."""
    view = View(DIRECTOR)
    kinds: list[str] = []
    for fact in story.facts:
        view = view.advance([fact])
        if redacted(fact, reader, view):
            kinds.append(str(fact.kind))
    return kinds


@pytest.mark.parametrize(
    "body",
    [
        bodies.Noted(text="hidden"),
        bodies.Whispered(character="mirelle", text="hidden"),
        bodies.Recommended(recommendation="r", category="tone", text="hidden"),
        bodies.RecommendationDecided(recommendation="r", state="accepted", text="hidden"),
        bodies.Summarized(text="hidden", covers=[1]),
        bodies.Rejected(line="l", reason="hidden"),
        bodies.Passed(turn=1, reason="hidden"),
    ],
)
def test_directors_business_stays_inside(body: bodies.Body) -> None:
    """Notes, whispers, recommendations, digests and decisions reach directors and operators only."""
    story = Story()
    story.add(body)
    (fact,) = story.facts
    assert redacted(fact, ANN) is None
    assert redacted(fact, Reader("player"), fold(story.facts, DIRECTOR)) is None
    assert redacted(fact, DIRECTOR) is fact
    assert redacted(fact, Reader("operator", "op")) is fact


def test_unknown_kinds_stay_inside() -> None:
    """What this version does not know may hold anything."""
    fact = Fact(seq=1, kind="teleported", at_ms=0, by=Author("stage"))
    assert redacted(fact, ANN) is None


def test_cards_are_taken_out() -> None:
    """A player learns who came, not what is on the card."""
    story = Story()
    story.join("mirelle")
    sent = redacted(story.facts[0], ANN)
    assert sent is not None
    assert "card" not in sent.body
    assert sent.body["name"] == "Mirelle"
    assert story.facts[0].body["card"]


def test_audience_decides() -> None:
    """Words for others do not pass; one's own do."""
    story = Story()
    story.say("For Bob", "carl", audience=["bob"])
    story.say("Mine", "ann", audience=["bob"])
    assert [redacted(fact, ANN) is not None for fact in story.facts] == [False, True]


def test_held_draft_passes_only_after_release() -> None:
    """Nothing of a line that waits for approval reaches a player, its corrections included."""
    story = Story()
    story.open("l", mode="approve")
    seq = story.sentence("l", "Draft.")
    story.add(bodies.Corrected(target=seq, text="Better draft."))
    assert passed(story) == []
    story.add(bodies.Released(line="l"))
    story.sentence("l", "After release.")
    story.add(bodies.Corrected(target=seq, text="Best draft."))
    assert passed(story) == ["sentence", "corrected"]
    released = fold(story.facts, DIRECTOR)
    assert redacted(story.facts[0], ANN, released) is not None
    assert redacted(story.facts[1], ANN, released) is not None


def test_rejected_line_never_passes() -> None:
    """Not while it is held, not when it is refused, not when a player reads it up later."""
    story = Story()
    story.open("l", mode="approve")
    seq = story.sentence("l", "Draft.")
    story.add(bodies.Rejected(line="l"))
    story.close("l", "rejected")
    story.add(bodies.Corrected(target=seq, text="Draft again."))
    assert passed(story) == []
    later = fold(story.facts, DIRECTOR)
    assert [redacted(fact, ANN, later) for fact in story.facts] == [None] * 5


def test_line_in_auto_mode_passes_as_it_comes() -> None:
    """Captions need the sentences while they are spoken; afterwards only the heard ones can be read up."""
    story = Story()
    story.open("l")
    one = story.sentence("l", "Heard.")
    story.sentence("l", "Not heard.")
    story.close("l", "cut", one, 6)
    assert passed(story) == ["line_opened", "sentence", "sentence", "line_closed"]
    later = fold(story.facts, DIRECTOR)
    assert [redacted(fact, ANN, later) is not None for fact in story.facts] == [True, True, False, True]


def test_correction_without_a_view_stays_inside() -> None:
    """Whether the corrected words ever reached the player cannot be told from the correction alone."""
    story = Story()
    said = story.say("Helo")
    story.add(bodies.Corrected(target=said, text="Hello"))
    assert redacted(story.facts[1], ANN) is None
    assert redacted(story.facts[1], ANN, fold(story.facts, DIRECTOR)) is not None
