"""What is spoken when a sentence has been changed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.core.errors import NotFound
from services.core.model.fact import Draft, Fact, Kind
from services.core.model.facts import Corrected, Erased, Spoken
from services.transcript.view import DIRECTOR, LineEntry, fold
from services.transcript.wording import spoken
from tests.unit.services.transcript.drafts import corrected, draft, inserted, opened, released, retconned, said, sentence, struck


class Listed:
    """Facts in a list, read as from the log."""

    def __init__(self, *drafts: Draft) -> None:
        self.facts = [item.at(seq) for seq, item in enumerate(drafts, 1)]

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        assert (sid, upto, limit) == ("s", None, None)
        return self.facts[after:]

    async def one(self, sid: str, seq: int) -> Fact | None:
        return self.facts[seq - 1] if 0 < seq <= len(self.facts) else None


STORY = (said("u1"), opened("L"), sentence("L", 0, "There is."), sentence("L", 1, "Two silver."))


async def test_an_untouched_sentence_is_spoken_as_written() -> None:
    """Without corrections the fact's own body is the wording."""
    found = await spoken(Listed(*STORY), "s", 4)
    assert found == Spoken(line="L", attempt=1, index=1, text="Two silver.", tagged="[joy] Two silver.", emotion="joy")


async def test_the_last_correction_wins() -> None:
    """Text and emotion come from the corrections in their order; one without emotion leaves it; other sentences are untouched."""
    log = Listed(*STORY, corrected("c1", 4, "Three silver.", "anger"), corrected("c2", 3, "No."), corrected("c3", 4, "Four silver."))
    changed = await spoken(log, "s", 4)
    assert (changed.text, changed.tagged, changed.emotion) == ("Four silver.", "Four silver.", "anger")
    assert (await spoken(log, "s", 3)).text == "No."


@pytest.mark.parametrize("act", [struck("x", 4), struck("x", 2), struck("x", 1, 4), retconned("x", 1), retconned("x", 3), draft("x", Erased(seqs=[4]))])
async def test_what_was_taken_back_is_not_spoken(act: Draft) -> None:
    """A struck, retconned or erased sentence is not there, and neither is one of a struck line."""
    with pytest.raises(NotFound):
        await spoken(Listed(*STORY, act), "s", 4)


@pytest.mark.parametrize("act", [struck("x", 3), struck("x", 1), retconned("x", 4), draft("x", Erased(seqs=[3]))])
async def test_what_happens_to_others_does_not_matter(act: Draft) -> None:
    """Acts on other facts leave the sentence as it is."""
    assert (await spoken(Listed(*STORY, act), "s", 4)).text == "Two silver."


@pytest.mark.parametrize("act", [struck("x", 4), struck("x", 2), retconned("x", 1)])
async def test_what_was_taken_back_by_mistake_is_spoken_again(act: Draft) -> None:
    """The strike or retcon is struck itself; struck once more, that is taken back too."""
    back = (*STORY, act, struck("y", 5))
    assert (await spoken(Listed(*back), "s", 4)).text == "Two silver."
    with pytest.raises(NotFound):
        await spoken(Listed(*back, struck("z", 6)), "s", 4)


@pytest.mark.parametrize("seq", [-1, 0, 1, 2, 99])
async def test_only_sentences_are_spoken(seq: int) -> None:
    """A seq of another kind, or of nothing, is not found."""
    with pytest.raises(NotFound):
        await spoken(Listed(*STORY), "s", seq)


async def test_feeling_alone_is_corrected() -> None:
    """A correction without words changes emotion, intensity and manner, and leaves the text as it was worded last."""
    felt = draft("c2", Corrected(target=4, text="", emotion="fear", intensity=0.9, manner="whisper"))
    found = await spoken(Listed(*STORY, corrected("c1", 4, "Three silver."), felt), "s", 4)
    assert (found.text, found.emotion, found.intensity, found.manner) == ("Three silver.", "fear", 0.9, "whisper")


async def test_words_that_were_replaced_before_they_were_spoken() -> None:
    """Once the line has a newer attempt, the older one's sentences are not spoken; another line's attempts do not matter."""
    log = Listed(*STORY, sentence("L", 0, "No.", attempt=2), opened("M"), sentence("M", 0, "Yes.", attempt=3))
    assert (await spoken(log, "s", 5)).text == "No."
    for seq in (3, 4):
        with pytest.raises(NotFound):
            await spoken(log, "s", seq)


async def test_inserted_line_is_not_spoken() -> None:
    """It counts as heard; nobody says it."""
    with pytest.raises(NotFound):
        await spoken(Listed(*STORY, inserted("i", 4)), "s", 5)


async def test_line_released_behind_the_point_of_a_retcon_is_not_spoken() -> None:
    """It was drafted before, but what is spoken later never happened."""
    log = Listed(*STORY, said("u2"), released("L"), retconned("r", 5))
    with pytest.raises(NotFound):
        await spoken(log, "s", 4)


_ACTS = st.one_of(
    st.builds(corrected, st.just("c"), st.integers(1, 9), st.sampled_from(["Aye.", "Nay.", ""]), st.sampled_from([None, "fear"])),
    st.builds(lambda target: draft("f", Corrected(target=target, text="", intensity=0.9, manner="shout")), st.integers(1, 9)),
    st.builds(lambda target: struck("t", target), st.integers(1, 12)),
    st.builds(retconned, st.just("r"), st.integers(0, 9)),
    st.builds(inserted, st.just("i"), st.integers(0, 9)),
    st.sampled_from([released("L"), said("u9"), opened("M"), sentence("M", 0, "Hm."), released("M")]),
    st.builds(lambda seqs: draft("x", Erased(seqs=seqs)), st.lists(st.integers(3, 4), max_size=1)),
)


@example(acts=[retconned("r", 7), inserted("i", 3)], again=0)
@given(acts=st.lists(_ACTS, max_size=8), again=st.integers(0, 9))
def test_agrees_with_the_view(acts: Sequence[Draft], again: int) -> None:
    """Whatever corrections, strikes, releases, insertions and retcons follow: what is spoken is what the director's view shows, and nothing else."""
    rest = [*acts[:again], sentence("L", 0, "Other words.", attempt=2), *acts[again:]] if again < 5 else list(acts)
    log = Listed(*STORY, *rest)
    shown = {
        item.seq: (item.text, item.emotion, item.intensity, item.manner)
        for entry in fold(log.facts, DIRECTOR).entries
        if isinstance(entry, LineEntry) and not entry.inserted
        for item in entry.sentences
        if not item.struck and item.seq in {3, 4}
    }
    heard: dict[int, tuple[str, str, float, str]] = {}
    for seq in (3, 4, *(fact.seq for fact in log.facts if fact.kind == Kind.INSERTED)):
        found = _now(log, seq)
        if found is not None:
            heard[seq] = (found.text, found.emotion, found.intensity, found.manner)
    assert heard == shown


def _now(log: Listed, seq: int) -> Spoken | None:
    step = spoken(log, "s", seq)
    try:
        step.send(None)
    except StopIteration as done:
        found: Spoken = done.value
        return found
    except NotFound:
        return None
    raise AssertionError("a list never waits")
