"""When passages are remembered: each once, however long it took until it was heard; without a model, so that the words tell."""

from __future__ import annotations

from services.core.model import facts as bodies
from services.core.model.fact import Author
from services.transcript.memory import Memory
from tests.unit.services.summarizer.followed import Followed
from tests.unit.services.transcript.story import Story

GM = Author("director", "gm")
QUIET_S = 3_600.0


def _inn() -> Story:
    story = Story()
    story.join("mirelle")
    return story


async def test_a_line_that_was_held_while_the_table_talked_on_is_remembered() -> None:
    """What was said meanwhile was remembered before the line was released."""
    story = _inn()
    story.open("held", mode="approve")
    sentence = story.sentence("held", "I killed the miller of Dunmore in 1203.")
    story.say("I promise to bring 12 horses to Brackwater before midnight.")
    followed = Followed(story)
    await followed.visit(later_s=QUIET_S)
    assert followed.texts() == ["Ann: I promise to bring 12 horses to Brackwater before midnight."]
    story.add(bodies.Released(line="held"), by=GM)
    story.close("held", "heard", sentence, 99)
    await followed.visit(later_s=QUIET_S)
    assert followed.texts() == ["Ann: I promise to bring 12 horses to Brackwater before midnight.", "Mirelle: I killed the miller of Dunmore in 1203."]


async def test_a_line_that_somebody_spoke_into_is_remembered_once() -> None:
    """Their words lie between its sentence and its end."""
    story = _inn()
    story.open("cut")
    sentence = story.sentence("cut", "I killed the miller of Dunmore in 1203.")
    story.say("I promise to bring 12 horses to Brackwater before midnight.")
    followed = Followed(story)
    await followed.visit(later_s=QUIET_S)
    story.close("cut", "cut", sentence, 99)
    await followed.visit(later_s=QUIET_S)
    assert len(followed.texts()) == 2
    followed.memories.clear()
    await followed.visit(later_s=QUIET_S)
    assert followed.texts() == []


async def _remembered(*words: str) -> tuple[Followed, list[int]]:
    """A session of which everything that was said is remembered, and where its words stand."""
    story = _inn()
    said = [story.say(text) for text in words]
    followed = Followed(story)
    await followed.visit(later_s=QUIET_S)
    assert len(followed.texts()) == len(words)
    return followed, said


_TOMAS = "I owe Tomas Vogt 12 horses until midnight."
_MILLER = "I killed the miller of Dunmore in 1203."


async def test_words_that_were_edited_are_remembered_as_they_stand_now() -> None:
    """The old wording is gone at once, and nothing else; back again it is remembered again; the feeling alone changes nothing."""
    followed, (owes, _) = await _remembered(_TOMAS, _MILLER)
    kept = next(memory for memory in followed.memories.values() if "Dunmore" in memory.text)
    followed.story.add(bodies.Corrected(target=owes, text=_TOMAS.replace("Tomas", "Jonas")), by=GM)
    await followed.visit()
    assert followed.texts() == [f"Ann: {_MILLER}", f"Ann: {_TOMAS.replace('Tomas', 'Jonas')}"]
    assert followed.memories[kept.id] is kept
    followed.story.add(bodies.Corrected(target=owes, text=_TOMAS), by=GM)
    await followed.visit()
    assert followed.texts() == [f"Ann: {_MILLER}", f"Ann: {_TOMAS}"]


async def test_an_edit_while_nobody_followed_is_seen_to_once() -> None:
    """By whoever reads the session anew; what somebody did to the new memory since stays as it is."""
    followed, (owes,) = await _remembered(_TOMAS)
    followed.story.add(bodies.Corrected(target=owes, text=_TOMAS.replace("Tomas", "Jonas")), by=GM)
    followed.anew()
    await followed.visit()
    assert followed.texts() == [f"Ann: {_TOMAS.replace('Tomas', 'Jonas')}"]
    followed.memories.clear()
    followed.anew()
    await followed.visit()
    await followed.visit(later_s=QUIET_S)
    assert followed.texts() == []


async def test_what_was_edited_before_it_was_remembered_waits_like_everything_else() -> None:
    """There is no hurry."""
    story = _inn()
    owes = story.say(_TOMAS)
    story.add(bodies.Corrected(target=owes, text=_TOMAS.replace("Tomas", "Jonas")), by=GM)
    followed = Followed(story)
    await followed.visit()
    assert followed.texts() == []
    await followed.visit(later_s=QUIET_S)
    assert followed.texts() == [f"Ann: {_TOMAS.replace('Tomas', 'Jonas')}"]


async def test_what_a_strike_took_comes_back_with_it_whoever_follows_by_then() -> None:
    """The strike was seen to by a process that is gone when it is taken back."""
    followed, (owes, _) = await _remembered(_TOMAS, _MILLER)
    strike = followed.story.add(bodies.Struck(targets=[owes]), by=GM)
    await followed.visit()
    assert followed.texts() == [f"Ann: {_MILLER}"]
    followed.anew()
    await followed.visit()
    assert followed.texts() == [f"Ann: {_MILLER}"]
    followed.story.add(bodies.Struck(targets=[strike]), by=GM)
    followed.anew()
    await followed.visit()
    assert followed.texts() == [f"Ann: {_MILLER}", f"Ann: {_TOMAS}"]


async def test_what_else_a_dropped_memory_rested_on_is_remembered_again() -> None:
    """A name is edited in one passage; the promise stood in another."""
    followed, (owes, miller) = await _remembered(_TOMAS, _MILLER)
    both = Memory(character="mirelle", text="Ann, a killer, owes Tomas.", session="inn", sources=(owes, miller), present=("ann", "mirelle"))
    followed.memories.clear()
    await followed.add([both])
    followed.story.add(bodies.Corrected(target=owes, text=_TOMAS.replace("Tomas", "Jonas")), by=GM)
    await followed.visit()
    assert followed.texts() == [f"Ann: {_MILLER}", f"Ann: {_TOMAS.replace('Tomas', 'Jonas')}"]
