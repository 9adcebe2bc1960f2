"""What a view holds for the director: the story so far, with everything that was done to it since."""

from __future__ import annotations

import pytest

from services.core.model import facts as bodies
from services.core.model.fact import Author, Fact, LineState
from services.transcript.view import DIRECTOR, LineEntry, Reader, SaidEntry, SceneEntry, View, fold
from tests.unit.services.transcript.story import Story


def directed(story: Story) -> View:
    return fold(story.facts, DIRECTOR)


def only_line(view: View) -> LineEntry:
    (line,) = [entry for entry in view.entries if isinstance(entry, LineEntry)]
    return line


def texts(view: View) -> list[str]:
    """Everything said and spoken, in order, struck things left out."""
    found: list[str] = []
    for entry in view.entries:
        if isinstance(entry, SaidEntry) and not entry.struck:
            found.append(entry.text)
        if isinstance(entry, LineEntry):
            found += [item.text for item in entry.sentences if not item.struck]
    return found


def test_session_data_comes_from_scene_set() -> None:
    """Title, mode, language and phrases stay until they are set anew; the scene is the last one."""
    story = Story()
    story.add(bodies.SceneSet(title="The Inn", mode="approve", language="en", phrases=["hello"], heading="INN", description="Smoky."))
    story.add(bodies.SceneSet(heading="CELLAR"))
    view = directed(story)
    assert (view.title, view.mode, view.language, view.phrases) == ("The Inn", "approve", "en", ("hello",))
    assert view.scene is not None
    assert (view.scene.heading, view.scene.description, view.scene.seq) == ("CELLAR", "", 2)
    assert [entry.heading for entry in view.entries if isinstance(entry, SceneEntry)] == ["INN", "CELLAR"]


def test_line_states_follow_the_facts() -> None:
    """A line is drafting, then speaking in auto mode; held, then queued in approve mode; and what closed it says in the end."""
    story = Story()
    story.open("auto")
    assert only_line(directed(story)).state is LineState.DRAFTING
    seq = story.sentence("auto", "Well met.")
    assert only_line(directed(story)).state is LineState.SPEAKING
    assert directed(story).open_lines == ("auto",)
    story.close("auto", "heard", seq, 9)
    assert only_line(directed(story)).state is LineState.HEARD
    assert directed(story).open_lines == ()

    held = Story()
    held.open("l", mode="approve")
    held.sentence("l", "Draft.")
    view = directed(held)
    assert only_line(view).state is LineState.HELD
    assert view.held == {"l"}
    held.add(bodies.Released(line="l"))
    view = directed(held)
    assert only_line(view).state is LineState.QUEUED
    assert view.held == frozenset()


def test_heard_extent_of_a_cut_line() -> None:
    """Sentences before the last one are wholly heard, the last one up to the offset, later ones never happened."""
    story = Story()
    story.open("l")
    first = story.sentence("l", "Sit down.")
    last = story.sentence("l", "I will tell you a secret.")
    story.sentence("l", "It is buried.")
    story.close("l", "cut", last, 11)
    line = only_line(directed(story))
    assert first < last
    assert [(item.heard, item.heard_text) for item in line.sentences] == [("all", "Sit down."), ("part", "I will tell"), ("none", "")]
    assert line.heard_text == "Sit down. I will tell"


def test_offset_counts_code_points() -> None:
    """A dragon is one code point and Cyrillic letters are one each."""
    story = Story()
    story.open("l")
    seq = story.sentence("l", "🐉 Здравствуй")
    story.close("l", "cut", seq, 5)
    assert only_line(directed(story)).heard_text == "🐉 Здр"


@pytest.mark.parametrize(("state", "last"), [("aborted", True), ("rejected", True), ("cut", False)])
def test_nothing_heard(state: str, *, last: bool) -> None:
    """An aborted or rejected line, and one without a last sentence, was not heard whatever the offset says."""
    story = Story()
    story.open("l")
    seq = story.sentence("l", "Never spoken.")
    story.close("l", state, seq if last else 0, 5)
    assert [item.heard for item in only_line(directed(story)).sentences] == ["none"]


def test_older_attempt_is_dropped() -> None:
    """The sentences of an earlier attempt vanish with the first one of a newer attempt, and stragglers of it are passed over."""
    story = Story()
    story.open("l")
    story.sentence("l", "Old one.", attempt=1)
    story.sentence("l", "New one.", attempt=2)
    story.sentence("l", "Old straggler.", attempt=1)
    assert [item.text for item in only_line(directed(story)).sentences] == ["New one."]


def test_first_closing_settles_the_line() -> None:
    """A second `line_closed` changes nothing."""
    story = Story()
    story.open("l")
    seq = story.sentence("l", "Heard to here.")
    story.close("l", "cut", seq, 5)
    story.close("l", "heard", seq, 14)
    assert only_line(directed(story)).heard_text == "Heard"


def test_edit_of_what_was_said_and_spoken() -> None:
    """The new wording stands, the first one is kept for the director, and a wholly heard sentence stays wholly heard."""
    story = Story()
    said = story.say("Helo")
    (sentence,) = story.speak("l", "Good day.")
    for text in ("Hallo", "Hello"):
        story.add(bodies.Corrected(target=said, text=text))
    story.add(bodies.Corrected(target=sentence, text="Good evening to you.", emotion="joy"))
    view = directed(story)
    entry = view.entry_of(said)
    assert isinstance(entry, SaidEntry)
    assert (entry.text, entry.original) == ("Hello", "Helo")
    (item,) = only_line(view).sentences
    assert (item.heard, item.heard_text, item.emotion, item.original) == ("all", "Good evening to you.", "joy", "Good day.")


def test_edit_before_the_line_is_closed_counts_in_the_offset() -> None:
    """What was spoken is the corrected text, so the offset is one into that."""
    story = Story()
    story.open("l")
    seq = story.sentence("l", "Ja.")
    story.add(bodies.Corrected(target=seq, text="Yes, my friend."))
    story.close("l", "cut", seq, 7)
    assert only_line(directed(story)).heard_text == "Yes, my"


def test_strike() -> None:
    """A struck `said`, sentence or whole line stays visible to the director as struck and is out of what was heard."""
    story = Story()
    said = story.say("Oops")
    one, _ = story.speak("l1", "First.", "Second.")
    opened = story.open("l2")
    seq = story.sentence("l2", "Third.")
    story.close("l2", "heard", seq, 6)
    story.add(bodies.Struck(targets=[said, one, opened]))
    view = directed(story)
    assert texts(view) == ["Second."]
    entry, line, gone = (view.entry_of(number) for number in (said, one, opened))
    assert isinstance(entry, SaidEntry)
    assert entry.struck
    assert isinstance(line, LineEntry)
    assert line.heard_text == "Second."
    assert isinstance(gone, LineEntry)
    assert gone.struck
    assert gone.heard_text == ""


def test_retcon_takes_back_the_story_and_leaves_the_table() -> None:
    """Words, lines and scenes after the point are gone; members, settings, notes and corrections of earlier facts stay."""
    story = Story()
    story.add(bodies.SceneSet(heading="INN", title="Old"))
    kept = story.say("Before")
    story.add(bodies.SceneSet(heading="CELLAR", title="New"))
    story.say("After")
    story.speak("l", "Answer.")
    story.join("ogre")
    note = story.note("Be kind")
    story.add(bodies.Corrected(target=kept, text="Before!"))
    story.add(bodies.Retconned(to=kept))
    story.say("Anew")
    view = directed(story)
    assert texts(view) == ["Before!", "Anew"]
    assert view.scene is not None
    assert view.scene.heading == "INN"
    assert view.title == "New"
    assert view.members["ogre"].present
    assert [item.seq for item in view.notes] == [note]


def test_retcon_into_a_line_keeps_its_first_sentences() -> None:
    """A line begun before the point keeps the sentences before it and is closed all the same."""
    story = Story()
    story.open("l")
    one = story.sentence("l", "One.")
    two = story.sentence("l", "Two.")
    story.close("l", "cut", two, 4)
    story.add(bodies.Retconned(to=one))
    line = only_line(directed(story))
    assert [(item.text, item.heard) for item in line.sentences] == [("One.", "all")]
    assert not line.is_open


def test_second_retcon_brings_nothing_back() -> None:
    """What never happened does not come back when its retcon is itself behind a later point."""
    story = Story()
    first = story.say("a")
    story.say("b")
    story.add(bodies.Retconned(to=first))
    third = story.say("c")
    story.say("d")
    story.add(bodies.Retconned(to=third))
    assert texts(directed(story)) == ["a", "c"]


def test_erased_is_gone_for_the_director_too() -> None:
    """An erased fact leaves no entry, and what was derived from it goes with it."""
    story = Story()
    secret = story.say("My address is ...")
    story.add(bodies.Summarized(text="Gave an address", covers=[secret]))
    story.add(bodies.Erased(seqs=[secret]))
    view = directed(story)
    assert view.entries == ()
    assert view.summary is None


def test_summary_falls_back_when_its_source_is_struck() -> None:
    """The newest digest that still holds is the one before, and a recommendation on struck facts vanishes."""
    story = Story()
    one = story.say("one")
    two = story.say("two")
    story.add(bodies.Summarized(text="S1", covers=[one]))
    story.add(bodies.Summarized(text="S2", covers=[one, two]))
    story.add(bodies.Recommended(recommendation="r", category="tone", text="Louder", rests_on=[two]))
    before = directed(story)
    assert before.summary is not None
    assert before.summary.text == "S2"
    story.add(bodies.Struck(targets=[two]))
    after = directed(story)
    assert after.summary is not None
    assert after.summary.text == "S1"
    assert [type(entry).__name__ for entry in after.entries] == ["SaidEntry", "SaidEntry", "SummaryEntry"]


def test_unknown_kinds_and_tombstones_change_nothing() -> None:
    """A kind of a newer version, and a body without its fields, are passed over but counted."""
    story = Story()
    story.say("hello")
    view = directed(story)
    strange = Fact(seq=2, kind="teleported", at_ms=0, by=Author("stage"), body={"x": 1})
    tombstone = Fact(seq=3, kind="said", at_ms=0, by=Author("stage"))
    after = view.advance([strange, tombstone])
    assert after.entries == view.entries
    assert after.seq == 3


def test_a_view_never_changes_under_its_holder() -> None:
    """Two futures from one view do not see each other, and the view they began from stays as it was."""
    story = Story()
    story.open("l")
    story.sentence("l", "One.")
    base = directed(story)
    held = base.entries
    left = base.advance([_closed(seq=3, last_seq=2, offset=2)])
    right = base.advance([_closed(seq=3, last_seq=2, offset=4)])
    assert base.entries == held
    assert only_line(left).heard_text == "On"
    assert only_line(right).heard_text == "One."


def test_pending_facts() -> None:
    """A pending `line_closed` closes the line for this future only, and nothing written can follow it."""
    story = Story()
    story.open("l")
    story.sentence("l", "One.")
    base = directed(story)
    ahead = base.advance([_closed(seq=0, last_seq=2, offset=4)])
    assert only_line(ahead).heard_text == "One."
    assert ahead.seq == base.seq
    with pytest.raises(ValueError, match="pending"):
        ahead.advance([_closed(seq=3, last_seq=2, offset=4)])


def test_facts_that_are_known_are_passed_over() -> None:
    """Giving the same facts again, as a reconnecting tail does, changes nothing."""
    story = Story()
    story.say("one")
    story.say("two")
    view = directed(story)
    assert view.advance(story.facts) is view


def test_settings_alone_are_no_scene() -> None:
    """Modes and deliveries are kept for whom they are not set anew, hotwords add up, and nothing is seen of it in the story."""
    story = Story()
    story.add(bodies.SceneSet(heading="INN"))
    story.add(bodies.SceneSet(modes={"character:ogre": "approve", "platform:discord": "approve"}, hotwords=["Mirelle", "Grunk"]))
    to = story.add(bodies.SceneSet(modes={"character:ogre": ""}, deliveries={"ogre": "teleprompter"}, hotwords=["Grunk", "Ys"]))
    view = directed(story)
    assert view.modes == {"platform:discord": "approve"}
    assert view.deliveries == {"ogre": "teleprompter"}
    assert view.hotwords == ("Mirelle", "Grunk", "Ys")
    assert len(view.entries) == 1
    story.add(bodies.Retconned(to=to - 2))
    assert directed(story).hotwords == view.hotwords


def test_who_may_not_speak() -> None:
    """Muted one by one, halted all at once; resuming leaves the muted ones muted, and no retcon changes it."""
    story = Story()
    for body in (bodies.Silenced(on=True, character="ogre"), bodies.Silenced(on=True, character="mirelle"), bodies.Silenced(on=True)):
        story.add(body)
    assert (directed(story).muted, directed(story).halted) == (frozenset({"ogre", "mirelle"}), True)
    story.add(bodies.Silenced(on=False))
    story.add(bodies.Silenced(on=False, character="mirelle"))
    story.add(bodies.Retconned(to=0))
    assert (directed(story).muted, directed(story).halted) == (frozenset({"ogre"}), False)


def test_figures_of_a_line() -> None:
    """What it took and what made it is told by its end; the cost is the director's business."""
    story = Story()
    story.join("mirelle")
    seq = story.add(bodies.LineOpened(line="l", character="mirelle", turn=0, base_seq=1, delivery="teleprompter", retakes="k"))
    spoken = story.sentence("l", "Hm.")
    figures = {"ms": {"llm_ttft": 12.5}, "tokens": [100, 7], "cost": 0.002, "engine": "openai", "model": "m"}
    story.add(bodies.LineClosed(line="l", state="heard", last_seq=spoken, offset=3, **figures))  # type: ignore[arg-type] # one type per field
    line = only_line(directed(story))
    assert (line.ms, line.tokens, line.cost, line.engine, line.model) == ({"llm_ttft": 12.5}, (100, 7), 0.002, "openai", "m")
    assert (line.delivery, line.retakes) == ("teleprompter", "k")
    theirs = fold(story.facts, Reader("player", "ann")).entry_of(seq)
    assert isinstance(theirs, LineEntry)
    assert (theirs.tokens, theirs.cost, theirs.ms) == ((), 0.0, {"llm_ttft": 12.5})


def test_puppet_line() -> None:
    """The director knows who has spoken through the character; nobody else finds any trace of it."""
    story = Story()
    story.join("mirelle")
    gia = Author("director", "gm", "Gia")
    story.add(bodies.LineOpened(line="l", character="mirelle", turn=0, base_seq=1, mode="puppet"), by=gia)
    seq = story.add(bodies.Spoken(line="l", attempt=1, index=0, text="Boo.", tagged="Boo."), by=gia)
    story.close("l", "heard", seq, 4)
    assert (only_line(directed(story)).by, only_line(directed(story)).mode) == (gia, "puppet")
    for reader in (Reader("player", "ann"), Reader("character", "mirelle")):
        entries = fold(story.facts, reader).entries
        assert "Boo." in repr(entries)
        assert "Gia" not in repr(entries)
        assert "puppet" not in repr(entries)


def test_feeling_is_corrected_without_words() -> None:
    """Emotion, intensity and manner change, each for itself; the words and how much of them was heard stay, and are no edit."""
    story = Story()
    story.open("l")
    seq = story.sentence("l", "I know it all.")
    story.close("l", "cut", seq, 6)
    story.add(bodies.Corrected(target=seq, text="", emotion="fear", intensity=0.9))
    story.add(bodies.Corrected(target=seq, text="", manner="whisper"))
    (item,) = only_line(directed(story)).sentences
    assert (item.text, item.heard_text, item.original) == ("I know it all.", "I know", None)
    assert (item.emotion, item.intensity, item.manner) == ("fear", 0.9, "whisper")


def test_scene_is_reworded() -> None:
    """The wording of a scene is its heading, then its description."""
    story = Story()
    seq = story.add(bodies.SceneSet(heading="IN", description="Smoky."))
    story.add(bodies.Corrected(target=seq, text="INN\nSmoky.\n\nAnd dark."))
    view = directed(story)
    assert view.scene is not None
    assert (view.scene.heading, view.scene.description) == ("INN", "Smoky.\n\nAnd dark.")
    assert view.entries == (view.scene,)


def _closed(*, seq: int, last_seq: int, offset: int) -> Fact:
    body = bodies.LineClosed(line="l", state="cut", last_seq=last_seq, offset=offset)
    return Fact(seq=seq, kind="line_closed", at_ms=0, by=Author("stage"), body=bodies.fields_of(body))
