"""How many tokens a text will cost, estimated on the safe side without any vendor's tokenizer."""

from __future__ import annotations

import re
from typing import Final

_ASCII_PER_TOKEN: Final = 3.3
_LETTERS_PER_TOKEN: Final = 2.0
"""Cyrillic, Greek, accented Latin."""
_DENSE_PER_TOKEN: Final = 0.8
"""Chinese, Japanese, Korean, Thai, emoji: more than one token a character in older vocabularies."""
MESSAGE_TOKENS: Final = 5
"""What a chat template puts around one message."""
_ASCII: Final = re.compile(r"[\x00-\x7f]+")
_LETTERS: Final = re.compile(r"[\u0080-\u0dff]+")


def estimate(text: str) -> int:
    """Tokens of `text`, rounded up."""
    if text.isascii():
        return int(len(text) / _ASCII_PER_TOKEN) + 1 if text else 0
    plain = sum(map(len, _ASCII.findall(text)))
    letters = sum(map(len, _LETTERS.findall(text)))
    dense = len(text) - plain - letters
    return int(plain / _ASCII_PER_TOKEN + letters / _LETTERS_PER_TOKEN + dense / _DENSE_PER_TOKEN) + 1


def truncated(text: str, tokens: int) -> str:
    """As much of the beginning of `text` as fits, cut at a word where there is one near."""
    if tokens <= 0:
        return ""
    if estimate(text) <= tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate(f"{text[:middle]}…") <= tokens:
            low = middle
        else:
            high = middle - 1
    cut = text[:low]
    space = cut.rfind(" ")
    return (cut[:space] if space > low * 0.8 else cut).rstrip() + ("…" if low else "")
