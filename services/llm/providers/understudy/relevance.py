"""How well a line fits what was said: BM25 over light stems, and over pairs of characters where writing has no spaces."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from services.llm.feelings import fold
from services.llm.words import WORDS

_K1: Final = 1.2
_B: Final = 0.6
_TOKEN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|[^\W_]+(?:['’][^\W_]+)*")
_DENSE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_STOP: Final = frozenset(fold(WORDS["understudy"]["stop_words"]).split())
_ENDINGS_EN: Final = ("ingly", "edly", "ings", "ing", "ers", "er", "ies", "ied", "est", "ely", "ly", "ed", "es", "s", "e", "y")
_ENDINGS_RU: Final = tuple(sorted(WORDS["understudy"]["endings_ru"].split(), key=len, reverse=True))


def stems(text: str) -> list[str]:
    """The words of `text` that carry meaning, without their endings."""
    found: list[str] = []
    for word in _TOKEN.findall(fold(text)):
        if _DENSE.match(word):
            found += [pair for at in range(max(1, len(word) - 1)) if (pair := word[at : at + 2]) not in _STOP]
        elif word not in _STOP:
            found.append(_stem(word))
    return found


class Index:
    """Scores documents for a query. Each document is a list of stems; stems given twice weigh twice."""

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        """Counts once."""
        self._counts = [Counter(document) for document in documents]
        self._sizes = [max(1, len(document)) for document in documents]
        self._mean = sum(self._sizes) / max(1, len(self._sizes))
        self._spread = Counter(stem for counts in self._counts for stem in counts)

    def scores(self, query: str) -> list[float]:
        """One score per document; 0 = nothing in common."""
        wanted = set(stems(query))
        return [sum(self._weight(stem, at) for stem in wanted if stem in counts) for at, counts in enumerate(self._counts)]

    def _weight(self, stem: str, at: int) -> float:
        total = len(self._counts)
        rarity = math.log(1 + (total - self._spread[stem] + 0.5) / (self._spread[stem] + 0.5))
        often = self._counts[at][stem]
        return rarity * often * (_K1 + 1) / (often + _K1 * (1 - _B + _B * self._sizes[at] / self._mean))


def _stem(word: str) -> str:
    word = word.split("'", maxsplit=1)[0].split("’", maxsplit=1)[0] or word
    endings = _ENDINGS_RU if "а" <= word[0] <= "я" else _ENDINGS_EN
    for ending in endings:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
