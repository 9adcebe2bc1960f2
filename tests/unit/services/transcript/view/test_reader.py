"""What characters and players know: no more than reached them."""

from __future__ import annotations

from services.core.model import facts as bodies
from services.core.model.fact import Author
from services.transcript.view import DegradedEntry, LineEntry, Reader, SaidEntry, SummaryEntry, View, WhisperEntry, fold
from tests.unit.services.transcript.story import Story

MIRELLE = Reader("character", "mirelle")
OGRE = Reader("character", "ogre")
ANN = Reader("player", "ann")


def words(view: View) -> list[str]:
    """What the reader finds said, spoken and whispered, in order."""
    found: list[str] = []
    for entry in view.entries:
        if isinstance(entry, SaidEntry | WhisperEntry):
            found.append(entry.text)
        if isinstance(entry, LineEntry):
            found.append(entry.heard_text)
    return found


def inn() -> Story:
    story = Story()
    story.join("mirelle")
    story.join("ogre")
    story.join("ann", "player")
    return story


def test_only_the_heard_part_of_a_line_is_history() -> None:
    """Of a cut line neither characters nor players find the rest anywhere in their view."""
    story = inn()
    story.open("l")
    one = story.sentence("l", "I know it all.")
    story.sentence("l", "Unheard.")
    story.close("l", "cut", one, 6)
    for reader in (MIRELLE, OGRE, ANN):
        view = fold(story.facts, reader)
        (line,) = [entry for entry in view.entries if isinstance(entry, LineEntry)]
        assert [(item.text, item.tagged, item.heard_text, item.heard) for item in line.sentences] == [("I know", "I know", "I know", "part")]
        assert "Unheard" not in repr(view.entries)


def test_unheard_line_leaves_no_history() -> None:
    """A line whose audio never played, a rejected one and an aborted one are not there at all."""
    story = inn()
    for number, state in enumerate(("cut", "rejected", "aborted")):
        story.open(f"l{number}")
        story.sentence(f"l{number}", "Nothing.")
        story.close(f"l{number}", state, 0)
    for reader in (MIRELLE, OGRE, ANN):
        assert words(fold(story.facts, reader)) == []


def test_open_line_is_known_to_its_speaker_alone() -> None:
    """Others do not see it; the speaker knows that it is speaking, and nothing of the text."""
    story = inn()
    story.open("l")
    story.sentence("l", "Draft.")
    assert not any(isinstance(entry, LineEntry) for reader in (OGRE, ANN) for entry in fold(story.facts, reader).entries)
    (line,) = [entry for entry in fold(story.facts, MIRELLE).entries if isinstance(entry, LineEntry)]
    assert line.sentences == ()
    assert "Draft" not in repr(fold(story.facts, MIRELLE).entries)


def test_line_stands_where_it_began() -> None:
    """Words that fell into a line come after it, though the line was closed later."""
    story = inn()
    story.open("l")
    seq = story.sentence("l", "Let me tell you.")
    story.say("Stop!")
    story.close("l", "cut", seq, 6)
    assert words(fold(story.facts, OGRE)) == ["Let me", "Stop!"]


def test_audience() -> None:
    """Words reach those on their list, and everybody where there is none; one's own words and lines are known anyway."""
    story = inn()
    story.say("To all")
    story.say("To Mirelle", audience=["mirelle"])
    story.speak("l", "Only us two.", audience=["ann"])
    assert words(fold(story.facts, MIRELLE)) == ["To all", "To Mirelle", "Only us two."]
    assert words(fold(story.facts, OGRE)) == ["To all"]
    assert words(fold(story.facts, ANN)) == ["To all", "To Mirelle", "Only us two."]
    assert words(fold(story.facts, Reader("player", "bob"))) == ["To all"]


def test_character_does_not_inherit_what_preceded_it() -> None:
    """History begins with one's own entry, pauses while one is away and goes on with what was witnessed before."""
    story = Story()
    story.say("Before")
    story.join("mirelle")
    story.say("While here")
    story.leave("mirelle")
    story.say("While away")
    story.join("mirelle")
    story.say("Back again")
    view = fold(story.facts, MIRELLE)
    assert words(view) == ["While here", "Back again"]
    assert view.members["mirelle"].since_seq == 6


def test_new_card_hides_nothing() -> None:
    """A second `joined` while present replaces the card and leaves history and entry where they were."""
    story = Story()
    story.join("mirelle")
    story.say("Early")
    story.join("mirelle", name="Mirelle the Wise", place="cellar")
    view = fold(story.facts, MIRELLE)
    assert words(view) == ["Early"]
    member = view.members["mirelle"]
    assert (member.name, member.place, member.since_seq) == ("Mirelle the Wise", "cellar", 1)


def test_line_that_began_before_the_entry_is_heard_from_there_on() -> None:
    """Whoever enters in the middle of a line knows the sentences that followed."""
    story = Story()
    story.join("mirelle")
    story.open("l")
    story.sentence("l", "One.")
    story.join("ogre")
    two = story.sentence("l", "Two.", audience=["mirelle", "ogre"])
    story.close("l", "heard", two, 4)
    assert words(fold(story.facts, OGRE)) == ["Two."]


def test_whisper_reaches_its_character_alone() -> None:
    """Nobody else, players included, finds it."""
    story = inn()
    story.add(bodies.Whispered(character="ogre", text="The gold is fake"), by=Author("director", "gm"))
    assert words(fold(story.facts, OGRE)) == ["The gold is fake"]
    assert words(fold(story.facts, MIRELLE)) == []
    assert words(fold(story.facts, ANN)) == []


def test_struck_is_gone_and_edits_leave_no_trace() -> None:
    """For anybody but the director a struck text is absent and an edited one has always been so."""
    story = inn()
    said = story.say("secret word")
    gone = story.say("never mind")
    (sentence,) = story.speak("l", "Old wording.")
    story.add(bodies.Corrected(target=said, text="plain word"))
    story.add(bodies.Corrected(target=sentence, text="New wording."))
    story.add(bodies.Struck(targets=[gone]))
    for reader in (MIRELLE, OGRE, ANN):
        view = fold(story.facts, reader)
        assert words(view) == ["plain word", "New wording."]
        assert "secret" not in repr(view.entries)
        assert "Old" not in repr(view.entries)


def test_struck_sentence_is_gone_from_its_line() -> None:
    """The rest of the line stays; a line of which nothing stays is gone, whether it was struck as a whole or bit by bit."""
    story = inn()
    one, _ = story.speak("l1", "Forget this.", "Keep this.")
    opened = story.open("l2")
    cut = story.sentence("l2", "Forget that too.")
    story.close("l2", "cut", cut, 6)
    (three,) = story.speak("l3", "And that.")
    story.add(bodies.Struck(targets=[one, opened, three]))
    for reader in (MIRELLE, OGRE, ANN):
        assert words(fold(story.facts, reader)) == ["Keep this."]


def test_machinery_is_no_news_to_characters() -> None:
    """Players are told that an engine fell back; a character's history holds nothing of it."""
    story = inn()
    story.add(bodies.Degraded(part="tts", from_engine="piper", to_engine="espeak", reason="gone"))
    assert any(isinstance(entry, DegradedEntry) for entry in fold(story.facts, ANN).entries)
    assert not any(isinstance(entry, DegradedEntry) for entry in fold(story.facts, MIRELLE).entries)


def test_edit_of_a_cut_sentence_keeps_its_cut() -> None:
    """Only what corresponds to the heard part is in the view, also after a second edit."""
    story = inn()
    story.open("l")
    seq = story.sentence("l", "I will never tell you the secret")
    story.close("l", "cut", seq, len("I will never tell"))
    story.add(bodies.Corrected(target=seq, text="I shall never tell you the secret"))
    story.add(bodies.Corrected(target=seq, text="I shall never tell you the hidden secret"))
    assert words(fold(story.facts, OGRE)) == ["I shall never tell"]


def test_digest_of_what_was_not_witnessed_is_hidden() -> None:
    """A character knows a digest only if it perceived everything that it covers."""
    story = inn()
    one = story.say("To all")
    two = story.say("Aside", audience=["mirelle"])
    story.add(bodies.Summarized(text="All of it", covers=[one, two]))
    mine, theirs = fold(story.facts, MIRELLE), fold(story.facts, OGRE)
    assert mine.summary is not None
    assert theirs.summary is None
    assert not any(isinstance(entry, SummaryEntry) for entry in theirs.entries)


def tells(story: Story, reader: Reader, *covers: int) -> bool:
    """The reader may know a digest of these facts."""
    digest = story.add(bodies.Summarized(text="All of it", covers=list(covers)))
    return fold(story.facts, reader).entry_of(digest) is not None


def test_a_line_between_another_rooms_sentences_is_known_to_who_heard_it() -> None:
    """Two rooms speak at once: a digest of one's own room is one's own, and of the other one nobody else's."""
    story = inn()
    hall, cellar = ["mirelle", "ann"], ["ogre"]
    theirs = [story.open("cellar", "ogre", audience=cellar), story.sentence("cellar", "One.", audience=cellar)]
    mine = [story.open("hall", audience=hall)]
    theirs.append(story.sentence("cellar", "Two.", audience=cellar))
    mine.append(story.sentence("hall", "Good evening.", audience=hall))
    assert tells(story, MIRELLE, *mine)
    assert tells(story, OGRE, *theirs)
    for seq in theirs:
        assert not tells(story, MIRELLE, seq)
        assert not tells(story, MIRELLE, *mine, seq)
    for seq in mine:
        assert not tells(story, OGRE, seq)
        assert not tells(story, OGRE, *theirs, seq)


def test_a_line_that_others_opened_hides_nothing_behind_it() -> None:
    """The other order: an opening that was not heard before words that were, and one that was heard before words that were not."""
    story = inn()
    theirs = story.open("cellar", "ogre", audience=["ogre"])
    own = story.say("In the hall", audience=["mirelle", "ann"])
    mine = story.open("hall", audience=["mirelle", "ann"])
    more = story.sentence("cellar", "Psst.", audience=["ogre"])
    last = story.sentence("hall", "Good evening.", audience=["mirelle", "ann"])
    assert tells(story, MIRELLE, own, mine, last)
    assert not tells(story, MIRELLE, theirs)
    assert not tells(story, MIRELLE, own, theirs)
    assert tells(story, OGRE, theirs, more)
    assert not tells(story, OGRE, theirs, mine)


def test_a_scene_that_was_set_before_one_came_is_no_secret() -> None:
    """Whoever joins after the second scene knows digests of what was said since, which tell both scenes, and of nothing earlier."""
    story = Story()
    first = story.add(bodies.SceneSet(heading="INT. TAVERN"))
    story.join("mirelle")
    before = story.say("Before", audience=["mirelle"])
    second = story.add(bodies.SceneSet(heading="EXT. ROAD"))
    between = story.say("On the road", audience=["mirelle"])
    story.join("ogre")
    since = story.say("Since", audience=["mirelle", "ogre"])
    assert tells(story, OGRE, first, second, since)
    assert not tells(story, OGRE, first, before, second, since)
    assert not tells(story, OGRE, second, between)
    assert tells(story, MIRELLE, first, before, second, between, since)


def test_a_scene_for_some_is_part_of_their_digests_alone() -> None:
    """It stands on their list, whatever lies around it."""
    story = inn()
    said = story.say("One", audience=["ogre"])
    scene = story.add(bodies.SceneSet(heading="INT. CELLAR"), place="cellar", audience=["ogre"])
    own = story.say("Two", audience=["mirelle"])
    assert tells(story, OGRE, said, scene)
    assert not tells(story, MIRELLE, scene, own)
    assert tells(story, MIRELLE, own)


def headings(story: Story) -> dict[str, str]:
    """Where everybody finds themselves, and the director what was set last."""
    found = {}
    for reader in (MIRELLE, OGRE, ANN, Reader("director")):
        scene = fold(story.facts, reader).scene
        found[reader.member or "director"] = scene.heading if scene else ""
    return found


def test_a_place_has_a_scene_of_its_own() -> None:
    """Whoever is elsewhere neither sees nor keeps it, whoever comes there finds it, and the next one for everybody ends it."""
    story = inn()
    story.add(bodies.SceneSet(heading="TAVERN"))
    story.join("ogre", place="cellar")
    cellar = story.add(bodies.SceneSet(heading="CELLAR"), place="cellar", audience=["ogre"])
    assert headings(story) == {"mirelle": "TAVERN", "ogre": "CELLAR", "ann": "TAVERN", "director": "CELLAR"}
    assert [fold(story.facts, reader).entry_of(cellar) is None for reader in (MIRELLE, OGRE, ANN)] == [True, False, True]
    story.join("mirelle", place="cellar")
    story.join("ogre", place="")
    story.add(bodies.Corrected(target=cellar, text="DEEP CELLAR\nDark."))
    assert headings(story) == {"mirelle": "DEEP CELLAR", "ogre": "TAVERN", "ann": "TAVERN", "director": "DEEP CELLAR"}
    morning = story.add(bodies.SceneSet(heading="MORNING"))
    assert set(headings(story).values()) == {"MORNING"}
    story.add(bodies.Struck(targets=[morning]))
    assert headings(story)["mirelle"] == "DEEP CELLAR"
    story.add(bodies.Struck(targets=[cellar]))
    assert set(headings(story).values()) == {"TAVERN"}


def test_a_scene_from_before_ones_entry_is_reworded_too() -> None:
    """It is where one is, though one did not see it being set."""
    story = Story()
    scene = story.add(bodies.SceneSet(heading="TAVERN"))
    story.join("mirelle")
    story.add(bodies.Corrected(target=scene, text="INN"))
    assert headings(story)["mirelle"] == "INN"


def test_what_is_added_behind_a_scene_for_some_is_for_them() -> None:
    """Whoever could perceive what it stands behind."""
    story = inn()
    story.say("To all")
    scene = story.add(bodies.SceneSet(heading="CELLAR"), place="cellar", audience=["ogre"])
    story.insert(scene, "A rat runs by.", block="action")
    assert words(fold(story.facts, OGRE)) == ["To all", "A rat runs by."]
    assert words(fold(story.facts, MIRELLE)) == ["To all"]


def test_words_added_between_what_was_hidden_are_known_to_who_was_there() -> None:
    """They were written in the middle of another room's talk, and stand in this one's."""
    story = inn()
    own = story.say("One", audience=["mirelle"])
    story.say("Psst", audience=["ogre"])
    added = story.insert(own, "And one more", member="ann")
    story.say("Psst again", audience=["ogre"])
    assert tells(story, MIRELLE, own, added)
    assert not tells(story, OGRE, added)


def test_cards_are_shown_to_their_owners() -> None:
    """A character finds its own card in the view and nobody else's; a player finds none."""
    story = inn()
    assert [bool(item.card) for item in fold(story.facts, MIRELLE).members.values()] == [True, False, False]
    assert not any(item.card for item in fold(story.facts, ANN).members.values())


def test_advance_equals_fold() -> None:
    """However the facts come in, one by one or all at once, every reader's view is the same."""
    story = inn()
    for number in range(150):
        story.say(f"said {number}", audience=None if number % 3 else ["mirelle"])
        story.open(f"l{number}")
        seq = story.sentence(f"l{number}", "Some words here.")
        story.close(f"l{number}", ("heard", "cut", "aborted")[number % 3], seq, 16 if number % 3 == 0 else 4)
    story.add(bodies.Corrected(target=4, text="changed"))
    story.add(bodies.Struck(targets=[8]))
    story.say("after")
    for reader in (Reader("director"), MIRELLE, OGRE, ANN):
        whole = fold(story.facts, reader)
        step = View(reader)
        for fact in story.facts:
            step = step.advance([fact])
        assert step.entries == whole.entries
        assert (step.seq, step.summary, step.members, step.notes) == (whole.seq, whole.summary, whole.members, whole.notes)
        assert step.recent(7) == whole.entries[-7:]
