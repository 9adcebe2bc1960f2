"""Which corrections teach a name."""

from __future__ import annotations

import pytest

from services.gateway.corrections.hotwords import names_taught


@pytest.mark.parametrize(
    ("before", "after", "language", "names"),
    [
        ("I have met miss ray before.", "I have met Mirelle before.", "en", ("Mirelle",)),
        ("Ask Mirella about it.", "Ask Mirelle about it.", "", ("Mirelle",)),
        ("Mirella, come here.", "Mirelle, come here.", "en", ("Mirelle",)),
        ("I saw a golden red flag.", "I saw Goldan Reth flag.", "en", ("Goldan Reth",)),
        ("Я видел мире ли вчера.", "Я видел Мирель вчера.", "ru", ("Мирель",)),
        ("Яра глав, иди сюда.", "Ярoглав, иди сюда.".replace("o", "о"), "ru-RU", ("Яроглав",)),
        ("Their house is red.", "There house is red.", "en", ()),
        ("I saw him.", "I did not see him.", "en", ()),
        ("I know what he wants. the end.", "I know what he wants. Then end.", "en", ()),
        ("we met mirelle.", "we met Mirelle.", "en", ()),
        ("Ich sah den haus.", "Ich sah den Hund.", "de", ()),
        ("it is ok", "it is NASA", "en", ()),
        ("", "", "en", ()),
    ],
)
def test_a_name_that_took_another_word_s_place(before: str, after: str, language: str, names: tuple[str, ...]) -> None:
    """Replaced, capitalised, and not only because a sentence begins."""
    assert names_taught(before, after, language) == names
