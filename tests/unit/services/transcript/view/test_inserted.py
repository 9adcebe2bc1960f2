"""What the director adds to the past, and what was drafted before it was spoken: where it stands, and who knows it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.core.model import facts as bodies
from services.core.model.fact import Author, LineState
from services.transcript.view import DIRECTOR, LineEntry, Reader, SaidEntry, View, fold
from tests.unit.services.transcript.story import Story

MIRELLE = Reader("character", "mirelle")
OGRE = Reader("character", "ogre")
ANN = Reader("player", "ann")


def inn() -> Story:
    """1 mirelle, 2 ann."""
    story = Story()
    story.join("mirelle")
    story.join("ann", "player")
    return story


def words(story: Story, reader: Reader = DIRECTOR) -> list[str]:
    """Everything said, narrated and spoken that still stands, in order."""
    found: list[str] = []
    for entry in fold(story.facts, reader).entries:
        if isinstance(entry, SaidEntry) and not entry.struck:
            found.append(entry.text)
        if isinstance(entry, LineEntry) and not entry.struck:
            found.append(" ".join(item.text for item in entry.sentences if not item.struck))
    return found


def held(story: Story, line: str, text: str) -> int:
    story.open(line, mode="approve")
    return story.sentence(line, text)


def test_stands_behind_its_fact_for_everybody() -> None:
    """Words, a line and an action come behind the fact that they name, in the order in which they were given."""
    story = inn()
    first = story.say("One")
    story.say("Two")
    line = story.insert(first, "I heard that.", block="line", member="mirelle", emotion="anger", intensity=0.9)
    story.insert(first, "The door opens.", block="action")
    story.insert(line, "Oh.", member="ann")
    for reader in (DIRECTOR, MIRELLE, ANN):
        assert words(story, reader) == ["One", "I heard that.", "Oh.", "The door opens.", "Two"]


def test_inserted_line_counts_as_heard() -> None:
    """It is the character's, wholly heard, with its feeling; an action is narration of nobody."""
    story = inn()
    said = story.say("One")
    seq = story.insert(said, "I heard that.", block="line", member="mirelle", emotion="anger", intensity=0.9, manner="whisper")
    action = story.insert(said, "The door opens.", block="action")
    view = fold(story.facts, MIRELLE)
    line, narrated = view.entry_of(seq), view.entry_of(action)
    assert isinstance(line, LineEntry)
    assert (line.character, line.name, line.state, line.heard_text, line.inserted) == ("mirelle", "Mirelle", LineState.HEARD, "I heard that.", True)
    assert [(item.seq, item.heard, item.emotion, item.intensity, item.manner) for item in line.sentences] == [(seq, "all", "anger", 0.9, "whisper")]
    assert line.by.role == "character"
    assert isinstance(narrated, SaidEntry)
    assert (narrated.source, narrated.name, narrated.inserted) == ("narrated", "", True)


def test_is_edited_and_struck_like_anything_else() -> None:
    """Its seq is the target of corrections and strikes."""
    story = inn()
    said = story.say("One")
    line = story.insert(said, "Old.", block="line", member="mirelle")
    words_of_ann = story.insert(said, "Old too.", member="ann")
    story.add(bodies.Corrected(target=line, text="New."))
    story.add(bodies.Corrected(target=words_of_ann, text="New too."))
    assert words(story, ANN) == ["One", "New.", "New too."]
    story.add(bodies.Struck(targets=[line, words_of_ann]))
    assert words(story, MIRELLE) == ["One"]
    assert words(story) == ["One"]
    assert len([entry for entry in fold(story.facts, DIRECTOR).entries if isinstance(entry, LineEntry)]) == 1


def test_retcon_takes_back_what_stands_behind_its_point() -> None:
    """Not when it was written counts, but where it stands: behind the point it goes, before it or at it it stays."""
    story = inn()
    one = story.say("One")
    two = story.say("Two")
    story.insert(one, "Between.", member="ann")
    behind = story.insert(two, "Behind.", member="ann")
    to_two, to_behind = Story(), Story()
    to_two.facts, to_behind.facts = list(story.facts), list(story.facts)
    to_two.add(bodies.Retconned(to=two))
    to_behind.say("Three")
    to_behind.add(bodies.Retconned(to=behind))
    assert words(to_two) == ["One", "Between.", "Two"]
    assert words(to_behind) == ["One", "Between.", "Two", "Behind."]


def test_who_was_there_by_then_knows_it() -> None:
    """A character that came in later does not inherit it, and one that was away does not know it; the opening cast knows the beginning."""
    story = inn()
    early = story.say("Early")
    story.join("ogre")
    late = story.say("Late")
    story.leave("mirelle")
    away = story.say("Away")
    story.insert(early, "E.", member="ann")
    story.insert(late, "L.", member="ann")
    story.insert(away, "A.", member="ann")
    story.insert(0, "Long ago.", block="action")
    assert words(story, MIRELLE) == ["Long ago.", "Early", "E.", "Late", "L."]
    assert words(story, OGRE) == ["Late", "L.", "Away", "A."]
    assert words(story) == ["Long ago.", "Early", "E.", "Late", "L.", "Away", "A."]


def test_stands_in_the_company_of_its_fact() -> None:
    """Behind words for a few it is for those few, behind a note for whoever heard the last words; an audience of its own goes first."""
    story = inn()
    story.join("ogre")
    aside = story.say("Aside", audience=["mirelle"])
    note = story.note("Careful")
    story.insert(aside, "Hush.", member="mirelle", block="line")
    story.insert(note, "A creak.", block="action")
    story.insert(aside, "For Ogre.", block="action", audience=["ogre"])
    assert words(story, MIRELLE) == ["Aside", "Hush.", "A creak."]
    assert words(story, OGRE) == ["For Ogre."]
    assert words(story, Reader("player", "bob")) == []


def test_digest_of_an_insertion_that_was_not_witnessed() -> None:
    """A character knows a digest only if it perceived the inserted text that it covers, too."""
    story = inn()
    story.join("ogre")
    aside = story.say("Aside", audience=["mirelle"])
    seq = story.insert(aside, "Hush.", member="mirelle", block="line")
    story.add(bodies.Summarized(text="Hush was said.", covers=[seq]))
    assert fold(story.facts, MIRELLE).summary is not None
    assert fold(story.facts, OGRE).summary is None


def test_insertion_without_a_place_is_passed_over() -> None:
    """One that names a fact to come, or nothing, changes nothing, and neither does one that is not written yet."""
    story = inn()
    story.say("One")
    before = fold(story.facts, DIRECTOR)
    story.insert(99, "Never.", member="ann")
    assert fold(story.facts, DIRECTOR).entries == before.entries
    pending = Story()
    pending.add(bodies.Inserted(after=1, block="said", text="Not yet.", member="ann"), seq=0)
    assert before.advance(pending.facts).entries == before.entries


def test_held_line_stands_where_it_was_released() -> None:
    """What was said while it was held comes before it, and it is found by its opening and by its sentences."""
    story = inn()
    story.say("Question?")
    sentence = held(story, "l", "Answer.")
    story.say("Hurry!")
    assert words(story) == ["Question?", "Answer.", "Hurry!"]
    release = story.add(bodies.Released(line="l"))
    story.say("At last.")
    more = story.sentence("l", "And more.")
    story.close("l", "heard", more, 9)
    for reader in (DIRECTOR, MIRELLE, ANN):
        view = fold(story.facts, reader)
        assert words(story, reader) == ["Question?", "Hurry!", "Answer. And more.", "At last."]
        for seq in (sentence - 1, sentence, more):
            entry = view.entry_of(seq)
            assert isinstance(entry, LineEntry)
            assert entry.released_seq == release
    story.add(bodies.Corrected(target=sentence, text="Well."))
    assert words(story, MIRELLE) == ["Question?", "Hurry!", "Well. And more.", "At last."]


def test_retcon_of_a_line_that_was_released_late() -> None:
    """To a point before its release it goes, whenever it was drafted; to one of its sentences, what was said before it stays."""
    story = inn()
    story.open("l", mode="approve")
    one = story.sentence("l", "One.")
    story.sentence("l", "Two.")
    meanwhile = story.say("Hurry!")
    story.add(bodies.Released(line="l"))
    story.close("l", "heard", meanwhile - 1, 4)
    story.say("Behind.")
    before, within = Story(), Story()
    before.facts, within.facts = list(story.facts), list(story.facts)
    before.add(bodies.Retconned(to=meanwhile))
    within.add(bodies.Retconned(to=one))
    assert words(before) == ["Hurry!"]
    assert words(within) == ["Hurry!", "One."]


def test_words_given_to_a_held_line() -> None:
    """The older attempt is dropped; its first words are kept for the director alone, with who replaced them."""
    story = inn()
    story.open("l", mode="approve")
    story.sentence("l", "Go away.", emotion="anger")
    for attempt, text in ((2, "Come in."), (3, "Do come in.")):
        spoken = bodies.Spoken(line="l", attempt=attempt, index=0, text=text, tagged=text)
        seq = story.add(spoken, by=Author("director", "gm", "Gia"))
    story.add(bodies.Released(line="l"))
    story.close("l", "heard", seq, 11)
    line = fold(story.facts, DIRECTOR).entry_of(seq)
    assert isinstance(line, LineEntry)
    assert [item.text for item in line.sentences] == ["Do come in."]
    assert line.original == "[anger] Go away."
    assert line.reworded_by == Author("director", "gm", "Gia")
    for reader in (MIRELLE, ANN):
        theirs = fold(story.facts, reader).entry_of(seq)
        assert isinstance(theirs, LineEntry)
        assert (theirs.original, theirs.reworded_by) == (None, None)
        assert "Go away" not in repr(fold(story.facts, reader).entries)


_TEXT = st.sampled_from(["Aye.", "Nay.", ""])


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Anything that may happen to words, lines and the past."""
    story = inn()
    story.join("ogre")
    for number in range(draw(st.integers(1, 14))):
        _happens(draw, story, number)
    return story


def _happens(draw: st.DrawFn, story: Story, number: int) -> None:
    seqs = st.integers(0, len(story.facts))
    audience = draw(st.sampled_from([None, None, ["mirelle"], ["ann", "ogre"]]))
    lines = [str(fact.body["line"]) for fact in story.facts if fact.kind == "line_opened"] or ["none"]
    match draw(st.integers(0, 11)):
        case 0 | 1:
            story.say(f"{number}", audience=audience)
        case 2 | 3:
            story.open(f"l{number}", mode=draw(st.sampled_from(["auto", "approve"])), audience=audience)
            story.sentence(f"l{number}", f"S{number}.")
        case 4:
            story.sentence(draw(st.sampled_from(lines)), f"S{number}.", attempt=draw(st.integers(1, 2)))
        case 5 | 6:
            story.add(bodies.Released(line=draw(st.sampled_from(lines))))
        case 7:
            story.close(draw(st.sampled_from(lines)), draw(st.sampled_from(["heard", "cut", "rejected"])), draw(seqs), 3)
        case 8 | 9:
            story.insert(draw(seqs), draw(_TEXT), block=draw(st.sampled_from(["said", "line", "action"])), member="mirelle", audience=audience)
        case 10:
            story.add(bodies.Retconned(to=draw(seqs)) if draw(st.booleans()) else bodies.Struck(targets=[draw(seqs)]))
        case _:
            story.add(bodies.Corrected(target=draw(seqs), text=draw(_TEXT), emotion="joy"))


@given(stories())
def test_however_the_facts_come_in(story: Story) -> None:
    """One by one or all at once, every reader's view is the same; and every entry is found by its seq and by those of its sentences."""
    for reader in (DIRECTOR, MIRELLE, OGRE, ANN):
        whole, step = fold(story.facts, reader), View(reader)
        for fact in story.facts:
            step = step.advance([fact])
        assert step.entries == whole.entries
        assert (step.notes, step.open_lines, step.summary) == (whole.notes, whole.open_lines, whole.summary)
        for entry in whole.entries:
            assert whole.entry_of(entry.seq) == step.entry_of(entry.seq) == entry
            for item in entry.sentences if isinstance(entry, LineEntry) else ():
                assert whole.entry_of(item.seq) == entry


@given(stories())
def test_nobody_knows_more_than_the_director_or_in_another_order(story: Story) -> None:
    """What a reader finds, the director finds too, in the same order."""
    order = {entry.seq: at for at, entry in enumerate(fold(story.facts, DIRECTOR).entries)}
    for reader in (MIRELLE, OGRE, ANN):
        places = [order[entry.seq] for entry in fold(story.facts, reader).entries]
        assert places == sorted(places)


def test_a_held_line_is_known_to_those_to_whom_it_was_released() -> None:
    """Not to whoever has gone since it was drafted; what is added behind it goes to the same ones, and its words are still the character's own."""
    story = inn()
    story.join("ogre")
    first, then = ["mirelle", "ann", "ogre"], ["mirelle", "bob"]
    opened = story.open("l", mode="approve", audience=first)
    story.sentence("l", "Come in.", emotion="joy", audience=first)
    seq = story.sentence("l", "Come in.", attempt=2, emotion="joy", audience=then)
    story.add(bodies.Released(line="l"), audience=then)
    story.close("l", "heard", seq, 8)
    story.insert(opened, "And shut the door.", block="line", member="mirelle")
    whole = ["Come in.", "And shut the door."]
    told = {reader.member: words(story, reader) for reader in (DIRECTOR, MIRELLE, OGRE, ANN, Reader("player", "bob"))}
    assert told == {"": whole, "mirelle": whole, "ogre": [], "ann": [], "bob": whole}
    line = fold(story.facts, DIRECTOR).entry_of(seq)
    assert isinstance(line, LineEntry)
    assert (line.audience, line.original, line.reworded_by) == (tuple(then), None, None)
