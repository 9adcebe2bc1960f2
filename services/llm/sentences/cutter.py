"""Cuts a stream into sentences, one character at a time, by the characters alone and never by the chunks in which they came.

The first sentence ends on its terminator, since the voice waits for it. Later ones wait for one more character, which
costs nothing while the voice is busy and keeps "?!" and "well..." whole.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from services.core.model.prosody import Manner
from services.llm.feelings import Mark
from services.llm.words import WORDS


@dataclass(frozen=True, slots=True)
class Cut:
    """One sentence as it was cut."""

    text: str
    tagged: str
    mark: Mark | None
    span_ended: bool = False
    """A span such as `<whisper>...</whisper>` closed in it or before it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Lengths in Latin letters; a Chinese character counts as three."""

    first_clause: int = 60
    """The first piece may end at a comma from here on, so that the voice can begin."""
    clause: int = 170
    """Every later one from here on."""
    space: int = 240
    """Then at any space."""
    hard: int = 320
    """Then anywhere."""


class _Wait(Enum):
    """Why the decision about the terminator just seen is open."""

    NOTHING = auto()
    TAIL = auto()
    """It ends here; only more of the terminator may follow."""
    CLOSER = auto()
    """A quotation is open: its closing mark belongs to this sentence."""
    AFTER_CLOSER = auto()
    """Is there a "he said" behind the quotation?"""
    NUMBER = auto()
    """3.14, 5. or the end?"""
    CAPITAL = auto()
    """An ellipsis or an abbreviation: the next word tells."""


_NEVER_LAST: Final = frozenset(WORDS["abbreviations"]["never_last"].split())
_MAYBE_LAST: Final = frozenset(WORDS["abbreviations"]["maybe_last"].split())
_ENDS: Final = frozenset("!?‼⁇⁈⁉。！？｡")
_DOTS: Final = frozenset("…‥⋯")
_STOPS: Final = _DOTS | {"."}
_CLAUSES: Final = frozenset(",;:—–，、；：")
_GO_ON: Final = frozenset(",;:—–-，、；：")
_PAIRS: Final = {'"': '"', "“": "”", "«": "»", "„": "“", "‹": "›", "「": "」", "『": "』", "(": ")", "（": "）", "《": "》"}
_WRAPPERS: Final = frozenset('"“«„「『')
_CLOSERS: Final = frozenset(_PAIRS.values())
_STRAY: Final = (_CLOSERS - _PAIRS.keys()) | {'"'}
"""Right behind a cut these can only close."""
_CJK_CLOSERS: Final = frozenset("」』》）")
_WORDS_OF_ONE_CAPITAL: Final = frozenset("IЯ")
_ORDINAL_DIGITS: Final = 2
_SURE_WORDS: Final = 3
"""A full stop behind fewer words may be the first dot of "Well..."."""
_MOST_WORDLESS: Final = 64
_MOST_RAW: Final = 4096
_TRIM_LEFT: Final = re.compile(r"^[\s\-–—•·#>|~=+!?！？。.,，、;；:：)\]}”»」』）*_]+")
_LAST_WORD: Final = re.compile(r"[^\s\"“”«»„(\[{（「『—–…,:;!?]*$")
_SPACE: Final = re.compile(r"\s+")
_GAP: Final = re.compile(r" +(?=[.,])")


class Cutter:
    """Characters and marks in; finished sentences collect in `cuts`."""

    def __init__(self, limits: Limits | None = None, *, ordinals: bool = False) -> None:
        """`limits` are for text without terminators; `ordinals`: the language writes "5. Mai"."""
        self.cuts: list[Cut] = []
        self._limits = limits or Limits()
        self._ordinals = ordinals
        self._text = ""
        self._raw = ""
        self._weight = 0
        self._spoken = False
        self._wait = _Wait.NOTHING
        self._spaced = False
        self._open: list[str] = []
        self._wrapper = ""
        self._began = False
        self._given = False
        self._just_cut = False
        self._dots = 0
        self._mark: Mark | None = None
        self._next_mark: Mark | None = None
        self._span_ended = False

    @property
    def fresh(self) -> bool:
        """No word of the next sentence has come, or the last one is probably over."""
        return not self._spoken or self._wait is not _Wait.NOTHING

    def char(self, char: str) -> None:
        """One character of clean text."""
        if self._wait is not _Wait.NOTHING and self._resolve(char):
            return
        if char == "\n":
            self._newline()
        elif self._just_cut and (char in _ENDS or char in _STRAY):
            return  # the rest of "?!" or a closing mark without an opening one
        else:
            self._just_cut = False
            self._raw += char
            if not self._dotted(char) and not self._wraps(char):
                self._append(char)
                self._judge(char)

    def silent(self, raw: str) -> None:
        """Something that was written but is not spoken."""
        self._raw = (self._raw + raw)[-_MOST_RAW:]

    def mark(self, mark: Mark, raw: str) -> None:
        """A feeling: of this sentence, or of the next if this one has its own already."""
        if self._wait is not _Wait.NOTHING:
            self._cut()
        self.silent(raw)
        if not self._spoken:
            self._mark = mark.over(self._mark)
        elif self._mark is None:
            self._mark = mark
        else:
            self._next_mark = mark

    def end_span(self, raw: str) -> None:
        """A marked span closes; what it said holds to the end of this sentence."""
        self.silent(raw)
        if self._spoken:
            self._span_ended = True
        else:
            self._mark = Mark(manner=Manner.PLAIN)

    def finish(self, *, keep_tail: bool = True) -> None:
        """The stream is over. `keep_tail` False drops words that came without an end."""
        if keep_tail or self._wait is not _Wait.NOTHING:
            self._cut()
        self._text = self._raw = ""

    def _newline(self) -> None:
        self._cut()
        self._raw += "\n"
        self._text += "\n"
        self._open.clear()
        self._wrapper = ""
        self._just_cut = False

    def _dotted(self, char: str) -> bool:
        """Dots before the first word: hesitation, kept as one sign in front of it."""
        if self._spoken or char not in _STOPS:
            return False
        self._dots += 1 if char == "." else 3
        return True

    def _wraps(self, char: str) -> bool:
        """Quotation marks around the whole reply are not shown."""
        if not self._began and not char.isspace():
            self._began = True
            if char in _WRAPPERS:
                self._wrapper = _PAIRS[char]
                self._open.append(self._wrapper)
                return True
        if self._wrapper and char == self._wrapper and self._open == [char]:
            self._open.clear()
            self._wrapper = ""
            return True
        return False

    def _append(self, char: str) -> None:
        if not self._spoken and char.isalnum():
            self._spoken = True
            if self._dots > 1:
                self._text = _TRIM_LEFT.sub("", self._text).rstrip() + "…"
        if self._open and char == self._open[-1]:
            self._open.pop()
        elif char in _PAIRS:
            self._open.append(_PAIRS[char])
        self._text += char
        self._weight += 3 if is_cjk(char) else 1
        if not self._spoken:
            self._text = self._text[-_MOST_WORDLESS:]
            self._raw = self._raw[-_MOST_RAW:]

    def _judge(self, char: str) -> None:
        """Is this the end: certainly, perhaps or not?"""
        if self._wait is not _Wait.NOTHING or not self._spoken:
            return
        if char in _ENDS:
            self._end()
        elif char in _DOTS:
            self._await(_Wait.CAPITAL)
        elif char == ".":
            self._full_stop()
        elif self._weight >= self._limits.hard or (char.isspace() and self._weight >= self._limits.space) or (char in _CLAUSES and self._long_enough(char)):
            self._cut()

    def _end(self) -> None:
        if self._open:
            self._await(_Wait.CLOSER)
        elif self._given or (self._text[-1] == "." and len(self._text.split()) < _SURE_WORDS and not is_cjk(self._text[-2:-1])):
            self._await(_Wait.TAIL)
        else:
            self._cut()

    def _full_stop(self) -> None:
        found = _LAST_WORD.search(self._text, 0, len(self._text) - 1)
        word = found.group() if found else ""
        before = self._text[-2:-1]
        if before in _STOPS:
            self._await(_Wait.CAPITAL)
        elif before.isdigit():
            self._await(_Wait.NUMBER)
        elif word.casefold() in _NEVER_LAST or (len(word) == 1 and word.isupper() and word not in _WORDS_OF_ONE_CAPITAL):
            return
        elif word.casefold() in _MAYBE_LAST or "." in word or (len(word) == 1 and word.isalpha() and not is_cjk(word)):
            self._await(_Wait.CAPITAL)
        else:
            self._end()

    def _long_enough(self, char: str) -> bool:
        limit = self._limits.clause if self._given else self._limits.first_clause
        return self._weight >= limit and (char not in ",:;" or self._text[-2:-1].isalpha())

    def _await(self, wait: _Wait) -> None:
        self._wait, self._spaced = wait, False

    def _resolve(self, char: str) -> bool:
        """Decide about the terminator before `char`: cut, go on, or wait for more. True = `char` is done with."""
        if self._wait is _Wait.CLOSER:
            return self._resolve_closer(char)
        if self._wait is _Wait.TAIL:
            self._resolve_tail(char)
        elif char.isspace() and char != "\n":
            self._spaced = True
        elif self._wait is _Wait.NUMBER:
            self._resolve_number(char)
        elif self._wait is _Wait.AFTER_CLOSER:
            if char not in _CLOSERS or char not in self._open:
                self._go_on_if(_continues(char))
        elif char in _ENDS:
            self._wait = _Wait.NOTHING
        elif char not in _STOPS and not (char in _CLOSERS and char in self._open):
            self._go_on_if(_continues(char) or (is_cjk(char) and self._text.rstrip()[-1:] in _DOTS))
        return False

    def _resolve_tail(self, char: str) -> None:
        last = self._text[-1:]
        if char in _STOPS and last == ".":
            self._wait = _Wait.CAPITAL
        elif last == "." and (char.islower() or char.isdigit()):
            self._wait = _Wait.NOTHING  # a name such as inn.example
        elif char not in _ENDS and char not in _STOPS:
            self._cut()

    def _resolve_closer(self, char: str) -> bool:
        if char in _ENDS or char in _STOPS:
            return False
        if not self._open or char != self._open[-1]:
            self._cut()
            return False
        self._raw += char
        self._open.pop()
        if char == self._wrapper and not self._open:
            self._wrapper = ""
        else:
            self._text += char
        if char in _CJK_CLOSERS:
            self._cut()
        else:
            self._await(_Wait.AFTER_CLOSER)
        return True

    def _resolve_number(self, char: str) -> None:
        if char in _STOPS:
            self._wait = _Wait.CAPITAL
        elif not self._spaced and char in _CLOSERS and char in self._open:
            self._await(_Wait.AFTER_CLOSER)
        else:
            self._go_on_if(_continues(char) or self._numbers_only())

    def _numbers_only(self) -> bool:
        """A list number, or an ordinal where the language writes them so."""
        words = _TRIM_LEFT.sub("", self._text).rstrip(". ").split()
        return words[-1].isdigit() and (len(words) == 1 or (self._ordinals and len(words[-1]) <= _ORDINAL_DIGITS))

    def _go_on_if(self, goes_on: bool) -> None:  # noqa: FBT001
        if goes_on:
            self._wait = _Wait.NOTHING
        else:
            self._cut()

    def _cut(self) -> None:
        """Give out what stands here, if there are words in it, and begin anew."""
        self._wait = _Wait.NOTHING
        if not self._spoken:
            return
        text = _GAP.sub("", _SPACE.sub(" ", self._text).strip())
        text = _TRIM_LEFT.sub("", text) or text
        self.cuts.append(Cut(text, _SPACE.sub(" ", self._raw).strip(), self._mark, self._span_ended))
        self._given, self._just_cut, self._spaced = True, not self._spaced, False
        self._text = self._raw = ""
        self._weight = self._dots = 0
        self._spoken = self._span_ended = False
        self._mark, self._next_mark = self._next_mark, None


def _continues(char: str) -> bool:
    """The sentence goes on behind the doubtful terminator."""
    return char.islower() or char.isdigit() or char in _GO_ON


def is_cjk(char: str) -> bool:
    """Chinese, Japanese or Korean writing, which is dense and has no spaces."""
    return char >= "\u2e80" and char.isalnum() and unicodedata.east_asian_width(char) in "WF"
