"""Fonts for paper. The typewriter face of scripts has Latin letters only, so other writing is set in the faces that have it.

Latin: Courier Prime (in `screenplain`). Cyrillic, Greek and what else Roboto has: Roboto (package `font-roboto`), embedded. Chinese and
Japanese: STSong-Light, a face that is not embedded: the reader's program brings it, as nearly all do. Right-to-left, Indic, Korean and
other writing, and pictures such as emoji, are in none of them: they are printed as the sign for a missing letter.
"""

from __future__ import annotations

import threading
from functools import cache
from html import escape
from itertools import groupby
from typing import Any, Final

import font_roboto
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from screenplain.export.pdf import FontSettings, get_courier_prime_settings

_WIDE: Final = "STSong-Light"
_OTHER: Final = "Roboto"
_LACKING: Final = "\N{WHITE SQUARE}"
_BLOCKS: Final = ((0x2E80, 0x303F), (0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF))
_lock = threading.Lock()


@cache
def _registered() -> tuple[FontSettings, frozenset[int], frozenset[int]]:
    """The main face, what it has, and what the other one has."""
    main = get_courier_prime_settings()
    other = TTFont(_OTHER, font_roboto.font_files["Roboto"])
    pdfmetrics.registerFont(other)
    pdfmetrics.registerFontFamily(_OTHER, normal=_OTHER, bold=_OTHER, italic=_OTHER, boldItalic=_OTHER)
    pdfmetrics.registerFont(UnicodeCIDFont(_WIDE))
    pdfmetrics.registerFontFamily(_WIDE, normal=_WIDE, bold=_WIDE, italic=_WIDE, boldItalic=_WIDE)
    latin: Any = pdfmetrics.getFont(main.family_name)
    return main, frozenset(latin.face.charToGlyph), frozenset(other.face.charToGlyph)


def main_face() -> FontSettings:
    """The face of scripts."""
    with _lock:
        return _registered()[0]


def is_wide(text: str) -> bool:
    """Holds Chinese or Japanese, which is broken between any two letters."""
    return any(_in_blocks(ord(letter)) for letter in text)


def marked_up(text: str) -> str:
    """As markup of a paragraph, each run of letters in the face that has them."""
    runs = groupby(text, _face)
    return "".join(_run(face, "".join(letters)) for face, letters in runs)


def _face(letter: str) -> str:
    main, latin, other = _registered()
    code = ord(letter)
    if code in latin or letter == " ":
        return str(main.family_name)
    if _in_blocks(code):
        return _WIDE
    return _OTHER if code in other else ""


def _run(face: str, text: str) -> str:
    if not face:
        return f'<font name="{_WIDE}">{_LACKING * len(text)}</font>'
    shown = escape(text, quote=False)
    # Two blanks in a row would become one.
    shown = shown.replace("  ", "&nbsp; ")
    return shown if face == main_face().family_name else f'<font name="{face}">{shown}</font>'


def _in_blocks(code: int) -> bool:
    return code >= _BLOCKS[0][0] and any(first <= code <= last for first, last in _BLOCKS)
