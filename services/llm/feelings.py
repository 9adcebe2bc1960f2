"""Words for feelings: what a model or a card writes beside the speech, translated into the one neutral vocabulary."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

from services.core.model.prosody import Emotion, Manner
from services.llm.words import WORDS


@dataclass(frozen=True, slots=True)
class Mark:
    """A lifted emotion mark; None = it says nothing about that."""

    emotion: Emotion | None = None
    intensity: float | None = None
    """0 to 1."""
    manner: Manner | None = None

    def over(self, other: Mark | None) -> Mark:
        """This mark, completed by an earlier one of the same sentence."""
        if other is None:
            return self
        return Mark(
            self.emotion or other.emotion,
            self.intensity if self.intensity is not None else other.intensity,
            self.manner or other.manner,
        )


_STRENGTH: Final[dict[str, float]] = {
    "slightly": 0.3, "slight": 0.3, "little": 0.3, "mildly": 0.3, "faintly": 0.2, "somewhat": 0.4, "low": 0.3, "medium": 0.5, "very": 0.9, "deeply": 0.9,
    "extremely": 1.0, "high": 0.9, "strong": 0.9, "strongly": 0.9, "slight-": 0.3, "немного": 0.3, "слегка": 0.3, "чуть": 0.2, "очень": 0.9, "сильно": 0.9,
    "крайне": 1.0, "有点": 0.3, "略": 0.3, "很": 0.8, "非常": 0.95, "极": 1.0,
}  # fmt: skip
EMOJI_MARKS: Final[dict[str, Mark]] = {sign: Mark(Emotion(emotion)) for emotion, signs in WORDS["emoji"].items() for sign in signs}
"""Emoji that say what is felt."""

_WORD: Final = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*|\d*\.?\d+\s*%?")
_CJK: Final = re.compile(r"[\u3400-\u9fff]")


_LEXICON: Final[dict[str, Emotion | Manner]] = {
    word.replace("ё", "е"): Emotion(name) for name, words in WORDS["emotions"].items() for word in words.split()
} | {word.replace("ё", "е"): Manner(name) for name, words in WORDS["manners"].items() for word in words.split()}
_ACTIONS: Final = frozenset(WORDS["gestures"]["actions"].split())
_CJK_LEXICON: Final = sorted((item for item in _LEXICON.items() if _CJK.search(item[0])), key=lambda item: -len(item[0]))
_CJK_ACTIONS: Final = tuple(word for word in _ACTIONS if _CJK.search(word))


def read_mark(content: str) -> Mark | None:
    """The mark in what stood between brackets or asterisks: "joy:0.8 whisper", "angrily", "с грустью". None = it names no feeling."""
    emotion: Emotion | None = None
    manner: Manner | None = None
    strength: float | None = None
    for meaning in _meanings(content):
        if isinstance(meaning, Emotion):
            emotion = emotion or meaning
        elif isinstance(meaning, Manner):
            manner = manner or meaning
        elif strength is None:
            strength = meaning
    if emotion is None and manner is None:
        return None
    return Mark(emotion, strength, manner)


def names_action(content: str) -> bool:
    """The words begin like a gesture: "nods slowly", "пожимает плечами"."""
    words = _WORD.findall(fold(content))
    return bool(words) and (words[0] in _ACTIONS or any(word in content for word in _CJK_ACTIONS))


def fold(text: str) -> str:
    """Letters compared without case, compatibility forms or the dots of ё."""
    return unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")


def _meanings(content: str) -> list[Emotion | Manner | float]:
    found: list[Emotion | Manner | float] = []
    text = fold(content)
    for word in _WORD.findall(text):
        if word[0].isdigit() or word[0] == ".":
            number = float(word.rstrip("% ").strip())
            found.append(min(1.0, number / 100 if number > 1 else number))
        elif word in _STRENGTH:
            found.append(_STRENGTH[word])
        elif _CJK.search(word):
            found += [meaning for key, meaning in _CJK_LEXICON if key in word][:2]
            found += [value for key, value in _STRENGTH.items() if key in word][:1]
        else:
            meaning = _meaning(word)
            if meaning is not None:
                found.append(meaning)
    return found


@cache
def _ru_stems() -> dict[str, Emotion | Manner]:
    """Russian words bend at the end; their first letters tell enough."""
    return {word[: max(4, len(word) - 2)]: meaning for word, meaning in _LEXICON.items() if "а" <= word[0] <= "я" and len(word) > 4}


def _meaning(word: str) -> Emotion | Manner | None:
    if word in _LEXICON:
        return _LEXICON[word]
    if "а" <= word[0] <= "я" and len(word) > 4:
        stems = _ru_stems()
        for length in range(len(word), 3, -1):
            if word[:length] in stems:
                return stems[word[:length]]
        return None
    for ending in ("ingly", "ily", "ly", "ing", "ed", "es", "s"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2:
            for candidate in (stem, stem + "y", stem + "e"):
                if candidate in _LEXICON:
                    return _LEXICON[candidate]
    return None
