"""Which language a sentence is written in: by its writing, and where many share one, by its commonest words."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from typing import Final

_WRITINGS: Final = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u3400-\u9fff]")),
    ("uk", re.compile(r"[іїєґ]", re.IGNORECASE)),
    ("ru", re.compile(r"[а-яё]", re.IGNORECASE)),
    ("el", re.compile(r"[α-ω]", re.IGNORECASE)),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
_COMMON: Final = {
    tag: frozenset(words.split())
    for tag, words in tomllib.loads(files("services.gateway.characters").joinpath("languages.toml").read_text(encoding="utf-8")).items()
}
DEFAULT: Final = "en"
_WORD: Final = re.compile(r"[^\W\d_]+")


def language_of(text: str) -> str:
    """BCP 47 tag; English where nothing tells."""
    letters = sum(map(str.isalpha, text)) or 1
    for tag, pattern in _WRITINGS:
        share = len(pattern.findall(text)) / letters
        # One letter settles what has letters of its own; a foreign name alone does not make a sentence foreign.
        if share > (0.02 if tag in {"uk", "ja"} else 0.3):
            return tag
    words = [word.lower() for word in _WORD.findall(text)]
    scores = {tag: sum(word in common for word in words) for tag, common in _COMMON.items()}
    best = max(scores, key=lambda tag: scores[tag])
    return best if scores[best] > scores[DEFAULT] else DEFAULT
