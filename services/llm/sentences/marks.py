"""Lifts emotion marks and stage directions out of the text and drops markdown, in every form that models write."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from services.llm.feelings import EMOJI_MARKS, Mark, fold, names_action, read_mark
from services.llm.sentences.cutter import Cutter
from services.llm.words import WORDS

_BRACKETS: Final = {"[": "]", "【": "】", "(": ")", "（": "）", "<": ">"}
_LONGEST: Final = {"[": 120, "【": 120, "(": 120, "（": 120, "<": 120, "*": 600, "_": 200}
_LONGEST_LINK: Final = 300
_MOST_DIRECTION_WORDS: Final = 8
_MOST_FEELING_WORDS: Final = 4
_MOST_EMPHASIS_WORDS: Final = 3
_DROPPED: Final = frozenset("`~")
_EMOJI_JOINERS: Final = frozenset("\u200d\ufe0f\ufe0e\u20e3")
_TAG: Final = re.compile(r"/?\s*([^\s/>]*)(.*)", re.DOTALL)
_THIRD_PERSON_RU: Final = re.compile(r"(?:ет|ёт|ит|ат|ят|ут|ют|ся|ая|яя|ив|ав)$")
_NARRATION: Final = frozenset(WORDS["gestures"]["narration"].split())


class MarkLifter:
    """Characters in; words, marks and silence go on to the cutter."""

    def __init__(self, cutter: Cutter) -> None:
        """`cutter` also tells whether a sentence has begun, which decides what brackets mean."""
        self._cutter = cutter
        self._held = ""
        """An opened bracket, tag or emphasis that is not closed yet."""
        self._stars = 0
        self._link = ""
        self._link_text = ""
        self._previous = "\n"
        self._run = ""
        """The emphasis sign just closed: more of the same belong to it."""

    def feed(self, text: str) -> None:
        """Take the next characters."""
        for char in text:
            self._take(char)

    def finish(self) -> None:
        """The stream is over: what was opened and never closed is text, but for a tag."""
        self._settle_link("")
        if self._held.startswith("<"):
            self._cutter.silent(self._held)
            self._held = ""
        while self._held:
            self._unhold()
        self._settle_link("")

    def _take(self, char: str) -> None:
        if self._link_text and self._settle_link(char):
            return
        if self._held:
            self._hold(char)
        elif not self._run or char != self._run:
            self._run = ""
            self._plain(char)
        self._previous = char

    def _plain(self, char: str) -> None:
        if char in _BRACKETS or char == "*" or (char == "_" and not self._previous.isalnum()):
            self._held = char
            self._stars = 1
        elif char in _DROPPED or char in _EMOJI_JOINERS:
            self._cutter.silent(char)
        elif char in "|_":
            self._cutter.char(" ")
        elif _is_emoji(char):
            self._emoji(char)
        else:
            self._cutter.char(char)

    def _emoji(self, char: str) -> None:
        mark = EMOJI_MARKS.get(char)
        if mark is not None and not self._cutter.fresh:
            self._cutter.mark(mark, char)
        else:
            self._cutter.silent(char)

    def _hold(self, char: str) -> None:
        opener = self._held[0]
        if opener in "*_":
            self._hold_emphasis(char, opener)
            return
        if char == _BRACKETS[opener]:
            held, self._held = self._held, ""
            self._close_bracket(opener, held[1:], held + char)
        elif char == "\n" or len(self._held) >= _LONGEST[opener] or (opener == "<" and len(self._held) == 1 and not (char.isalpha() or char in "/|!")):
            self._held += char
            self._unhold()
        else:
            self._held += char

    def _hold_emphasis(self, char: str, opener: str) -> None:
        content = self._held[self._stars :]
        if char == opener and not content:
            self._stars += 1
            self._held += char
        elif char == opener:
            held, self._held, self._run = self._held, "", opener
            self._close_emphasis(content, held + char)
        elif (char.isspace() and not content) or char == "\n" or len(self._held) >= _LONGEST[opener]:
            # A lone sign: a bullet, a multiplication, the end of bold text, or emphasis that was never closed.
            self._held += char
            self._unhold()
        else:
            self._held += char

    def _unhold(self) -> None:
        """It was no mark: drop the opening sign, and read the rest as text."""
        size = self._stars if self._held[0] in "*_" else 1
        sign, rest = self._held[:size], self._held[size:]
        self._held = ""
        if sign in "(（":
            self._cutter.char(sign)
        self._previous = sign[-1]
        self.feed(rest)

    def _close_bracket(self, opener: str, content: str, raw: str) -> None:
        if opener == "<":
            self._tag(content, raw)
            return
        mark = read_mark(content)
        words = len(content.split())
        if opener in "(（":
            if not self._is_direction(content, mark, words):
                self._cutter.char(opener)
                self.feed(content)
                self._cutter.char(_BRACKETS[opener])
                return
            self._lift(mark, raw)
        elif mark is not None or opener == "【":
            self._lift(mark, raw)
        else:
            self._link_text, self._link = content, raw

    def _is_direction(self, content: str, mark: Mark | None, words: int) -> bool:
        short = words <= _MOST_DIRECTION_WORDS and not any(sign in content for sign in ".!?。！？;")
        known = (mark is not None or names_action(content)) and words <= _MOST_FEELING_WORDS
        return short and any(char.isalpha() for char in content) and (known or self._cutter.fresh)

    def _settle_link(self, char: str) -> bool:
        """After `[words]`: a markdown link if a bracket follows, else a direction that nobody knows. True = `char` is used up."""
        if not self._link_text:
            return False
        opened = self._link.endswith("(") or "](" in self._link
        if not opened and char == "(":
            self._link += char
            return True
        text, raw = self._link_text, self._link
        if opened and char and not char.isspace() and len(raw) < _LONGEST_LINK + len(text):
            self._link += char
            if char != ")":
                return True
            self._link_text = self._link = ""
            self.feed(text)
            return True
        self._link_text = self._link = ""
        if opened:
            at = raw.index("](") + 1
            self._lift(None, raw[:at])
            self.feed(raw[at:])
        else:
            self._lift(None, raw)
        return False

    def _close_emphasis(self, content: str, raw: str) -> None:
        mark = read_mark(content)
        words = content.split()
        if self._stars > 1 or self._held_is_bold(raw):
            direction = mark is not None and self._cutter.fresh and len(words) <= _MOST_EMPHASIS_WORDS
        else:
            direction = (mark is not None and len(words) <= _MOST_FEELING_WORDS) or self._narrates(content, words)
        if direction:
            self._lift(mark, raw)
        else:
            self.feed(content)

    def _held_is_bold(self, raw: str) -> bool:
        return raw.startswith(("**", "__"))

    def _narrates(self, content: str, words: list[str]) -> bool:
        """Asterisks around a gesture, not around a stressed word."""
        if names_action(content) or len(words) > _MOST_DIRECTION_WORDS:
            return True
        first = fold(words[0]) if words else ""
        if not self._cutter.fresh:
            return len(words) > _MOST_EMPHASIS_WORDS
        if first.isascii():
            return first in _NARRATION or (first.endswith("s") and len(first) > 3) or len(words) > _MOST_EMPHASIS_WORDS
        return len(words) > 1 or bool(_THIRD_PERSON_RU.search(first)) or not ("а" <= first[:1] <= "я")

    def _tag(self, content: str, raw: str) -> None:
        """HTML-like and special tokens never reach the voice; those that name a feeling are heeded."""
        found = _TAG.match(content)
        name, rest = (found.group(1), found.group(2)) if found else ("", "")
        mark = None if name.startswith("|") else read_mark(f"{name} {rest}")
        if content.startswith("/"):
            if mark is not None:
                self._cutter.end_span(raw)
            else:
                self._cutter.silent(raw)
        elif fold(name) in {"br", "p", "br/"}:
            self._cutter.char("\n")
        else:
            self._lift(mark, raw)

    def _lift(self, mark: Mark | None, raw: str) -> None:
        if mark is None:
            self._cutter.silent(raw)
        else:
            self._cutter.mark(mark, raw)


def _is_emoji(char: str) -> bool:
    """Pictures and their skin tones; degrees are spoken."""
    return char > "\x7f" and char != "°" and (unicodedata.category(char) == "So" or "\U0001f3fb" <= char <= "\U0001f3ff")
