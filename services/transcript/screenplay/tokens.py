"""A document cut into lines of tokens: text, notes, markers and the two signs of the boneyard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from services.transcript.screenplay.markers import Marker, read

_TOKEN: Final = re.compile(r"\\[^\n]|/\*|\*/|\[\[((?:\\.|(?!\[\[|\]\])[^\\])*)\]\]|\n", re.DOTALL)
_LINE_ENDS: Final = re.compile(r"\r\n|\r")
_ENDS_TEXT: Final = frozenset({"s", "said", "narrated", "description"})
"""Markers that stand behind the text they mark, which may go over several lines."""


class Sign(Enum):
    """The two signs of the boneyard."""

    OPEN = auto()
    CLOSE = auto()


@dataclass(frozen=True, slots=True)
class Text:
    """Text as it is written, escapes and all."""

    raw: str


@dataclass(frozen=True, slots=True)
class NoteText:
    """What stands between `[[` and `]]`, and is no marker."""

    raw: str


Token = Text | NoteText | Marker | Sign
Line = tuple[Token, ...]


def lines_of(document: str) -> list[Line]:
    """The document in lines; a note that goes over several counts to the line where it begins."""
    document = _LINE_ENDS.sub("\n", document.removeprefix("\ufeff")).replace("\0", "")
    lines: list[Line] = []
    line: list[Token] = []
    raw: list[str] = []
    at = 0
    for match in _TOKEN.finditer(document):
        sign = match.group()
        raw.append(document[at : match.start()])
        at = match.end()
        if sign[0] == "\\":
            raw.append(sign)
            continue
        _put_text(line, raw)
        if sign == "\n":
            lines.append(tuple(line))
            line.clear()
        elif sign == "/*":
            line.append(Sign.OPEN)
        elif sign == "*/":
            line.append(Sign.CLOSE)
        else:
            line.append(read(match.group(1)) or NoteText(match.group(1)))
    raw.append(document[at:])
    _put_text(line, raw)
    return [*lines, tuple(line)]


def _put_text(line: list[Token], raw: list[str]) -> None:
    """Close the text gathered so far."""
    if text := "".join(raw):
        line.append(Text(text))
    raw.clear()


def start_of(line: Line) -> str:
    """The sign that forces an element at the start of this line: `@ . = !`, or nothing."""
    for token in line:
        if isinstance(token, Text):
            text = token.raw.lstrip(" \t")
            if text[:1] in {"@", "!"} or (text[:1] == "=" and text[:3] != "===") or (text[:1] == "." and text[1:2] not in {"", "."}):
                return text[0]
            if text:
                return ""
        elif isinstance(token, NoteText | Marker):
            return ""
    return ""


def awaited(lines: Sequence[Line]) -> list[bool]:
    """For each line: does the marker of a text that began before it still come, ahead of any new element?

    So an empty line inside a text, where an editor took its two spaces away, does not tear the text apart.
    """
    result = [False] * len(lines)
    coming = False
    for number in range(len(lines) - 1, -1, -1):
        for token in reversed(lines[number]):
            if isinstance(token, Marker):
                coming = token.kind in _ENDS_TEXT
        coming = coming and not start_of(lines[number])
        result[number] = coming
    return result
