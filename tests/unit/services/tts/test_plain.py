"""Text that an engine may have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tts.plain import inert, parts, pieces, speakable


@given(st.text(max_size=200))
def test_inert_text_keeps_every_position(text: str) -> None:
    """Word marks of the inert text fit the given one."""
    clean = inert(text)
    assert len(clean) == len(text)
    assert inert(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        '<speak><break time="10s"/></speak>',
        "<voice name='x'>",
        "<!-- hm -->",
        "[[h@l'oU]]",
        "\x0150P",
        "[joy]",
        "(whisper, 0.8)",
        "<anger>",
        "[Sadness 0.5]",
        "</prosody>",
    ],
)
def test_nothing_that_could_act_is_left(text: str) -> None:
    """Tags, phoneme brackets, command characters and emotion marks become blank; the words around them stay."""
    clean = inert(f"before {text} after")
    assert clean.startswith("before ")
    assert clean.endswith(" after")
    assert not set(clean) & set("<>[]{}\x01")


@pytest.mark.parametrize("text", ["3 < 5 and 5 > 3", "salt & pepper", "I (really) mean it", "(Fear not)", "It's #1!", "50% — “quoted”"])
def test_ordinary_signs_stay(text: str) -> None:
    """What people write in a sentence is spoken as it stands."""
    assert inert(text) == text


def test_only_letters_and_digits_can_be_said() -> None:
    """A lone ellipsis or dash is a pause."""
    assert speakable("a")
    assert speakable("好")
    assert not speakable("… — !")


@given(st.text(alphabet='ab c.,!?。！\n"”', max_size=120), st.integers(1, 30))
def test_pieces_lose_only_blank_space_and_keep_the_limit(text: str, limit: int) -> None:
    """Everything of a long text is spoken, in order."""
    found = pieces(text, limit)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(0 < len(piece) <= limit for piece in found)


def test_sentences_are_found_with_their_closing_marks() -> None:
    """A closing quote belongs to its sentence."""
    text = 'He said "Run!" Then. 你好！走吧。'
    assert [text[start:end] for start, end in parts(text)] == ['He said "Run!"', "Then.", "你好！", "走吧。"]
