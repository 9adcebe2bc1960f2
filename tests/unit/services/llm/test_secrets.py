"""When a secret may be told: by the character's own view, and never a moment earlier."""

from __future__ import annotations

from typing import Any

import pytest

from services.core.model.fact import Author, Fact
from services.core.model.facts import Body, Corrected, Joined, Left, Retconned, Revealed, Rolled, Said, SceneSet, Struck, fields_of, kind_of
from services.core.model.reply import ReplyOptions
from services.llm.card import card_of
from services.llm.lorebook import Book
from services.llm.prompt import Part, session_prompt
from services.transcript.view import Reader, View, fold
from tests.unit.services.transcript.story import Story

ANNA = Author("player", "p-1", "Anna")
KIT = Author("director", "d-1", "Kit")
Told = tuple[Body, Author]
START: list[Told] = [
    (SceneSet(heading="INN", description="Rain."), KIT),
    (Joined(member="mirelle", role="character", name="Mirelle"), KIT),
    (Joined(member="grim", role="character", name="Grim"), KIT),
    (Joined(member="p-1", role="player", name="Anna"), KIT),
]


def view_of(*bodies: Told, member: str = "mirelle", audiences: dict[int, tuple[str, ...]] | None = None) -> View:
    facts = [
        Fact(seq=seq, kind=kind_of(body), at_ms=seq, by=by, audience=(audiences or {}).get(seq), body=fields_of(body))
        for seq, (body, by) in enumerate([*START, *bodies], start=1)
    ]
    return fold(facts, Reader("character", member))


def said(text: str, by: Author = ANNA, source: str = "voice") -> Told:
    return Said(utterance=text[:30], text=text, source=source), by


def knows(reveal: object, view: View, member: str = "mirelle") -> bool:
    """Whether the canary stands in the prompt."""
    secret: dict[str, Any] = {"id": "mine", "text": "The word is canary.", "reveal": reveal}
    card = card_of({"name": "Mirelle", "extensions": {"souffleur": {"secrets": [secret]}}})
    prompt = session_prompt(view, Part(card, Book()), member, ReplyOptions())
    return any("canary" in message.content for message in prompt.messages)


WORDS = {"by": "words", "any": ["Marigold", "secret door", "ключ*", "钥匙"]}
ROLL = {"by": "roll", "purpose": "Insight", "at_least": 15}
SCENE = {"by": "scene", "heading": "crypt"}


@pytest.mark.parametrize("reveal", [{"by": "director"}, {}, None, WORDS, ROLL, SCENE, {"by": "moon"}, {"by": "words"}, {"by": "roll"}, {"by": "scene"}])
def test_the_director_may_reveal_any(reveal: object) -> None:
    """And until then it stands in no prompt; a reveal of another secret or character is none; a retcon and a strike take it back."""
    mine: Told = (Revealed(character="mirelle", secret="mine"), KIT)
    assert not knows(reveal, view_of(said("Hello.")))
    assert not knows(reveal, view_of((Revealed(character="grim", secret="mine"), KIT), (Revealed(character="mirelle", secret="other"), KIT)))
    assert knows(reveal, view_of(said("Hello."), mine))
    assert not knows(reveal, view_of(said("Hello."), mine, (Retconned(to=5), KIT)))
    assert not knows(reveal, view_of(said("Hello."), mine, (Struck(targets=[6]), KIT)))


@pytest.mark.parametrize("text", ["Where is the MARIGOLD?", "Is there a secret door here?", "Где ключи?", "你有钥匙吗?"])
def test_a_players_words_reveal(text: str) -> None:
    """Said in the character's hearing; taken back with the words."""
    assert knows(WORDS, view_of(said(text)))
    assert not knows(WORDS, view_of(said(text), (Retconned(to=4), KIT)))
    assert not knows(WORDS, view_of(said(text), (Struck(targets=[5]), KIT)))
    assert not knows(WORDS, view_of(said(text), (Corrected(target=5, text="Never mind."), KIT)))


@pytest.mark.parametrize("text", ["Marigolds everywhere", "a secret, indoors", "заключить", "The door."])
def test_words_are_whole_ones(text: str) -> None:
    """Unless an asterisk leaves their end open."""
    assert not knows(WORDS, view_of(said(text)))


def test_only_players_count_and_only_what_was_heard() -> None:
    """Not the director's narration, not a character's words, not what was said before it came, after it left, or to others alone."""
    word = "Marigold!"
    assert not knows(WORDS, view_of(said(word, KIT, "narrated")))
    assert not knows(WORDS, view_of(said(word, Author("character", "grim", "Grim"))))
    assert not knows(WORDS, view_of(said(word), audiences={5: ("grim", "p-1")}))
    assert not knows(WORDS, view_of((Left(member="mirelle"), KIT), said(word)))
    assert knows(WORDS, view_of(said(word), audiences={5: ("mirelle", "p-1")}))


def test_dice_reveal() -> None:
    """For that purpose, and high enough."""
    assert knows(ROLL, view_of((Rolled(expression="1d20", total=15, purpose="insight "), KIT)))
    assert not knows(ROLL, view_of((Rolled(expression="1d20", total=14, purpose="insight"), KIT)))
    assert not knows(ROLL, view_of((Rolled(expression="1d20", total=20, purpose="stealth"), KIT)))
    assert not knows(ROLL, view_of((Rolled(expression="1d20", total=20, purpose="insight"), KIT), (Retconned(to=4), KIT)))


@pytest.mark.parametrize("role", ["player", "operator", "adviser", "character", ""])
def test_nobody_but_the_director_rolls_a_secret_open(role: str) -> None:
    """A player who may write any expression, or roll until it is enough, would only have to ask for it."""
    who = Author(role, "p-1", "Anna")
    assert not knows(ROLL, view_of((Rolled(expression="99", total=99, purpose="insight"), who), (Rolled(expression="1d20", total=20, purpose="insight"), who)))


def test_a_scene_reveals() -> None:
    """Also when it is over; one that never happened does not."""
    crypt: Told = (SceneSet(heading="INT. THE CRYPT - NIGHT"), KIT)
    back: Told = (SceneSet(heading="INN"), KIT)
    assert knows(SCENE, view_of(crypt))
    assert knows(SCENE, view_of(crypt, back))
    assert not knows(SCENE, view_of((SceneSet(heading="Scrypted"), KIT)))
    assert not knows(SCENE, view_of(crypt, (Retconned(to=4), KIT)))


def test_a_scene_reveals_to_those_who_are_there() -> None:
    """Not to a character elsewhere; to one that comes there later."""
    story = Story()
    story.join("mirelle")
    story.add(SceneSet(heading="INT. THE CRYPT"), place="crypt", audience=["ogre"])
    assert not knows(SCENE, fold(story.facts, Reader("character", "mirelle")))
    story.join("mirelle", place="crypt")
    assert knows(SCENE, fold(story.facts, Reader("character", "mirelle")))


@pytest.mark.parametrize("secrets", [5, "x", [5], [{"id": 1, "text": "canary"}], [{"id": "a", "text": ""}], [{"id": "a"}], {"a": "canary"}])
def test_what_is_no_secret_is_passed_over(secrets: object) -> None:
    """A card is a stranger's."""
    assert card_of({"name": "M", "extensions": {"souffleur": {"secrets": secrets}}}).secrets == ()
