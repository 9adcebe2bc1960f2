"""Which digest holds, what it lacks, and when the next one is due."""

from __future__ import annotations

from services.core.model import facts as bodies
from services.core.settings import SummarizerSettings
from services.summarizer.digest import Gap, due, gap, key_of, standing
from services.summarizer.heard import Heard, Passage, heard, knows, turns
from services.transcript.view import DIRECTOR, Member, SummaryEntry, fold
from tests.unit.services.transcript.story import Story

SETTINGS = SummarizerSettings(every_turns=3, every_tokens=500, every_s=60)


def said(*seqs: int, text: str = "Where is the key?", at_ms: int = 0, answers: bool = False) -> Passage:
    """One passage."""
    return Passage(seqs=seqs, speaker="Ann", member="ann", text=text, at_ms=at_ms, answers=answers)


def digest(seq: int, *covers: int) -> SummaryEntry:
    """One digest."""
    return SummaryEntry(seq=seq, text=f"Up to {seq}.", covers=covers)


def test_a_digest_goes_on_from_the_one_that_covers_most() -> None:
    """And lacks only what that one does not cover."""
    talk = [said(1), said(2), said(5), said(8)]
    missing = gap([digest(3, 1, 2), digest(6, 1, 2, 5)], talk)
    assert missing == Gap(previous="Up to 6.", covered=(1, 2, 5), new=(said(8),))
    assert missing.covers == [1, 2, 5, 8]
    assert gap([], talk).new == tuple(talk)
    # What came before the session stands in for a record of its own.
    assert gap([digest(1)], talk[1:]).previous == "Up to 1."


def test_those_who_were_not_there_go_on_from_what_they_know() -> None:
    """A digest of more than that is not theirs."""
    missing = gap([digest(3, 1, 2), digest(6, 1, 2, 5)], [said(1), said(2)], frozenset({1, 2}))
    assert missing.previous == "Up to 3."
    assert not missing.new


def test_turns_tokens_and_time_make_one_due() -> None:
    """And nothing else: a scene alone is not worth one."""
    few = gap([], [said(1), said(2, 3, answers=True)])
    assert not due(few, SETTINGS, 1_000)
    assert due(few, SETTINGS, 60_000)
    assert due(gap([], [said(seq) for seq in (1, 2, 3)]), SETTINGS, 1_000)
    assert due(gap([], [said(1, text="word " * 400)]), SETTINGS, 1_000)
    assert not due(gap([], [Passage(seqs=(1,), text="A cellar.", spoken=False)]), SETTINGS, 10**9)
    assert turns([said(1), said(2, answers=True), said(3, answers=True)]) == 2


def test_a_correction_puts_older_digests_out_of_date() -> None:
    """Also one that was being made while it was corrected."""
    story = Story()
    first = story.say("Where is Bob?")
    one = story.add(bodies.Summarized(text="Ann asks for Bob.", covers=[first]))
    view = fold(story.facts, DIRECTOR)
    assert [entry.seq for entry in standing(view, {}, {})] == [one]
    assert standing(view, {first: one + 1}, {}) == []
    assert [entry.seq for entry in standing(view, {first: one - 1}, {})] == [one]
    assert standing(view, {first: one - 1}, {one: one - 2}) == []


def test_a_key_says_what_it_was_made_from() -> None:
    """The same wording, the same key; another one, another."""
    talk = [said(1), said(2)]
    assert key_of([1, 2], talk, {}) == key_of([2, 1], talk, {})
    assert key_of([1, 2], talk, {}) != key_of([1, 2], [said(1), said(2, text="Where is Bob?")], {})
    assert key_of([1], talk, {}) != key_of([1, 2], talk, {})
    # Edited there and back: the digest from before is out of date all the same.
    assert key_of([1, 2], talk, {2: 9}) != key_of([1, 2], talk, {})
    assert key_of([1, 2], talk, {7: 9}) == key_of([1, 2], talk, {})


def test_only_what_was_heard_is_matter() -> None:
    """Neither drafts nor what was cut off, nor whispers, nor notes."""
    story = Story()
    story.join("mirelle")
    asked = story.say("Where is the key?")
    line = story.open("one")
    under = story.sentence("one", "Under the stone.")
    story.sentence("one", "Or in the well.")
    story.close("one", "cut", under, len("Under the stone."))
    story.open("two", mode="approve")
    story.sentence("two", "A draft of a trap.")
    story.add(bodies.Whispered(character="mirelle", text="It is a trap."))
    story.note("Be afraid.")
    found = Heard().of(fold(story.facts, DIRECTOR))
    spoken = [passage for passage in found if passage.spoken]
    assert [passage.text for passage in spoken] == ["Where is the key?", "Under the stone."]
    assert spoken[0].seqs == (asked,)
    assert spoken[1].seqs == (line, under)
    assert not any("trap" in passage.told or "afraid" in passage.told for passage in found)


def test_a_member_knows_what_its_audience_or_its_stay_lets_it_know() -> None:
    """The setting is known to everybody."""
    late = Member(member="quill", role="character", name="Quill", since_seq=5)
    assert not knows(said(3), late)
    assert knows(said(7), late)
    assert knows(Passage(seqs=(3,), text="A cellar.", setting=True), late)
    assert not knows(Passage(seqs=(7,), text="Psst.", audience=("mirelle",)), late)


def test_what_was_heard_is_the_same_however_it_was_looked_at() -> None:
    """Step by step or at once, also where the past is rewritten."""
    story = Story()
    story.join("mirelle")
    for number in range(100):
        story.say(f"Where is key {number}?")
        story.speak(f"l{number}", "Here.")
    story.add(bodies.Struck(targets=[2, 150]))
    story.add(bodies.Retconned(to=300))
    story.say("And now?")
    one, view = Heard(), fold((), DIRECTOR)
    for at in range(0, len(story.facts), 37):
        view = view.advance(story.facts[at : at + 37])
        assert one.of(view) == Heard().of(view) == list(heard(view.entries))
    assert one.of(view)[-1].text == "And now?"
