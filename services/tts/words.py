"""Words of a sentence: where they stand in the text, and where they are in the sound."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from services.tts.engine import Mark

_IDEOGRAPH: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD: Final = re.compile(rf"[{_IDEOGRAPH}]|(?:(?![{_IDEOGRAPH}])\w)+(?:['’](?:(?![{_IDEOGRAPH}])\w)+)*")
_PAUSE: Final = frozenset(",;:.!?…—–，、；：。！？")
_PAUSE_WEIGHT: Final = 3.0
"""A punctuation mark takes about as long as this many letters."""

Span = tuple[int, int]


def spans(text: str) -> list[Span]:
    """[start, end) of every word, in code points; each ideograph or kana is a word of its own."""
    return [match.span() for match in _WORD.finditer(text)]


def weight(text: str) -> float:
    """About how long `text` takes to say, in letters."""
    return sum(_PAUSE_WEIGHT if char in _PAUSE else 1.0 for char in text)


def proportional(text: str, duration_s: float, start_s: float = 0.0) -> list[Mark]:
    """Marks for an engine that gives none: every word at its share of the time."""
    total = weight(text) or 1.0
    marks: list[Mark] = []
    passed, at = 0.0, 0
    for start, end in spans(text):
        passed += weight(text[at:start])
        at = start
        marks.append(Mark(start, end, start_s + duration_s * passed / total))
    return marks


class Anchors:
    """Word marks from an engine that tells some words only: those between two told ones are put in proportion."""

    def __init__(self, text: str) -> None:
        """`text` is the sentence exactly as the engine got it."""
        self._text = text
        self._spans = spans(text)
        self._next = 0
        self._last_s = 0.0

    def told(self, position: int, at_s: float) -> Iterator[Mark]:
        """The engine says that the word at code point `position` begins at `at_s`; yields what is now known."""
        index = next((i for i in range(self._next, len(self._spans)) if self._spans[i][1] > position), None)
        if index is None or not _opens(self._text[position : self._spans[index][0]]):
            return  # within a word that has its mark, or a symbol that is read aloud but is no word
        at_s = max(at_s, self._last_s)
        yield from self._between(self._spans[self._next : index + 1], at_s)
        start, end = self._spans[index]
        yield Mark(start, end, at_s)
        self._next, self._last_s = index + 1, at_s

    def ended(self, at_s: float) -> Iterator[Mark]:
        """The sound ends at `at_s`: the words that are left."""
        left = self._spans[self._next :]
        if left:
            yield from self._between([*left, (len(self._text), len(self._text))], at_s)
        self._next = len(self._spans)

    def _between(self, words: Sequence[Span], until_s: float) -> Iterator[Mark]:
        origin = self._spans[self._next - 1][0] if self._next else (words[0][0] if words else 0)
        whole = max(words[-1][0] - origin, 1)
        for start, end in words[:-1]:
            yield Mark(start, end, self._last_s + (until_s - self._last_s) * (start - origin) / whole)


def _opens(between: str) -> bool:
    """Whether this may stand between what an engine calls a word and the word itself: nothing, or an opening quote."""
    return not between or (len(between) == 1 and not between.isspace() and not between.isalnum())
