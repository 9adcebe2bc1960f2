"""What hearing can learn from a correction: a name that took the place of something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ENDS: Final = re.compile(r"[.!?…:]['\"»”)]*\s*(?:[-—–]\s*)?$")
_SHORTEST: Final = 3
_MOST: Final = 5
_LANGUAGES: Final = frozenset({"en", "ru"})
"""Where only names have a capital letter within a sentence. German would teach every noun."""


def names_taught(before: str, after: str, language: str = "") -> tuple[str, ...]:
    """Names in `after` that were other words in `before`. A first word's capital says nothing, unless somebody is addressed by it."""
    if language and language.split("-", maxsplit=1)[0].lower() not in _LANGUAGES:
        return ()
    old, new = list(_WORD.finditer(before)), list(_WORD.finditer(after))
    matcher = SequenceMatcher(None, [word[0].casefold() for word in old], [word[0].casefold() for word in new], autojunk=False)
    found: list[str] = []
    for kind, _, _, start, end in matcher.get_opcodes():
        if kind == "replace":
            found += _names(after, new[start:end])
    return tuple(dict.fromkeys(found))[:_MOST]


def _names(text: str, words: Sequence[re.Match[str]]) -> Iterator[str]:
    """Runs of neighbouring names, each as one."""
    run: list[re.Match[str]] = []
    for word in words:
        if run and (not _is_name(text, word) or text[run[-1].end() : word.start()].strip()):
            yield text[run[0].start() : run[-1].end()]
            run = []
        if _is_name(text, word):
            run.append(word)
    if run:
        yield text[run[0].start() : run[-1].end()]


def _is_name(text: str, word: re.Match[str]) -> bool:
    written = word[0]
    if len(written) < _SHORTEST or not written[0].isupper() or not written[1:].islower():
        return False
    first = not text[: word.start()].strip(" \t\n\"'«“(—–-") or bool(_ENDS.search(text[: word.start()]))
    return not first or text[word.end() : word.end() + 1] == ","
