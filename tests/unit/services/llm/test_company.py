"""What a character's prompt, its lore and its lookup of memories rest on where not everybody hears everything: whispers, other rooms, going and coming."""

from __future__ import annotations

from typing import Any

import pytest

from services.core.model import facts as bodies
from services.core.model.fact import Author
from services.core.model.reply import ReplyOptions
from services.llm.card import card_of
from services.llm.lorebook import book_of
from services.llm.prompt import Part, session_prompt
from services.llm.recalling import about
from services.transcript.view import Reader, View, fold
from tests.unit.services.transcript.story import Story

_BOOK = {"entries": [{"keys": ["bell"], "content": "The bell rings by itself.", "enabled": True, "insertion_order": 1, "use_regex": False}]}
_ANN, _BOB = Author("player", "ann", "Ann"), Author("player", "bob", "Bob")
EVERYBODY = ("ann", "bob", "mirelle", "grim")


def _table() -> Story:
    story = Story()
    for member in ("mirelle", "grim"):
        story.join(member)
    for member in ("ann", "bob"):
        story.join(member, role="player")
    return story


def _view(story: Story, character: str) -> View:
    return fold(story.facts, Reader("character", character))


def _prompt(story: Story, character: str) -> str:
    card: dict[str, Any] = {"name": character.title(), "character_book": _BOOK}
    part = Part(card_of(card), book_of(_BOOK))
    return "\n".join(message.content for message in session_prompt(_view(story, character), part, character, ReplyOptions()).messages)


@pytest.mark.parametrize(("hears", "misses"), [("mirelle", "grim"), ("grim", "mirelle")])
def test_a_whisper_is_in_the_prompt_of_those_who_heard_it(hears: str, misses: str) -> None:
    """The words, what they wake in the lore, and what memories are looked up by; and the answer, which the other one did not hear either."""
    story = _table()
    story.say("Good evening, all.", audience=EVERYBODY)
    story.say("Ring the bell at midnight.", audience=("ann", hears))
    story.speak("l1", "I shall be there.", character=hears, audience=("ann", hears))
    own, other = _prompt(story, hears), _prompt(story, misses)
    for words in ("Ring the bell at midnight", "The bell rings by itself", "I shall be there"):
        assert words in own
        assert words not in other
    assert "Good evening, all." in other
    assert "midnight" in about(_view(story, hears))
    assert "midnight" not in about(_view(story, misses))


def test_a_whisper_between_people_reaches_no_character() -> None:
    """Nobody plays with what the players agree on."""
    story = _table()
    story.say("Let us steal the bell.", audience=("ann", "bob"))
    assert not any("steal" in _prompt(story, character) or "rings by itself" in _prompt(story, character) for character in ("mirelle", "grim"))


def test_who_goes_elsewhere_keeps_what_they_knew_and_hears_what_is_said_there() -> None:
    """To the cellar and back: upstairs goes on without them, and nobody upstairs knows of the cellar."""
    story = _table()
    story.say("The ford is flooded.", audience=EVERYBODY)
    story.join("mirelle", place="cellar")
    story.join("ann", role="player", place="cellar")
    story.say("The bell is hidden here.", audience=("ann", "mirelle"))
    story.say("She cannot hear us now.", member="bob", audience=("bob", "grim"))
    story.join("mirelle")
    story.say("Welcome back.", member="bob", audience=("bob", "grim", "mirelle"))
    mirelle, grim = _prompt(story, "mirelle"), _prompt(story, "grim")
    assert all(words in mirelle for words in ("ford is flooded", "bell is hidden", "rings by itself", "Welcome back"))
    assert "cannot hear us" not in mirelle
    assert all(words in grim for words in ("ford is flooded", "cannot hear us", "Welcome back"))
    assert "bell" not in grim


def test_a_digest_of_what_was_whispered_is_for_those_who_heard_all_of_it() -> None:
    """Otherwise the summary would tell."""
    story = _table()
    aloud = story.say("The ford is flooded.", audience=EVERYBODY)
    whispered = story.say("Ring the bell.", audience=("ann", "mirelle"))
    story.add(bodies.Summarized(text="Ann plots with the bell.", covers=[aloud, whispered]))
    assert "plots" in _prompt(story, "mirelle")
    assert "plots" not in _prompt(story, "grim")


def test_a_prompt_names_those_who_are_in_the_same_place() -> None:
    """And where that is, how many sit behind one microphone, and nobody's coming to another room or going from there."""
    story = _table()
    story.join("mirelle", place="cellar")
    story.add(bodies.Joined(member="room", role="player", name="The table", head_count=4), place="cellar")
    story.join("cleo", role="player")
    story.say("Who is there?", member="room", audience=("room", "mirelle"))
    mirelle, grim = _prompt(story, "mirelle"), _prompt(story, "grim")
    assert "Where you are: cellar\nPresent: The table (4 people)\n" in mirelle + "\n"
    assert "Cleo comes in" not in mirelle
    assert "Cleo comes in" in grim
    story.leave("room")
    story.leave("cleo")
    for character, leaves, stays in (("mirelle", "The table", "Cleo"), ("grim", "Cleo", "The table")):
        prompt = _prompt(story, character)
        assert f"{leaves} leaves." in prompt
        assert f"{stays} leaves." not in prompt
    assert "Present: Ann, Bob, Cleo" in grim
    assert "Where you are" not in grim


def test_a_whisper_is_told_as_one() -> None:
    """Written or still on its way: a character must know what it was told in confidence."""
    story = _table()
    story.say("Good evening.", audience=EVERYBODY)
    story.add(bodies.Said(utterance="u1", text="Trust nobody.", whispered=True), by=_ANN, audience=("ann", "mirelle"))
    assert "Ann: Good evening." in _prompt(story, "mirelle")
    assert "Ann (whispering): Trust nobody." in _prompt(story, "mirelle")
    story.add(bodies.Said(utterance="u2", text="Least of all Bob.", whispered=True), by=_ANN, audience=("ann", "mirelle"), seq=0)
    assert "Ann (whispering): Least of all Bob." in _prompt(story, "mirelle")


def test_another_places_scene_is_in_no_prompt_here() -> None:
    """Nor does it wake memories; whoever goes there is in it."""
    story = _table()
    story.add(bodies.SceneSet(heading="TAVERN", description="Smoky."))
    story.join("grim", place="cellar")
    story.add(bodies.SceneSet(heading="CELLAR", description="Dripping."), place="cellar", audience=("grim",))
    for text in (_prompt(story, "mirelle"), about(_view(story, "mirelle"))):
        assert "Smoky" in text
        assert "Dripping" not in text
    assert "Dripping" in _prompt(story, "grim")
    assert "Smoky" not in about(_view(story, "grim"))
    story.join("mirelle", place="cellar")
    assert "Dripping" in _prompt(story, "mirelle")
