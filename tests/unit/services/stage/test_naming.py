"""Names in what was said: in three languages, in declension, for short."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import islice, product
from types import FrameType
from typing import Any

import pytest

from services.stage import naming
from services.stage.naming import called


def _names(text: str, *people: str) -> list[str]:
    return [one.who for one in called(text, [(name, [name]) for name in people])]


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("Мирелла", ["Спроси Миреллу", "вместе с Миреллой", "Миреллочка, налей", "о Мирелле", "Мирелл, ты где"]),
        ("Дмитрий", ["у Дмитрия", "Дима, привет", "скажи Диме", "с Дмитрием", "Мить, иди сюда"]),
        ("Павел", ["Павла позови", "Паша!", "с Пашей", "Павлу"]),
        ("Мария", ["Марию", "Маша", "Машенька", "с Машей", "Мария"]),
        ("Орёл", ["орла", "Орел, отвечай"]),
        ("Грозный", ["Грозного", "с Грозным", "Грозный"]),
        ("Сергей", ["Сергея", "Серёжа, стой", "Сергею"]),
        ("Игорь", ["Игоря", "Игорю", "с Игорем"]),
        ("William the Smith", ["Bill, hello", "you ask Billy", "hey smith"]),
        ("Elizabeth", ["Lizzie!", "Beth, come here", "Elizabeth's letter"]),
        ("José", ["jose, come here"]),
        ("魏小路", ["魏小路在吗", "小路,你好", "老魏!", "阿路你来"]),
        ("Old Tom", ["Tom?", "thomas"]),
    ],
)
def test_a_name_is_known_in_its_forms(name: str, texts: list[str]) -> None:
    """Cases, diminutives, the family's name or the given one."""
    for text in texts:
        assert _names(text, name) == [name], text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Стар", "старый замок"),
        ("Old Tom", "the old castle"),
        ("Мирелла", "мир вам"),
        ("Иван", "диван"),
        ("Wei", "weird"),
        ("Bill", "the building"),
        ("William", "will you sit down"),
        ("路", "小魏"),
    ],
)
def test_another_word_is_no_name(name: str, text: str) -> None:
    """However much of it is the same."""
    assert _names(text, name) == []


def test_the_nearer_name_is_meant() -> None:
    """Two who could be called so: the one whose name it is."""
    assert _names("Саша, где ты?", "Александр", "Саша") == ["Саша", "Александр"]


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("Agent, come here", False),
        ("well hello agent", False),
        ("come here, agent", False),
        ("come here, agent, at once", False),
        ("the agent has gone", True),
        ("I think, agent is dead", True),
        ("добрый вечер Agent", False),
    ],
)
def test_called_is_not_mentioned(text: str, mentioned: bool) -> None:  # noqa: FBT001
    """At the beginning, behind a greeting, or set off by commas."""
    assert [one.mentioned for one in called(text, [("agent", ["Agent"])])] == [mentioned]


def test_of_a_long_text_the_ends_are_looked_at() -> None:
    """Whom it is for is said at its beginning or at its end."""
    talk = "and so it went on " * 200
    assert [one.mentioned for one in called(f"{talk}, what do you say, Agent?", [("agent", ["Agent"])])] == [False]
    assert [one.mentioned for one in called(f"Agent, {talk}", [("agent", ["Agent"])])] == [False]
    assert called(f"{talk} agent {talk}", [("agent", ["Agent"])]) == []


def _steps(work: Callable[[], object]) -> int:
    """Lines of `naming` that are run."""
    count = 0

    def line(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(lambda frame, event, arg: line if frame.f_code.co_filename == naming.__file__ else None)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


_SYLLABLES = ["".join(letters) for letters in product("абвгде", repeat=4)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (("a a," * 1000)[:4000], ["a " * 39 + sign for sign in "abcdefgh"]),
        ("hey " * 1000, ["Hey " * 20] * 8),
        (" ".join("ааа" + syllable for syllable in islice(_SYLLABLES, 500)), [" ".join("ааа" + syllable for syllable in islice(_SYLLABLES, 500, 510))] * 8),
        ("我" * 4000, ["我" * 80] * 8),
    ],
    ids=["letters", "openers", "forms", "eastern"],
)
def test_whatever_people_are_called_it_is_soon_known(text: str, names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A text is folded once, and neither its length nor that of the names multiplies what is to be done for each of them."""
    folded: list[int] = []
    real = naming.folded

    def counted(given: str) -> str:
        folded.append(len(given))
        return real(given)

    monkeypatch.setattr(naming, "folded", counted)
    people = [(str(number), [name]) for number, name in enumerate(names)]
    naming._parts.cache_clear()
    steps = _steps(lambda: called(text, people))
    assert folded.count(len(text)) == 1
    assert sum(folded) <= len(text) + sum(map(len, names))
    assert steps <= 100_000
