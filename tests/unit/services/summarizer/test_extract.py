"""A digest without a model: what matters is kept, in order, within its length, in three languages."""

from __future__ import annotations

import pytest

from services.summarizer.extract import extract, sentences
from services.summarizer.heard import Passage


def passages(*told: tuple[str, str]) -> list[Passage]:
    """One fact each."""
    return [Passage(seqs=(at,), speaker=speaker, member=speaker.lower(), text=text) for at, (speaker, text) in enumerate(told, 1)]


@pytest.mark.parametrize(
    ("told", "kept", "dropped"),
    [
        (
            [("Ann", "Good evening. How nice."), ("Mirelle", "I promise to bring 12 horses to Brackwater. The stew is warm."), ("Ann", "Well, well.")],
            "I promise to bring 12 horses to Brackwater.",
            "How nice.",
        ),
        (
            [("Аня", "Добрый вечер. Как тут тепло."), ("Ярослав", "Клянусь, я приведу 12 коней в Броды. Суп горячий."), ("Аня", "Ну и ну.")],
            "Клянусь, я приведу 12 коней в Броды.",
            "Как тут тепло.",
        ),
        (
            [("安", "晚上好。这里真暖和。"), ("小满", "我答应午夜之前把十二匹马带到青石镇。汤很热。"), ("安", "好吧。")],
            "我答应午夜之前把十二匹马带到青石镇。",
            "这里真暖和。",
        ),
    ],
)
def test_names_numbers_and_promises_outweigh_small_talk(told: list[tuple[str, str]], kept: str, dropped: str) -> None:
    """With room for one sentence it is the promise."""
    record = extract("", passages(*told), len(kept) + 14)
    assert kept in record
    assert dropped not in record


def test_what_is_kept_stays_in_order_and_within_the_limit() -> None:
    """However much there is."""
    talk = passages(*(("Ann", f"Number {number} of the silver keys lies in Brackwater{number}.") for number in range(200)))
    record = extract("", talk, 600)
    assert 300 < len(record) <= 600
    numbers = [int(line.split("Number ")[1].split(" ")[0]) for line in record.splitlines()]
    assert numbers == sorted(numbers)


def test_a_record_goes_on_from_the_one_before_without_repeating_it() -> None:
    """Its lines keep their speakers."""
    first = extract("", passages(("Ann", "My name is Anselm Vogt.")), 500)
    second = extract(first, passages(("Mirelle", "I owe you forty crowns, Anselm."), ("Ann", "My name is Anselm Vogt.")), 500)
    assert second.splitlines() == ["Ann: My name is Anselm Vogt.", "Mirelle: I owe you forty crowns, Anselm."]


def test_sentences_end_where_people_end_them() -> None:
    """Decimals and abbreviations without a space do not end one."""
    assert sentences("It costs 3.50 crowns. Really?! 好的。走吧！ So…") == ["It costs 3.50 crowns.", "Really?!", "好的。", "走吧！", "So…"]
    assert sentences("INT. INN - NIGHT. Mr. Vogt and Dr. Anselm came. г. Броды далеко.") == [
        "INT. INN - NIGHT.",
        "Mr. Vogt and Dr. Anselm came.",
        "г. Броды далеко.",
    ]
    assert sentences("") == []
