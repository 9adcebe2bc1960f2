"""A text as terms to look up, in any language: words, the beginnings of long words, and pairs where the writing has no spaces.

Both databases index these terms and nothing else, so both find the same: neither has a stemmer for every language, and the beginning
of a long word is a fair one for those whose words change at the end.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

_WORD: Final = re.compile(r"\w+")
_SPACELESS: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+")
_STEM: Final = 5
_LONGEST: Final = 40
_MOST: Final = 600
_EMPTY: Final = frozenset(files("services.transcript.memory").joinpath("empty_words.txt").read_text(encoding="utf-8").split())
"""Words that tell nothing about what is meant."""


def terms_of(text: str, most: int = _MOST) -> list[str]:
    """Distinct terms in order of appearance, at most `most`."""
    return list(dict.fromkeys(_terms(_plain(text))))[:most]


def indexed(text: str) -> str:
    """What is indexed of a text."""
    return " ".join(terms_of(text))


def sought(text: str, most: int) -> list[str]:
    """One term for each word, the widest: what is looked up where not every word must be there."""
    return [group[-1] for group in groups_of(text, most)]


def groups_of(text: str, most: int) -> list[list[str]]:
    """The terms of each word, any of which stands for it; at most `most` words."""
    groups: list[list[str]] = []
    for term in terms_of(text, 2 * most):
        if groups and len(groups[-1]) == 1 and len(groups[-1][0]) > _STEM and groups[-1][0].startswith(term):
            groups[-1].append(term)
        else:
            groups.append([term])
    return groups[:most]


def _plain(text: str) -> str:
    parted = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(char for char in parted if not unicodedata.combining(char)))


def _terms(text: str) -> Iterator[str]:
    for found in _WORD.finditer(text):
        word = found.group()
        at = 0
        for run in _SPACELESS.finditer(word):
            yield from _word(word[at : run.start()])
            yield from _pairs(run.group())
            at = run.end()
        yield from _word(word[at:])


def _word(word: str) -> Iterator[str]:
    word = word.strip("_")[:_LONGEST]
    if not word or word in _EMPTY:
        return
    yield word
    if len(word) > _STEM:
        yield word[:_STEM]


def _pairs(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
    for at in range(len(run) - 1):
        yield run[at : at + 2]
