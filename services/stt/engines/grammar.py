"""Phrases to a JSGF grammar, and a recognised word sequence back to the phrase as it was given. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from services.core.model.speech import SkippedPhrase

_WORD: Final = re.compile(r"[a-z0-9']+")
_PHRASES: Final = 2000
_LENGTH: Final = 300


@dataclass(frozen=True, slots=True)
class Grammar:
    """What may be said."""

    jsgf: str
    """JSpeech Grammar Format 1.0 (https://www.w3.org/TR/jsgf/); empty if no phrase could be taken."""
    originals: dict[str, str]
    """Words as they are recognised -> the phrase as it was given."""
    skipped: tuple[SkippedPhrase, ...]


def words_of(phrase: str) -> str:
    """A phrase as the pronouncing dictionary spells it: lower case, no punctuation."""
    return " ".join(word.strip("'") for word in _WORD.findall(phrase.lower().replace("\u2019", "'")) if word.strip("'"))


def grammar_of(phrases: Sequence[str], known: Callable[[str], bool]) -> Grammar:
    """The grammar of all phrases whose every word is `known`; one unknown word would make the whole grammar fail to load."""
    originals: dict[str, str] = {}
    skipped: list[SkippedPhrase] = []
    for phrase in phrases[:_PHRASES]:
        words = words_of(phrase)
        unknown = [word for word in words.split() if not known(word)]
        if not words:
            skipped.append(SkippedPhrase(phrase[:_LENGTH], "no words in it"))
        elif len(phrase) > _LENGTH:
            skipped.append(SkippedPhrase(phrase[:_LENGTH], "too long"))
        elif unknown:
            skipped.append(SkippedPhrase(phrase, f"not in the dictionary: {', '.join(unknown)}"))
        else:
            originals.setdefault(words, phrase)
    skipped += [SkippedPhrase(phrase[:_LENGTH], f"more than {_PHRASES} phrases") for phrase in phrases[_PHRASES:]]
    alternatives = " | ".join(f"( {words} )" for words in originals)
    jsgf = f"#JSGF V1.0;\ngrammar phrases;\npublic <phrase> = {alternatives} ;\n" if originals else ""
    return Grammar(jsgf, originals, tuple(skipped))
