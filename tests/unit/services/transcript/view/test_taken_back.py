"""Acts that are struck: a strike, a retcon or a decision is then as if it had never been, for every reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.model import facts as bodies
from services.core.model.fact import Author, Fact, Kind
from services.transcript.screenplay import parse, render
from services.transcript.screenplay.blocks import Screenplay, blocks, title_page
from services.transcript.screenplay.diff import diff
from services.transcript.view import DIRECTOR, Reader, RecommendationEntry, RevealEntry, SaidEntry, SummaryEntry, View, fold
from tests.unit.services.transcript.story import Story

MIRELLE = Reader("character", "mirelle")
OGRE = Reader("character", "ogre")
READERS = (DIRECTOR, Reader("operator", "olga"), MIRELLE, OGRE, Reader("player", "ann"), Reader("player", "bob"))
GM = Author("director", "gm")


def known(view: View) -> dict[str, Any]:
    """All that a reader has of a view."""
    names = ("title", "mode", "scene", "members", "notes", "summary", "previously", "revealed", "muted", "halted", "modes", "open_lines", "held")
    return {"entries": view.entries, **{name: getattr(view, name) for name in names}}


def without(facts: Sequence[Fact], *seqs: int) -> list[Fact]:
    """The same history, in which something without any effect stands in the place of these."""
    return [replace(fact, kind="breathed", body={}) if fact.seq in seqs else fact for fact in facts]


def inn() -> Story:
    """1 mirelle, 2 ogre, 3 ann."""
    story = Story()
    story.join("mirelle")
    story.join("ogre")
    story.join("ann", "player")
    return story


def strike(story: Story, *targets: int) -> int:
    return story.add(bodies.Struck(targets=list(targets)), by=GM)


_SEQ = st.integers(1, 24)
_SEQS = st.lists(_SEQ, min_size=1, max_size=3)
_NAMES = st.sampled_from(["mirelle", "ogre"])
_LINES = st.sampled_from(["K", "L", "M"])
_AUDIENCES = st.sampled_from([None, ("ann", "mirelle"), ("ann", "ogre")])

_Step = Callable[[Story], Any]


def _told(body: Callable[..., bodies.Body], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[_Step]:
    return st.fixed_dictionaries(fields).map(lambda given: lambda story: story.add(body(**given), by=GM))


def _earlier(story: Story, seqs: Sequence[int]) -> list[int]:
    """As the stage lets only pass what is there."""
    return [seq for seq in seqs if seq <= len(story.facts)] or [1]


def _heard(story: Story, seqs: Sequence[int]) -> list[int]:
    """Digests and advice rest on what was heard."""
    return [seq for seq in seqs if seq <= len(story.facts) and story.facts[seq - 1].kind in {Kind.SAID, Kind.SENTENCE}]


_ACTS: st.SearchStrategy[_Step] = st.one_of(
    _SEQS.map(lambda seqs: lambda story: strike(story, *_earlier(story, seqs))),
    st.integers(0, 24).map(lambda to: lambda story: story.add(bodies.Retconned(to=min(to, len(story.facts) - 1)), by=GM)),
    _told(bodies.RecommendationDecided, recommendation=st.sampled_from("ab"), state=st.sampled_from(["accepted", "pinned", "rejected"])),
    _told(bodies.Revealed, character=_NAMES, secret=st.sampled_from(["gold", "name"])),
)
_STEPS: st.SearchStrategy[_Step] = st.one_of(
    _ACTS,
    st.tuples(st.sampled_from(["One", "Two", "Three"]), _AUDIENCES).map(lambda given: lambda story: story.say(given[0], audience=given[1])),
    st.tuples(_LINES, _NAMES, st.sampled_from(["auto", "approve"])).map(lambda given: lambda story: story.open(given[0], given[1], mode=given[2])),
    st.tuples(_LINES, st.integers(1, 2)).map(lambda given: lambda story: story.sentence(given[0], "Well met.", attempt=given[1])),
    _LINES.map(lambda line: lambda story: story.add(bodies.Released(line=line), by=GM)),
    st.tuples(_LINES, _SEQ).map(lambda given: lambda story: story.close(given[0], "cut", given[1], 4)),
    st.tuples(st.integers(0, 24), st.sampled_from(["said", "line"])).map(
        lambda given: lambda story: story.insert(min(given[0], len(story.facts)), "Added.", block=given[1], member="mirelle")
    ),
    st.tuples(_SEQ, st.sampled_from(["Aye.", "Nay."])).map(lambda given: lambda story: story.add(bodies.Corrected(target=given[0], text=given[1]), by=GM)),
    st.sampled_from(["once", "until_removed"]).map(lambda scope: lambda story: story.note("Be brief", scope=scope)),
    _SEQ.map(lambda seq: lambda story: story.note("", removes=seq)),
    _told(bodies.Whispered, character=_NAMES, text=st.just("Psst.")),
    _told(bodies.SceneSet, heading=st.sampled_from(["", "INT. INN"]), mode=st.sampled_from(["", "approve"])),
    st.lists(_SEQ, max_size=8).map(lambda seqs: lambda story: story.add(bodies.Summarized(text="So far.", covers=_heard(story, seqs)))),
    st.tuples(st.sampled_from("ab"), st.lists(_SEQ, max_size=4)).map(
        lambda given: (
            lambda story: story.add(
                bodies.Recommended(recommendation=given[0], category="plot", text="Fire!", rests_on=_heard(story, given[1])),
            )
        )
    ),
    st.just(lambda story: story.leave("ogre")),
    st.just(lambda story: story.join("ogre")),
)


@given(before=st.lists(_STEPS, max_size=12), act=_ACTS, behind=st.lists(_STEPS, max_size=6), later=st.lists(_STEPS, max_size=3))
def test_a_struck_act_never_was(before: Sequence[_Step], act: _Step, behind: Sequence[_Step], later: Sequence[_Step]) -> None:
    """Any history with any act in it that is struck, struck again, and struck once more: every other time it never was, whoever reads."""
    story = inn()
    for step in before:
        step(story)
    act(story)
    named = len(story.facts)
    for step in behind:
        step(story)
    first = strike(story, named)
    second = strike(story, first)
    third = strike(story, second)
    for step in later:
        # What comes later may name the strikes as well: here it must not.
        step(story)
        if story.facts[-1].kind == Kind.STRUCK and not {named, first, second, third}.isdisjoint(story.facts[-1].body["targets"]):
            story.facts.pop()
    voids = (named, first, second, third)
    upto = {count: [fact for fact in story.facts if fact.seq not in voids[count + 1 :]] for count in (1, 2, 3)}
    for reader in READERS:
        for count, gone in ((1, voids[:2]), (2, voids[1:3]), (3, voids)):
            shown, wanted = known(fold(upto[count], reader)), known(fold(without(upto[count], *gone), reader))
            if story.facts[named - 1].kind == Kind.REVEALED and count != 2 and reader.oversees:
                shown["entries"] = tuple(entry for entry in shown["entries"] if not isinstance(entry, RevealEntry) or entry.seq != named)
            assert shown == wanted, (reader, count)
        whole, growing = fold(story.facts, reader), fold((), reader)
        for fact in story.facts:
            growing = growing.advance([fact])
        assert known(growing) == known(whole)


@pytest.mark.parametrize("reader", READERS)
def test_a_retcon_that_is_taken_back(reader: Reader) -> None:
    """Words, line, digest, advice that was accepted, whisper and secret: all stand where they stood."""
    story = inn()
    kept = story.say("One")
    said = story.say("Two")
    (sentence,) = story.speak("L", "Two indeed.")
    story.add(bodies.Whispered(character="mirelle", text="Psst."))
    story.add(bodies.Revealed(character="mirelle", secret="gold"))
    story.add(bodies.Summarized(text="Both spoke.", covers=[kept, said, sentence]))
    story.add(bodies.Recommended(recommendation="a", category="plot", text="Fire!", rests_on=[said]))
    story.add(bodies.RecommendationDecided(recommendation="a", state="pinned"))
    before = known(fold(story.facts, reader))
    retcon = story.add(bodies.Retconned(to=kept))
    assert known(fold(story.facts, reader)) != before
    strike(story, retcon)
    assert known(fold(story.facts, reader)) == before


def test_a_digest_of_less_yields_to_the_fuller_one_that_is_back() -> None:
    """What was condensed between the retcon and its end covers a part of what stands again."""
    story = inn()
    one, two = story.say("One"), story.say("Two")
    full = story.add(bodies.Summarized(text="Both.", covers=[one, two]))
    retcon = story.add(bodies.Retconned(to=one))
    less = story.add(bodies.Summarized(text="One.", covers=[one]))
    assert _summary(story) == less
    strike(story, retcon)
    assert _summary(story) == full
    three = story.say("Three")
    newest = story.add(bodies.Summarized(text="All.", covers=[one, two, three]))
    assert _summary(story) == newest


def _summary(story: Story) -> int:
    summary = fold(story.facts, MIRELLE).summary
    return summary.seq if summary else 0


def test_a_decision_that_is_taken_back() -> None:
    """The advice waits again, or is what it was decided to be before; it steers accordingly."""
    story = inn()
    said = story.say("One")
    story.add(bodies.Recommended(recommendation="a", category="plot", text="Fire!", rests_on=[said]))
    pinned = story.add(bodies.RecommendationDecided(recommendation="a", state="pinned"))
    rejected = story.add(bodies.RecommendationDecided(recommendation="a", state="rejected", text="Water!"))
    assert _advice(story) == ("rejected", "Water!", 0)
    strike(story, rejected)
    assert _advice(story) == ("pinned", "Fire!", 1)
    strike(story, pinned)
    assert _advice(story) == ("proposed", "Fire!", 0)


def _advice(story: Story) -> tuple[str, str, int]:
    view = fold(story.facts, DIRECTOR)
    (entry,) = (entry for entry in view.entries if isinstance(entry, RecommendationEntry))
    return entry.state, entry.text, len(view.notes)


def test_a_retcon_outlives_the_end_of_another() -> None:
    """Two of them: each takes back its own, and to take the later one back leaves the earlier one standing."""
    story = inn()
    one = story.say("One")
    story.say("Two")
    story.add(bodies.Retconned(to=one))
    story.say("Three")
    second = story.add(bodies.Retconned(to=one))
    assert _words(story) == ["One"]
    strike(story, second)
    assert _words(story) == ["One", "Three"]


def test_a_strike_of_the_end_survives_a_later_retcon() -> None:
    """That something was taken back is no part of the story: a retcon to before that does not undo it."""
    story = inn()
    one, two = story.say("One"), story.say("Two")
    struck = strike(story, one, two)
    back = strike(story, struck)
    story.say("Three")
    story.add(bodies.Retconned(to=two))
    assert back
    assert _words(story) == ["One", "Two"]


def _words(story: Story) -> list[str]:
    return [entry.text for entry in fold(story.facts, DIRECTOR).entries if isinstance(entry, SaidEntry) and not entry.struck]


def test_what_is_no_act_is_struck_as_ever() -> None:
    """A correction or an insertion that is named with an act keeps its own meaning; an erased text does not come back."""
    story = inn()
    one = story.say("One")
    erased = story.add(bodies.Erased(seqs=[one]))
    corrected = story.say("Two")
    correction = story.add(bodies.Corrected(target=corrected, text="Zwei"))
    strike(story, erased, correction)
    assert _words(story) == ["Zwei"]


def test_the_document_reads_back() -> None:
    """A screenplay in which acts were taken back is written, read and compared as one in which they never were."""
    story = inn()
    one = story.say("One")
    story.speak("L", "Well met.", "Sit down.")
    before = render(fold(story.facts, DIRECTOR))
    retcon = story.add(bodies.Retconned(to=one))
    struck = strike(story, one)
    strike(story, retcon, struck)
    view = fold(story.facts, DIRECTOR)
    after = render(view)
    assert _body(after) == _body(before)
    assert diff(Screenplay(title=title_page(view), blocks=blocks(view)), parse(after)) == ()
    assert not [entry for entry in view.entries if isinstance(entry, SummaryEntry)]


def _body(document: str) -> str:
    """Without the title page, which names the head."""
    return document.partition("\n\n")[2]
