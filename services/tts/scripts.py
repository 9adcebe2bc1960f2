"""Which language a text must be in, judged by its letters: no voice should spell out what another one could read."""

from __future__ import annotations

import unicodedata
from typing import Final

_LANGUAGE: Final = {
    "CYRILLIC": "ru",
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "GREEK": "el",
    "HEBREW": "he",
    "ARABIC": "ar",
    "DEVANAGARI": "hi",
}
_READERS: Final = {
    "CYRILLIC": {"ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "tt", "ba", "cv", "mn"},
    "CJK": {"zh", "cmn", "yue", "hak", "ja", "ko"},
    "HIRAGANA": {"ja"},
    "KATAKANA": {"ja"},
    "HANGUL": {"ko"},
    "GREEK": {"el", "grc"},
    "HEBREW": {"he"},
    "ARABIC": {"ar", "fa", "ur", "ug", "sd"},
    "DEVANAGARI": {"hi", "mr", "ne", "kok"},
}


def readable_in(language: str, text: str) -> str:
    """`language` (a BCP 47 tag, may be empty) if it can read most of `text`, else the usual language of the text's script."""
    primary = language.lower().replace("_", "-").partition("-")[0]
    counts: dict[str, int] = {}
    letters = 0
    for char in text:
        if char.isalpha():
            letters += 1
            script = unicodedata.name(char, "").partition(" ")[0].partition("-")[0]
            counts[script] = counts.get(script, 0) + 1
    for script, count in sorted(counts.items(), key=lambda item: -item[1]):
        # A few kana among ideographs already make a text Japanese.
        decisive = count * 2 > letters or (script in {"HIRAGANA", "KATAKANA"} and count * 5 > letters)
        if decisive and script in _LANGUAGE and primary not in _READERS[script]:
            return "ja" if script == "CJK" and "HIRAGANA" in counts else _LANGUAGE[script]
    return language
