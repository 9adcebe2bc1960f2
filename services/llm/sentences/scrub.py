"""Drops what nobody wrote on purpose: control characters, terminal codes, lone surrogates, stacked accents."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_CLEAN: Final = re.compile(
    r"[\t\n\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u3000-\u3029\u3030-\u3098\u309b-\u9fff\uac00-\ud7a3\uff01-\uff9d]*"
)
_ESC: Final = "\x1b"
_MOST_ACCENTS: Final = 3
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_KEPT_FORMAT: Final = frozenset("\u200c\u200d")


class Scrubber:
    """Text in, printable text out; line breaks and tabs stay."""

    def __init__(self) -> None:
        """Outside any terminal code."""
        self._escape = ""
        self._accents = 0

    def feed(self, text: str) -> str:
        """`text` without what a page, a voice or a terminal would stumble over."""
        if not self._escape and _CLEAN.fullmatch(text):
            if text:
                self._accents = 0
            return text
        return "".join(char for char in text if self._keeps(char)).replace("\r", "\n")

    def _keeps(self, char: str) -> bool:
        if self._escape:
            return self._in_code(char)
        if char == _ESC:
            self._escape = _ESC
            return False
        if char in "\t\n\r":
            self._accents = 0
            return True
        category = unicodedata.category(char)
        if category in _DROPPED:
            return char in _KEPT_FORMAT
        if category in {"Mn", "Me"}:
            self._accents += 1
            return self._accents <= _MOST_ACCENTS
        self._accents = 0
        return char != "\ufffd"

    def _in_code(self, char: str) -> bool:
        """Terminal codes: `ESC [ ... letter`, `ESC ] ... BEL`, or `ESC` and one more character; a line break ends any."""
        if self._escape == _ESC and char in "[]":
            self._escape += char
            return False
        ends = self._escape == _ESC or char in "\x07\n" or (self._escape == "\x1b[" and "@" <= char <= "~")
        if ends:
            self._escape = ""
        return char == "\n"
