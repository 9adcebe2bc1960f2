"""Who answers: named before the director's choice before talkativeness. Pure; it is given everyone present."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_WORD: Final = re.compile(r"\w+", re.UNICODE)
_PARTICLES: Final = frozenset({"the", "of", "von", "van", "de", "la", "le", "al", "el", "and"})
SILENCED: Final = "muted"
_ENDING: Final = 2
"""Russian declines names ("Смауг" - "Смауга"): this many letters may be added to one of four or more."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A character that could answer."""

    slug: str
    name: str
    nickname: str = ""
    talkativeness: float = 0.5
    """0 to 1, from the card."""
    silent: bool = False
    """The director has muted it: it answers nothing, whoever names it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Who answers, or why nobody does."""

    character: str = ""
    reason: str = ""
    """addressed, named, asked, alone, continued, talkative; or for nobody: no_character, muted, not_addressed."""


def choose(text: str, candidates: Sequence[Candidate], humans: int, *, asked: str = "", addressed: str = "", last: str = "") -> Choice:
    """Decide who answers `text`.

    `humans` counts heads present in the place; `addressed` is whom the speaker has picked, and beats every name; `asked` is the
    client's choice; `last` the character who spoke last.
    With one human somebody always answers; with two or more a character answers when it is addressed.
    """
    everybody, candidates = candidates, [candidate for candidate in candidates if not candidate.silent]
    if not candidates:
        return Choice(reason=SILENCED if everybody else "no_character")
    if any(candidate.slug == addressed for candidate in candidates):
        return Choice(addressed, "addressed")
    named = first_named(text, candidates)
    if named:
        return Choice(named, "named")
    if asked:
        known = {candidate.slug for candidate in candidates}
        return Choice(asked, "asked") if asked in known else Choice(reason="no_character")
    if humans > 1:
        return Choice(reason="not_addressed")
    return most_inclined(candidates, last)


def most_inclined(candidates: Sequence[Candidate], last: str = "") -> Choice:
    """Who speaks when nobody is named: the only one, the one who is in conversation, or the most talkative."""
    if len(candidates) == 1:
        return Choice(candidates[0].slug, "alone")
    if any(candidate.slug == last for candidate in candidates):
        return Choice(last, "continued")
    return Choice(max(candidates, key=lambda candidate: candidate.talkativeness).slug, "talkative")


def first_named(text: str, candidates: Sequence[Candidate]) -> str:
    """The slug of the character whose name comes first in `text`; empty if none does."""
    words = [_folded(word) for word in _WORD.findall(text)]
    flat = _folded(text)
    found: list[tuple[int, str]] = []
    for candidate in candidates:
        for name in (candidate.nickname, candidate.name):
            position = _position(name, words, flat)
            if position is not None:
                found.append((position, candidate.slug))
                break
    return min(found)[1] if found else ""


def _position(name: str, words: Sequence[str], flat: str) -> int | None:
    parts = [_folded(part) for part in _WORD.findall(name)]
    parts = [part for part in parts if part not in _PARTICLES]
    if not parts:
        return None
    if any(ord(letter) > 0x2E80 for letter in parts[0]):
        # Chinese and Japanese write no spaces: look for the name in the text itself.
        index = flat.find(parts[0])
        return None if index < 0 else index
    for index, word in enumerate(words):
        if any(_same(word, part) for part in parts):
            return index
    return None


def _same(word: str, part: str) -> bool:
    if word == part:
        return True
    stem = part[:-1] if part[-1] in "аяйьеоу" else part
    return len(stem) >= 3 and any("Ѐ" <= letter <= "ӿ" for letter in part) and word.startswith(stem) and len(word) - len(stem) <= _ENDING


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
