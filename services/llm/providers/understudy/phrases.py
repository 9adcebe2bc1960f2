"""What the understudy says around the card's own lines, per language; the words themselves stand in `words.toml`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from services.llm.feelings import fold
from services.llm.words import WORDS


class Intent(StrEnum):
    """What somebody wants by what they said, where a few words tell it."""

    HELLO = "hello"
    BYE = "bye"
    THANKS = "thanks"
    NAME = "name"
    MORE = "more"
    FEELING = "feeling"
    INSULT = "insult"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Phrases:
    """Templates of one language; {user}, {name}, {topic} and {line} are filled in."""

    hello: tuple[str, ...] = ()
    bye: tuple[str, ...] = ()
    thanks: tuple[str, ...] = ()
    name: tuple[str, ...] = ()
    insult: tuple[str, ...] = ()
    feeling: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    """In front of lore."""
    about_me: tuple[str, ...] = ()
    """In front of what others say about the character."""
    topic: tuple[str, ...] = ()
    """Nothing fits: lead to what the card knows."""
    lost: tuple[str, ...] = ()
    """Nothing fits and the card offers no topic."""
    ask: tuple[str, ...] = ()
    """Gives the word back."""
    strangers: tuple[str, ...] = ()

    @property
    def stranger(self) -> str:
        """What somebody without a name is called."""
        return self.strangers[0] if self.strangers else ""


_INTENTS: Final = {intent: re.compile(WORDS["intents"][intent.value], re.IGNORECASE) for intent in Intent if intent}
_LONGEST_SMALL_TALK: Final = 60
_CYRILLIC: Final = re.compile(r"[а-яё]", re.IGNORECASE)
_HAN: Final = re.compile(r"[\u3400-\u9fff]")


def intent_of(text: str) -> Intent:
    """The first intent whose words occur; small talk only where little else was said."""
    folded = fold(text)
    for intent, pattern in _INTENTS.items():
        if pattern.search(folded) and (len(folded) <= _LONGEST_SMALL_TALK or intent in {Intent.NAME, Intent.INSULT}):
            return intent
    return Intent.NONE


@cache
def phrases(language: str) -> Phrases:
    """The templates for a language tag; none for one that is not known, since English in a German mouth breaks the play."""
    section = WORDS.get(f"understudy_{language.split('-', maxsplit=1)[0].lower()}", {})
    return Phrases(**{name: tuple(line.strip() for line in text.strip().split("\n")) for name, text in section.items()})


def language_of(tag: str, sample: str) -> str:
    """The card's language: as it says, else by its writing."""
    if tag:
        return tag
    if _HAN.search(sample):
        return "zh"
    return "ru" if _CYRILLIC.search(sample) else "en"
