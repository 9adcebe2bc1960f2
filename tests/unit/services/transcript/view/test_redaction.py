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
        bodies.Revealed(character="mirelle", secret="hidden"),
        bodies.SceneSet(modes={"character:mirelle": "approve"}, deliveries={"mirelle": "teleprompter"}, hotwords=["hidden"]),
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


def test_the_scene_of_another_place_stays_there() -> None:
    """What else is settled with it is the session's."""
    story = Story()
    story.add(bodies.SceneSet(heading="CELLAR", description="Dark."), place="cellar", audience=["bob"])
    story.add(bodies.SceneSet(heading="CELLAR", title="The Inn"), place="cellar", audience=["bob"])
    bob, ann = ([redacted(fact, Reader("player", who)) for fact in story.facts] for who in ("bob", "ann"))
    assert [fact.body["heading"] for fact in bob if fact] == ["CELLAR", "CELLAR"]
    assert ann[0] is None
    assert ann[1] is not None
    assert ann[1].body["title"] == "The Inn"
    assert "CELLAR" not in ann[1].to_json()


def test_a_turn_that_nobody_answers_is_over_for_whoever_heard_it() -> None:
    """Who waits for an answer is told that none comes, but not why; of a whisper only those who heard it are."""
    story = Story()
    said = story.say("Psst", "bob", audience=["bob", "mirelle"])
    story.add(bodies.Passed(turn=said, reason="hidden"), audience=("bob", "mirelle"))
    aloud = story.say("Hello?", "bob")
    story.add(bodies.Passed(turn=aloud, reason="hidden"))
    sent = {who: [shown for fact in story.facts if (shown := redacted(fact, Reader("player", who)))] for who in ("ann", "bob")}
    assert [(str(fact.kind), fact.body.get("turn")) for fact in sent["ann"]] == [("said", None), ("passed", aloud)]
    assert [(str(fact.kind), fact.body.get("turn")) for fact in sent["bob"]] == [("said", None), ("passed", said), ("said", None), ("passed", aloud)]
    assert "hidden" not in "".join(fact.to_json() for facts in sent.values() for fact in facts)
    assert [redacted(fact, DIRECTOR) for fact in story.facts] == story.facts


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


def test_a_draft_that_was_seen_to_passes_in_its_new_words() -> None:
    """When its line is released, and whenever a player reads it up: what it said before is nobody's business. Directors read what was written."""
    story = Story()
    story.open("l", mode="approve")
    seq = story.sentence("l", "The butler did it.")
    story.add(bodies.Corrected(target=seq, text="Nobody knows."))
    story.add(bodies.Released(line="l"))
    released = fold(story.facts, DIRECTOR)
    story.close("l", "heard", seq, 13)
    for view in (released, fold(story.facts, DIRECTOR)):
        sent = redacted(story.facts[seq - 1], ANN, view)
        assert sent is not None
        assert (sent.body["text"], "butler" in sent.to_json()) == ("Nobody knows.", False)
        assert redacted(story.facts[seq - 1], DIRECTOR, view) is story.facts[seq - 1]


def test_a_line_released_to_others_is_theirs_from_its_opening_on() -> None:
    """Whoever was there when it was drafted, and is not when it is released, is told nothing of it, then or later."""
    story = Story()
    story.open("l", mode="approve", audience=["ann", "bob"])
    story.sentence("l", "Draft.", audience=["ann", "bob"])
    seq = story.sentence("l", "Draft.", attempt=2, audience=["bob", "carl"])
    story.add(bodies.Released(line="l"), audience=("bob", "carl"))
    while_open = fold(story.facts, DIRECTOR)
    story.close("l", "heard", seq, 6)
    for view in (while_open, fold(story.facts, DIRECTOR)):
        sent = {who: [fact.seq for fact in story.facts[:4] if redacted(fact, Reader("player", who), view)] for who in ("ann", "bob", "carl")}
        assert sent == {"ann": [], "bob": [1, 3], "carl": [1, 3]}


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


def test_who_may_not_speak_is_public() -> None:
    """A player may wonder why nobody answers."""
    story = Story()
    story.add(bodies.Silenced(on=True))
    assert redacted(story.facts[0], ANN) is story.facts[0]


def test_scene_passes_without_the_directors_settings() -> None:
    """Heading, title and mode are for all; names that hearing has learned may give somebody away."""
    story = Story()
    story.add(bodies.SceneSet(heading="INN", mode="approve", modes={"character:ogre": "auto"}, hotwords=["Ys"]))
    sent = redacted(story.facts[0], ANN)
    assert sent is not None
    assert sent.body["heading"] == "INN"
    assert "Ys" not in sent.to_json()
    assert "ogre" not in sent.to_json()


def test_insertion_passes_where_it_is_known() -> None:
    """Words put into the past reach those who could have heard them by then; without a view nobody."""
    story = Story()
    aside = story.say("Aside", "carl", audience=["carl", "bob"])
    story.insert(aside, "Hush.", member="carl")
    story.insert(0, "It rains.", block="action")
    view = fold(story.facts, DIRECTOR)
    assert [redacted(fact, ANN, view) is not None for fact in story.facts] == [False, False, True]
    assert [redacted(fact, Reader("player", "bob"), view) is not None for fact in story.facts] == [True, True, True]
    assert redacted(story.facts[2], ANN) is None


def test_draft_that_was_given_other_words_never_passes() -> None:
    """After the release a player gets the words that were released, and nobody's name on them but the character's."""
    story = Story()
    story.open("l", mode="approve")
    story.sentence("l", "First draft.")
    director = Author("director", "gm", "Gia")
    spoken = bodies.Spoken(line="l", attempt=2, index=0, text="Better words.", tagged="Better words.")
    seq = story.add(spoken, by=director)
    story.add(bodies.Released(line="l"), by=director)
    for closed in (False, True):
        if closed:
            story.close("l", "heard", seq, 13)
        view = fold(story.facts, DIRECTOR)
        sent = [shown.to_json() for fact in story.facts if (shown := redacted(fact, ANN, view))]
        assert "Better words." in "".join(sent)
        assert "First draft." not in "".join(sent)
        assert "Gia" not in "".join(sent)


def test_puppet_line_passes_as_the_characters_own() -> None:
    """Who speaks through it is the director's secret, and so is what a line cost."""
    story = Story()
    gia = Author("director", "gm", "Gia")
    story.add(bodies.LineOpened(line="l", character="mirelle", turn=0, base_seq=0, mode="puppet"), by=gia)
    seq = story.add(bodies.Spoken(line="l", attempt=1, index=0, text="Boo.", tagged="Boo."), by=gia)
    story.add(bodies.LineClosed(line="l", state="heard", last_seq=seq, offset=4, cost=0.5, tokens=[1, 2]))
    view = fold(story.facts, DIRECTOR)
    sent = [shown for fact in story.facts if (shown := redacted(fact, ANN, view))]
    assert [str(fact.kind) for fact in sent] == ["line_opened", "sentence", "line_closed"]
    assert not any(word in fact.to_json() for fact in sent for word in ("Gia", "puppet", "director", "cost"))
    assert sent[0].by.id == "mirelle"


def test_draft_that_was_never_released_leaves_no_trace() -> None:
    """Aborted while it waited, it is read up by nobody later."""
    story = Story()
    story.open("l", mode="approve")
    story.sentence("l", "Draft.")
    story.close("l", "aborted")
    view = fold(story.facts, DIRECTOR)
    assert [redacted(fact, ANN, view) is not None for fact in story.facts] == [False, False, True]


def test_a_sentence_that_was_struck_while_it_was_held_never_passes() -> None:
    """Not when its line is released, not when a player reads it up later."""
    story = Story()
    story.open("l", mode="approve")
    struck, kept = story.sentence("l", "Struck."), story.sentence("l", "Kept.")
    story.add(bodies.Struck(targets=[struck]))
    story.add(bodies.Released(line="l"))
    released = fold(story.facts, DIRECTOR)
    assert [redacted(story.facts[seq - 1], ANN, released) is not None for seq in (struck, kept)] == [False, True]
    story.close("l", "heard", kept, 5)
    later = fold(story.facts, DIRECTOR)
    assert [redacted(story.facts[seq - 1], ANN, later) is not None for seq in (struck, kept)] == [False, True]
