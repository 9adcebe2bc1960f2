"""Tombstones, what is erased along with what, and that a view cannot tell a tombstone from the words that stood there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.core.model import facts as bodies
from services.core.model.fact import Author, Fact, Kind
from services.transcript.erasing import erased_by, is_erasable, tombstone, with_derived
from services.transcript.store import Entry
from services.transcript.view import DIRECTOR, Reader, fold
from tests.golden.seen import seen
from tests.golden.test_sessions import SESSIONS, facts_of, kept
from tests.unit.services.transcript.story import Story

SECRET = "the password is swordfish"
READERS = [DIRECTOR, Reader("player", "ann"), Reader("player", "p-ann"), Reader("character", "mirelle")]


def entry(fact: Fact, key: str = "k") -> Entry:
    return Entry(fact.seq, key, fact.to_json())


@pytest.mark.parametrize(
    "body",
    [
        bodies.Said(utterance="u", text=SECRET, words=[[SECRET, 0.0, 1.0, None]]),
        bodies.Spoken(line="l", attempt=1, index=0, text=SECRET, tagged=f"[joy] {SECRET}"),
        bodies.Corrected(target=1, text=SECRET),
        bodies.Inserted(after=1, block="said", text=SECRET, name="swordfish"),
        bodies.Noted(text=SECRET),
        bodies.Whispered(character="mirelle", text=SECRET),
        bodies.Rolled(expression="1d20", total=7, purpose=SECRET),
        bodies.Rejected(line="l", reason=SECRET),
        bodies.Summarized(text=SECRET, covers=[1]),
        bodies.Recommended(recommendation="r", category="tone", text=SECRET),
        bodies.RecommendationDecided(recommendation="r", state="accepted", text=SECRET),
    ],
    ids=bodies.kind_of,
)
def test_a_tombstone_has_no_words(body: bodies.Body) -> None:
    """Its number, kind, time, key and place in the story are as before, and the body can still be read."""
    story = Story()
    story.add(body, by=Author("player", "p-1", "Swordfish Sally"), audience=("p-1",))
    before = story.facts[0]
    stone = tombstone(entry(before))
    after = stone.fact()
    assert "swordfish" not in stone.envelope.casefold()
    assert (stone.seq, stone.key) == (before.seq, "k")
    assert (after.kind, after.at_ms, after.audience, after.by.id) == (before.kind, before.at_ms, before.audience, "p-1")
    assert bodies.body_of(type(body), after.body)
    assert tombstone(stone) == stone


def test_only_words_can_be_erased() -> None:
    """Who is there, settings and the frame of a line are what a table lives by."""
    assert {kind for kind in Kind if not is_erasable(kind)} == {
        Kind.SCENE_SET, Kind.JOINED, Kind.LEFT, Kind.LINE_OPENED, Kind.LINE_CLOSED, Kind.PASSED, Kind.STRUCK, Kind.RELEASED,
        Kind.RETCONNED, Kind.DEGRADED, Kind.ERASED, Kind.SILENCED, Kind.REVEALED,
    }  # fmt: skip


def test_what_an_entry_erases() -> None:
    """Of an `erased` what lies before it; words that look like one erase nothing."""
    story = Story()
    story.say('{"kind":"erased"}')
    story.add(bodies.Erased(seqs=[1, 2, 9]))
    assert [erased_by(entry(fact)) for fact in story.facts] == [[], [1]]
    assert erased_by(Entry(3, "k", json.dumps({"kind": "said", "body": {}}))) == []


def test_a_correction_takes_what_was_made_with_its_wording() -> None:
    """Digests since name what was corrected, and have the corrected words; those before it have not."""
    story = Story()
    said = story.say("Good evening.")
    story.add(bodies.Summarized(text="A greeting.", covers=[said]))
    edit = story.add(bodies.Corrected(target=said, text=SECRET))
    digest = story.add(bodies.Summarized(text=SECRET, covers=[said]))
    assert with_derived(story.facts, [edit]) == [edit, digest]


def test_earlier_attempts_go_with_the_one_that_was_heard() -> None:
    """Otherwise a draft that nobody heard would stand in its place; of other lines nothing goes."""
    story = Story()
    story.open("l", mode="approve")
    first = story.sentence("l", SECRET)
    second = story.sentence("l", f"{SECRET}, my friend", attempt=2)
    story.add(bodies.Released(line="l"))
    story.close("l", "heard", second, len(SECRET) + 11)
    other = story.speak("m", "Good night.")
    seqs = with_derived(story.facts, [second])
    assert seqs == [first, second]
    story.add(bodies.Erased(seqs=seqs))
    assert "swordfish" not in str([fold(story.facts, reader).entries for reader in READERS])
    assert with_derived(story.facts, other) == other


def test_a_name_that_was_learned_from_words_goes_with_them() -> None:
    """It stood in them, and the scene says nothing else; what hearing knows besides stays."""
    story = Story()
    said = story.say("I am Saul.")
    edit = story.add(bodies.Corrected(target=said, text="I am Swordfish Sally."))
    learned = story.add(bodies.SceneSet(hotwords=["Sally"]))
    story.add(bodies.SceneSet(hotwords=["Brackwater"]))
    story.add(bodies.SceneSet(heading="INN", hotwords=["Sally"]))
    assert with_derived(story.facts, [said]) == [said, edit, learned]
    assert "Sally" not in tombstone(entry(story.facts[learned - 1])).envelope


def test_what_was_made_from_words_goes_with_them() -> None:
    """Corrections, the digests since, advice and what was decided on it; what rests on something else stays."""
    story = Story()
    secret, other = story.say(SECRET), story.say("Good evening.")
    edit = story.add(bodies.Corrected(target=secret, text=SECRET.upper()))
    story.add(bodies.Corrected(target=other, text="Good morning."))
    story.add(bodies.Summarized(text="An evening.", covers=[other]))
    digest = story.add(bodies.Summarized(text=SECRET, covers=[secret, other]))
    later = story.add(bodies.Summarized(text=f"{SECRET}, later", covers=[other]))
    advice = story.add(bodies.Recommended(recommendation="r1", category="plot", text=SECRET, rests_on=[edit]))
    story.add(bodies.Recommended(recommendation="r2", category="tone", text="Be kind.", rests_on=[other]))
    decided = story.add(bodies.RecommendationDecided(recommendation="r1", state="accepted", text=SECRET))
    story.add(bodies.RecommendationDecided(recommendation="r2", state="accepted"))
    assert with_derived(story.facts, [secret]) == [secret, edit, digest, later, advice, decided]
    assert with_derived(story.facts, [decided]) == [decided]


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_no_view_can_tell_a_tombstone_from_what_stood_there(path: Path) -> None:
    """Each of a kept session's words erased in turn: everybody knows the same, whether they read it from the archive or had the words before."""
    facts = facts_of(kept(path))
    readers = [*READERS, *(Reader(item["role"], item["member"]) for item in kept(path)["readers"])]
    for fact in [fact for fact in facts if is_erasable(fact.kind)]:
        erased = Fact(seq=facts[-1].seq + 1, kind=Kind.ERASED, at_ms=facts[-1].at_ms, by=Author("director"), body={"seqs": [fact.seq]})
        stones = [tombstone(entry(item)).fact() if item is fact else item for item in facts]
        for reader in readers:
            assert seen([*stones, erased], reader) == seen([*facts, erased], reader)
            fold(stones, reader)
