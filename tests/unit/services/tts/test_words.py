"""Words in the text and in the sound."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tts.words import Anchors, proportional, spans


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 1984, isn't it?", ["It's", "1984", "isn't", "it"]),
        ("Привет, путник!", ["Привет", "путник"]),
        ("你好，旅行者。", ["你", "好", "旅", "行", "者"]),
        ("say 你好 now", ["say", "你", "好", "now"]),
        ("…", []),
    ],
)
def test_words_are_found_in_every_script(text: str, words: list[str]) -> None:
    """Contractions stay whole, and each ideograph is a word."""
    assert [text[start:end] for start, end in spans(text)] == words


@given(st.text(max_size=80), st.floats(0.01, 100))
def test_proportional_marks_are_ordered_and_within_the_sound(text: str, seconds: float) -> None:
    """Every word gets a mark, in order, before the sound's end."""
    marks = proportional(text, seconds)
    assert [(mark.start, mark.end) for mark in marks] == spans(text)
    assert all(0 <= mark.at_s < seconds for mark in marks)
    assert all(one.at_s < two.at_s for one, two in pairwise(marks))


def test_words_between_told_ones_are_put_in_proportion() -> None:
    """An engine that tells the first and the third word leaves the second in between."""
    anchors = Anchors("one two three four")
    told = [*anchors.told(0, 0.0), *anchors.told(8, 1.0), *anchors.ended(2.0)]
    assert [(mark.start, mark.at_s) for mark in told] == [(0, 0.0), (4, 0.5), (8, 1.0), (14, 1.6)]


def test_a_symbol_that_is_read_aloud_does_not_take_the_next_words_mark() -> None:
    """An emoji has a sound but no word; the word after it keeps its own time."""
    text = "😀 Hi there"
    anchors = Anchors(text)
    told = [*anchors.told(0, 0.0), *anchors.told(1, 0.3), *anchors.told(2, 0.6), *anchors.told(5, 0.9)]
    assert [(text[mark.start : mark.end], mark.at_s) for mark in told] == [("Hi", 0.6), ("there", 0.9)]


@given(st.text(alphabet="ab ,.你", max_size=30), st.lists(st.tuples(st.integers(0, 29), st.floats(0, 5)), max_size=12))
def test_whatever_an_engine_tells_each_word_is_marked_once_and_in_order(text: str, told: list[tuple[int, float]]) -> None:
    """Positions that repeat, lie between words or go back in time never disorder the marks."""
    anchors = Anchors(text)
    marks = [mark for position, at_s in told for mark in anchors.told(min(position, len(text)), at_s)] + [*anchors.ended(6.0)]
    assert [(mark.start, mark.end) for mark in marks] == spans(text)
    assert all(one.at_s <= two.at_s for one, two in pairwise(marks))
