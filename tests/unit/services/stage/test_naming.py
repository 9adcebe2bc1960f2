"""Names in what was said: in three languages, in declension, for short."""

from __future__ import annotations

import pytest

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
