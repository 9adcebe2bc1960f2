"""Where a cut falls in a new wording."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transcript.view.heard import moved


@pytest.mark.parametrize(
    ("old", "offset", "new", "heard"),
    [
        ("I will tell you all", 6, "I will tell you nothing", "I will"),
        ("I will tell you all", 11, "Surely I will tell you all", "Surely I will tell"),
        ("I will tell you all", 11, "I would tell you all", "I would tell"),
        ("abc def ghi", 5, "abc uvwxyz ghi", "abc "),
        ("你好朋友，请进", 4, "您好朋友，请进", "您好朋友"),
    ],
)
def test_cut_moves_with_the_words_around_it(old: str, offset: int, new: str, heard: str) -> None:
    """What both wordings share keeps its side of the cut; inside a changed middle the cut falls between words."""
    assert new[: moved(old, offset, new)] == heard


@given(st.text(), st.text(), st.data())
def test_cut_stays_within_the_new_text(old: str, new: str, data: st.DataObject) -> None:
    """Whatever the wordings, the offset is one into the new text."""
    offset = data.draw(st.integers(0, len(old)))
    assert 0 <= moved(old, offset, new) <= len(new)


@given(st.text(), st.data())
def test_unchanged_text_keeps_its_cut(text: str, data: st.DataObject) -> None:
    """A correction that changes nothing moves nothing."""
    offset = data.draw(st.integers(0, len(text)))
    assert moved(text, offset, text) == offset
