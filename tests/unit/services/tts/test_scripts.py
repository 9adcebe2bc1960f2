"""Letters and languages."""

from __future__ import annotations

import pytest

from services.tts.scripts import readable_in


@pytest.mark.parametrize(
    ("language", "text", "needed"),
    [
        ("en", "Good evening.", "en"),
        ("en-GB", "Привет, путник!", "ru"),
        ("uk", "Привіт!", "uk"),
        ("", "你好，旅行者", "zh"),
        ("cmn", "你好", "cmn"),
        ("zh-CN", "你好", "zh-CN"),
        ("en", "東京に行きます", "ja"),
        ("ja", "東京", "ja"),
        ("en", "The word мир means peace.", "en"),
        ("ru", "Hello there", "ru"),
        ("", "1984!", ""),
    ],
)
def test_a_text_is_read_in_a_language_that_has_its_letters(language: str, text: str, needed: str) -> None:
    """The card's language stays wherever it can read; a foreign word does not switch the voice."""
    assert readable_in(language, text) == needed
