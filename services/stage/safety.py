"""The safety word: whoever says it silences every character at once, without a reason and without waiting for the end of their sentence."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from services.stage.naming import folded

_WORD: Final = re.compile(r"\w+", re.UNICODE)
_EAST: Final = 0x2E80
_REMEMBERED: Final = 256


class Safety:
    """Of one session; it is told what was said."""

    def __init__(self, words: Callable[[], Iterable[str]]) -> None:
        """`words` are the safety words in force, each of one or several words."""
        self._words = words
        self._acted: OrderedDict[tuple[str, str], None] = OrderedDict()

    def spoken(self, member: str, utterance: str, text: str) -> bool:
        """A safety word is in `text`, and this utterance of the member's has not silenced anybody yet."""
        known = (member, utterance)
        if known in self._acted or not text or not holds(text, self._words()):
            return False
        self._acted[known] = None
        if len(self._acted) > _REMEMBERED:
            # What was said so long ago has had its final.
            self._acted.popitem(last=False)
        return True


def holds(text: str, phrases: Iterable[str]) -> bool:
    """The words of one of `phrases` stand in `text`, one behind the other, whatever the case and the signs between them."""
    said = _words(text)
    return any(_stand(said, _words(phrase)) for phrase in phrases)


def _stand(said: Sequence[str], wanted: Sequence[str]) -> bool:
    if not wanted:
        return False
    if any(ord(letter) > _EAST for letter in wanted[0]):
        return "".join(wanted) in "".join(said)
    return any(said[start : start + len(wanted)] == wanted for start in range(len(said) - len(wanted) + 1))


def _words(text: str) -> Sequence[str]:
    return _WORD.findall(folded(text))
