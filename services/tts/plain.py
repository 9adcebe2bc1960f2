"""Text as an engine may have it: whatever an engine could take for a command is made inert, and no position moves."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from services.core.model.prosody import Emotion, Manner

MAX_SENTENCE: Final = 2_000
"""Longest sentence in code points."""

MAX_TEXT: Final = 8_000
"""Longest text of one stateless call in code points."""

_TAG: Final = re.compile(r"</?[A-Za-z!?][^<>]{0,400}>|<!--.{0,400}?-->", re.DOTALL)
_FEELINGS: Final = "|".join(re.escape(name) for name in (*Emotion, *Manner))
_FEELING: Final = re.compile(rf"\[\s*(?:{_FEELINGS})\b[^\[\]]{{0,40}}\]|\(\s*(?:{_FEELINGS})\s*(?:,?\s*[\d.]+\s*)?\)", re.IGNORECASE)
_ENTITY: Final = re.compile(r"&(?=#?\w{1,31};)")
_BARE: Final = {ord(char): " " for char in "[]{}*_`~|\\^"}
"""Phoneme brackets of eSpeak and Piper, style brackets of remote models, emphasis marks: nobody says them aloud."""
_END: Final = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’»)])\s+|(?<=[。！？])(?![。！？”’」』])|\n+")
_CLAUSE: Final = re.compile(r"(?<=[,;:，、；：\s])")


def inert(text: str) -> str:
    """`text` without anything that acts: tags, emotion marks that an edit left in, control characters, brackets.

    eSpeak's commands begin with a control character, phonemes for it and Piper stand in brackets.

    Each removed character becomes a space, so word marks still fit the text that was given.
    """
    blanked = text
    for pattern in (_TAG, _FEELING):
        blanked = pattern.sub(lambda match: " " * len(match.group()), blanked)
    blanked = _ENTITY.sub(" ", blanked).translate(_BARE)
    return "".join(" " if unicodedata.category(char) in {"Cc", "Cs", "Co", "Cn"} else char for char in blanked)


def speakable(text: str) -> bool:
    """Whether there is anything to say: a letter or a digit."""
    return any(char.isalnum() for char in text)


def parts(text: str) -> list[tuple[int, int]]:
    """[start, end) of each sentence in `text`, without the blank space between them."""
    edges = [0, *(edge for match in _END.finditer(text) for edge in match.span()), len(text)]
    found: list[tuple[int, int]] = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        lead = len(text[start:end]) - len(text[start:end].lstrip())
        kept = text[start:end].strip()
        if kept:
            found.append((start + lead, start + lead + len(kept)))
    return found


def pieces(text: str, limit: int = MAX_SENTENCE) -> list[str]:
    """A long text as sentences of at most `limit` code points, for the stateless call; nothing but blank space is lost."""
    result: list[str] = []
    for start, end in parts(text):
        rest = text[start:end]
        while len(rest) > limit:
            cut = max((match.start() for match in _CLAUSE.finditer(rest, 1, limit)), default=limit)
            result.append(rest[:cut].strip())
            rest = rest[cut:].strip()
        if rest:
            result.append(rest)
    return result
