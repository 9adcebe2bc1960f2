"""Who answers."""

from __future__ import annotations

import pytest

from services.stage.casting import Candidate, Circle, choose

MIRELLE = Candidate("mirelle", "Mirelle Ashdown", talkativeness=0.4)
SMAUG = Candidate("gorynych", "Горыныч", talkativeness=0.9)
WEI = Candidate("wei", "魏小路", "小路")
ALL = (MIRELLE, SMAUG, WEI)
ALONE, TWO = Circle(), Circle(humans=2)
ROOM = Circle(humans=4, room=True)


@pytest.mark.parametrize(
    ("text", "slug"),
    [("Mirelle, what news?", "mirelle"), ("tell me, MIRELLE", "mirelle"), ("Спроси Горыныча", "gorynych"), ("你好小路", "wei"), ("Mrs. Ashdown!", "mirelle")],
)
def test_whoever_is_named_answers(text: str, slug: str) -> None:
    """In any case, in declension, without spaces."""
    assert choose(text, ALL, Circle(humans=3)).character == slug


def test_the_first_name_wins() -> None:
    """Two names: the first one is addressed."""
    assert choose("Горыныч, where is Mirelle?", ALL, ALONE).character == "gorynych"


def test_who_is_called_goes_before_who_is_mentioned() -> None:
    """A name that is set off by commas is meant, wherever another one stands."""
    assert choose("Where is Mirelle, Горыныч?", ALL, TWO).character == "gorynych"
    assert choose("I saw Mirelle and Горыныч", ALL, TWO).character == "mirelle"


def test_alone_with_one_human_no_name_is_needed() -> None:
    """One human, one character."""
    assert choose("good evening", (MIRELLE,), ALONE).character == "mirelle"


def test_two_humans_must_address_somebody() -> None:
    """Table talk is not answered."""
    choice = choose("good evening", ALL, TWO)
    assert (choice.character, choice.reason) == ("", "not_addressed")


def test_a_name_is_needed_as_the_table_has_settled() -> None:
    """Always, even alone; or never, even at a full table."""
    assert choose("good evening", ALL, Circle(wake_name="always")).reason == "not_addressed"
    assert choose("good evening", ALL, Circle(humans=5, wake_name="never")).reason == "talkative"


@pytest.mark.parametrize("wake_name", ["auto", "always", "never"])
def test_a_rooms_microphone_needs_a_name_or_the_key(wake_name: str) -> None:
    """Nobody knows who of the heads behind it spoke: no conversation goes on by itself there."""
    room = Circle(humans=4, room=True, wake_name=wake_name, engaged="mirelle", last="mirelle")
    assert choose("and then?", ALL, room).reason == "not_addressed"
    assert choose("and then, Mirelle?", ALL, room).reason == "named"
    assert choose("and then?", ALL, room, addressed="wei").reason == "addressed"
    assert choose("and then?", ALL, room, due="wei").reason == "due"


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Mirelle, wait!", "mirelle"),
        ("wait, Mirelle", "mirelle"),
        ("I have seen Mirelle there", "wei"),
        ("and then?", "wei"),
        ("Bob, what do you think?", "wei"),
        ("Bob, and you, Mirelle?", "wei"),
        ("小路，你呢？", "wei"),
    ],
)
def test_a_name_that_is_called_goes_before_the_directors_choice(text: str, slug: str) -> None:
    """One that is mentioned does not, nor do words to another human; and whom the speaker has picked goes before both."""
    for circle in (Circle(humans=3, others=("Bob",), engaged="gorynych"), Circle(humans=4, others=("Bob",), room=True)):
        assert choose(text, ALL, circle, asked="gorynych", due="wei").character == slug
        assert choose(text, ALL, circle, addressed="gorynych", due="wei").character == "gorynych"
    assert choose("and then?", (MIRELLE, SMAUG), ALONE, due="wei").character == "gorynych"


def test_who_was_just_answered_needs_no_name() -> None:
    """The character goes on with the one it has just answered, and not when that one turns to another human."""
    engaged = Circle(humans=3, others=("Bob", "Саша"), engaged="mirelle")
    assert (choose("and then?", ALL, engaged).character, choose("and then?", ALL, engaged).reason) == ("mirelle", "continued")
    for text in ("Bob, what do you think?", "what do you think, Bob?", "Hey Bob ask Mirelle about the key", "Саш, а ты?", "Сашка, спроси Горыныча"):
        assert choose(text, ALL, engaged).reason == "not_addressed", text
    assert choose("Mirelle, where is Bob?", ALL, engaged).reason == "named"


def test_a_conversation_goes_on_with_the_same_character() -> None:
    """One human, several characters: whoever spoke last, else the most talkative."""
    assert choose("and then?", ALL, Circle(last="wei")).character == "wei"
    assert choose("and then?", ALL, ALONE).character == "gorynych"


def test_the_directors_choice_needs_a_character_that_is_here() -> None:
    """Asking for somebody absent chooses nobody."""
    assert choose("", ALL, ROOM, asked="mirelle").character == "mirelle"
    assert choose("", ALL, ROOM, asked="nobody").reason == "no_character"


def test_a_part_of_a_word_is_not_a_name() -> None:
    """A name inside another word addresses nobody."""
    assert choose("how weird", (Candidate("wei", "Wei"), MIRELLE), TWO).character == ""
