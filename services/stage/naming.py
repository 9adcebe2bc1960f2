"""Whose name stands in what was said, and whether they are called by it: whole words, in declension, as diminutives, without spaces. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

from services.stage.diminutives import said_for

_TOKEN: Final = re.compile(r"\w+|[^\w\s]", re.UNICODE)
_PARTICLES: Final = frozenset(
    {"the", "of", "von", "van", "de", "la", "le", "al", "el", "and", "old", "young", "great", "little", "big", "black", "white", "red"}
)
"""Of a name's words those that anybody may say without meaning it."""
_OPENERS: Final = frozenset(
    {"hey", "hi", "hello", "oh", "o", "ah", "well", "so", "and", "but", "ok", "okay", "dear", "good", "evening", "morning", "day", "listen", "look"}
    | {"please", "excuse", "me", "say", "you", "my"}
    | {"эи", "слушаи", "привет", "здравствуи", "здравствуите", "скажи", "скажите", "ну", "а", "и", "но", "о", "ох", "послушаи", "добрыи", "вечер", "день"}
)
"""Folded; a name behind nothing but these is called."""
_CASES: Final[dict[str, frozenset[str]]] = {
    "hard": frozenset(["", "а", "у", "ом", "ем", "е", "ы", "ов", "ами", "ам", "ах"]),
    "vowel": frozenset(["", "ь", "а", "я", "ы", "и", "е", "у", "ю", "ои", "еи", "ою", "ею"]),
    "soft": frozenset(["ь", "я", "ю", "ем", "е", "и", "ью"]),
    "short": frozenset(["и", "я", "ю", "ем", "е"]),
    "adjective": frozenset(["ыи", "ии", "ои", "ого", "его", "ому", "ему", "ым", "им", "ом", "ем", "ая", "яя", "ую", "юю", "еи", "ою"]),
}
"""Endings of Russian names, folded: й is и, ё is е."""
_LITTLE: Final = re.compile(
    r"(?:очк|ечк|еньк|оньк|ушк|юшк|ишк|к)(?:а|и|е|у|ои|ою)|(?:ик|чик|ок|ек|ушок)(?:|а|у|ом|е)|(?:уш|юш)(?:а|и|е|у|ои)",
)
"""What makes a Russian name small."""
_FLEETING: Final = re.compile(r"(\w+[^аеиоуыэюя])[ео]([лкцнрвм])$")
_SHORTEST: Final = 3
_LONG: Final = 4
_LOOKED_AT: Final = 200
"""Words of a text."""
_LONGEST: Final = 8
"""Words of a name; more of them nobody calls."""
_EAST: Final = 0x2E80
_HONORIFICS: Final = ("小", "阿", "老")


@dataclass(frozen=True, slots=True, order=True)
class Called:
    """Somebody's name in a text. In order, the one who is meant comes first."""

    mentioned: bool
    """Only spoken of: not at the beginning, and not set off by commas."""
    position: int
    likeness: int
    """0 = the name itself, 1 = declined, 2 = a diminutive."""
    who: str


@dataclass(frozen=True, slots=True)
class _Words:
    """A text, folded once for everybody who is looked for in it."""

    flat: str
    words: Sequence[str]
    stops: frozenset[int]
    """The gaps (before word n; the last one is behind the text) where a sign stands."""
    opening: int
    """So many words at the beginning may stand before a name that is called."""
    heads: dict[str, list[int]]
    """Where the words are that begin alike."""

    @classmethod
    def of(cls, text: str) -> _Words:
        """Of a long text its beginning and its end: that is where people are called."""
        flat = folded(text)
        words: list[str] = []
        stops: set[int] = set()
        for token in _TOKEN.findall(flat):
            if _is_word(token):
                words.append(token)
            else:
                stops.add(len(words))
        stops.add(len(words))
        if (left_out := len(words) - _LOOKED_AT) > 0:
            half = _LOOKED_AT // 2
            del words[half : half + left_out]
            stops = {stop if stop <= half else stop - left_out for stop in stops if not half < stop < half + left_out}
        heads: dict[str, list[int]] = {}
        for index, word in enumerate(words):
            heads.setdefault(word[:_SHORTEST], []).append(index)
        opening = next((index for index, word in enumerate(words) if word not in _OPENERS), len(words))
        return cls(flat, words, frozenset(stops), opening, heads)

    def beginning(self, starts: tuple[str, ...]) -> Iterable[int]:
        """Where the words are that begin with one of these."""
        for head in {start[:_SHORTEST] for start in starts}:
            for index in self.heads.get(head, ()):
                if self.words[index].startswith(starts):
                    yield index


def called(text: str, people: Iterable[tuple[str, Sequence[str]]]) -> list[Called]:
    """Everybody of `people` (id, their names) whose name is in `text`, whoever is meant first."""
    words = _Words.of(text)
    return sorted(best for who, names in people if (best := _best(who, names, words)))


def _best(who: str, names: Sequence[str], words: _Words) -> Called | None:
    return min((one for name in names for one in _calls(who, name, words)), default=None)


def _calls(who: str, name: str, words: _Words) -> Iterable[Called]:
    parts = _parts(name)
    if parts and any(ord(letter) > _EAST for letter in parts[0]):
        yield from _eastern(who, parts[0], words.flat)
        return
    found: dict[int, int] = {}
    for part in dict.fromkeys(parts):
        for index in words.beginning(_starts(part)):
            likeness = _likeness(words.words[index], part)
            if likeness is not None:
                found[index] = min(likeness, found.get(index, likeness))
    for index, likeness in found.items():
        apart = index in words.stops and _goes_on(index, words, parts)
        yield Called(not (index <= words.opening or apart), index, likeness, who)


@lru_cache(maxsize=1024)
def _parts(name: str) -> Sequence[str]:
    """The words by which somebody of this name is called."""
    found = (word for word in _TOKEN.findall(folded(name)) if _is_word(word) and word not in _PARTICLES)
    return tuple(islice(found, _LONGEST))


def _is_word(token: str) -> bool:
    return token[0].isalnum() or token[0] == "_"


def _goes_on(index: int, words: _Words, parts: Sequence[str]) -> bool:
    """It is set off behind as well; a name of several words as a whole."""
    end = index + 1
    while end < len(words.words) and end - index < len(parts) and words.words[end] in parts:
        end += 1
    return index + 1 in words.stops or end in words.stops


def _eastern(who: str, name: str, flat: str) -> Iterable[Called]:
    """Chinese and Japanese write no spaces: the name is looked for in the text itself, whole, without the family's part, or small."""
    given = name[1:] if len(name) == _SHORTEST else name
    small = [honorific + letter for honorific in _HONORIFICS for letter in {name[0], name[-1]}] if len(name) > 1 else []
    for likeness, form in [(0, name), (1, given), *((2, form) for form in small)]:
        index = flat.find(form)
        if index >= 0:
            before, behind = flat[:index].strip(), flat[index + len(form) : index + len(form) + 1]
            apart = (not before or not before[-1].isalnum()) and (not behind or not behind.isalnum())
            yield Called(not (not before or apart), index, likeness, who)
            return


@lru_cache(maxsize=1024)
def _starts(part: str) -> tuple[str, ...]:
    """With one of these every form of this part of a name begins."""
    forms = {part, *said_for(part)}
    stems = {_stem(form) for form in forms} | {stem for form in forms for stem, _ in _stems(form)}
    return tuple(forms | {stem for stem in stems if len(stem) >= _SHORTEST})


@lru_cache(maxsize=4096)
def _likeness(word: str, part: str) -> int | None:
    """How near a word is to a part of a name; None = it is another word."""
    if word == part:
        return 0
    if not any("Ѐ" <= letter <= "ӿ" for letter in part):
        return 2 if word in said_for(part) else None
    if _declines(word, part):
        return 1
    small = said_for(part)
    if any(word == other or _declines(word, other) or _is_little(word, other, _SHORTEST) for other in small) or _is_little(word, part, _LONG):
        return 2
    return None


def _is_little(word: str, part: str, shortest: int) -> bool:
    stem = _stem(part)
    return len(stem) >= shortest and word.startswith(stem) and _LITTLE.fullmatch(word[len(stem) :]) is not None


def _stem(part: str) -> str:
    return part[:-1] if part[-1] in "аяиьеоу" else part


def _declines(word: str, part: str) -> bool:
    return any(len(stem) >= _SHORTEST and word.startswith(stem) and word[len(stem) :] in endings for stem, endings in _stems(part))


def _stems(part: str) -> Iterable[tuple[str, frozenset[str]]]:
    """What stays of a Russian name in its cases, and what may follow."""
    if part[-2:] in ("ыи", "ии", "ои", "ая", "яя"):
        yield part[:-2], _CASES["adjective"]
    if part[-1] in "ая":
        yield part[:-1], _CASES["vowel"]
    elif part[-1] == "ь":
        yield part[:-1], _CASES["soft"]
    elif part[-1] == "и":
        yield part[:-1], _CASES["short"]
    elif part[-1] not in "еоуэюы":
        yield part, _CASES["hard"]
        if fleeting := _FLEETING.fullmatch(part):
            yield fleeting[1] + fleeting[2], _CASES["hard"]


def folded(text: str) -> str:
    """Without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
