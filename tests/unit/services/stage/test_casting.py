"""Who answers."""

from __future__ import annotations

import pytest

from services.stage.casting import Candidate, choose

MIRELLE = Candidate("mirelle", "Mirelle Ashdown", talkativeness=0.4)
SMAUG = Candidate("gorynych", "Горыныч", talkativeness=0.9)
WEI = Candidate("wei", "魏小路", "小路")
ALL = (MIRELLE, SMAUG, WEI)


@pytest.mark.parametrize(
    ("text", "slug"),
    [("Mirelle, what news?", "mirelle"), ("tell me, MIRELLE", "mirelle"), ("Спроси Горыныча", "gorynych"), ("你好小路", "wei"), ("Mrs. Ashdown!", "mirelle")],
)
def test_whoever_is_named_answers(text: str, slug: str) -> None:
    """In any case, in declension, without spaces."""
    assert choose(text, ALL, 3).character == slug


def test_the_first_name_wins() -> None:
    """Two names: the first one is addressed."""
    assert choose("Горыныч, where is Mirelle?", ALL, 1).character == "gorynych"


def test_alone_with_one_human_no_name_is_needed() -> None:
    """One human, one character."""
    assert choose("good evening", (MIRELLE,), 1).character == "mirelle"


def test_two_humans_must_address_somebody() -> None:
    """Table talk is not answered."""
    choice = choose("good evening", ALL, 2)
    assert (choice.character, choice.reason) == ("", "not_addressed")


def test_a_conversation_goes_on_with_the_same_character() -> None:
    """One human, several characters: whoever spoke last, else the most talkative."""
    assert choose("and then?", ALL, 1, last="wei").character == "wei"
    assert choose("and then?", ALL, 1).character == "gorynych"


def test_the_directors_choice_needs_a_character_that_is_here() -> None:
    """Asking for somebody absent chooses nobody."""
    assert choose("", ALL, 4, asked="mirelle").character == "mirelle"
    assert choose("", ALL, 4, asked="nobody").reason == "no_character"


def test_a_part_of_a_word_is_not_a_name() -> None:
    """A name inside another word addresses nobody."""
    assert choose("how weird", (Candidate("wei", "Wei"), MIRELLE), 2).character == ""
