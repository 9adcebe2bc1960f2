"""What the understudy plays from: a card's greetings, examples, lore and description, cut into speakable lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import Final

from services.core.model.reply import Sentence
from services.llm.card import Card
from services.llm.lorebook import book_of
from services.llm.macros import Macros
from services.llm.providers.understudy.first_person import first_person, is_first_person
from services.llm.providers.understudy.relevance import Index, stems
from services.llm.sentences.cutter import Limits
from services.llm.sentences.reader import SpeakableReader

_MOST_LINES: Final = 2_000
_CUE_WEIGHT: Final = 2
_START: Final = re.compile(r"<START>", re.IGNORECASE)
_SPEAKER: Final = re.compile(r"^\s*(\{\{char\}\}|\{\{user\}\}|<bot>|<user>|[^\n:：]{1,40})\s*[:：]\s*", re.IGNORECASE | re.MULTILINE)
_WHOLE: Final = Limits(first_clause=10_000, clause=10_000)
USER_SLOT: Final = "\ue000"
"""Stands for the name of whoever is spoken to until a line is spoken."""
_READABLE_SLOT: Final = "Useruser"
_SPACELESS: Final = "\u2e80"
"""From here on scripts write no spaces between words."""


_THIRD_PERSON: Final = re.compile(r"\b(?:she|he|her|his|him)\b|(?<![а-яё])(?:она|он|её|его|ей|ему)(?![а-яё])|[她他]", re.IGNORECASE)


class Source(StrEnum):
    """Where in the card a line comes from."""

    GREETING = "greeting"
    EXAMPLE = "example"
    LORE = "lore"
    SELF = "self"
    SCENARIO = "scenario"


_SIZES: Final = {Source.GREETING: (4, 320), Source.EXAMPLE: (4, 360), Source.LORE: (3, 260), Source.SELF: (2, 180), Source.SCENARIO: (2, 180)}
"""Sentences and characters of one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something the character can say."""

    sentences: tuple[Sentence, ...]
    source: Source
    part: int
    """Lines of one greeting, example or entry share it; they follow one another."""
    cue: str = ""
    """What it answers: the player's words of an example, the keys of an entry."""
    own: bool = True
    """The character's own words; else something told about it or the world."""

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(item.text for item in self.sentences)


@dataclass(frozen=True, slots=True)
class Topic:
    """Something the character can be asked about."""

    key: str
    said: str
    """As it stands in a sentence."""


class Material:
    """The lines of one card, ready to be searched."""

    def __init__(self, card: Card) -> None:
        """Reads the whole card once."""
        self.card = card
        self._macros = Macros(char=card.called, user=_READABLE_SLOT)
        self.lines: list[Line] = list(self._all())[:_MOST_LINES]
        self.topics = tuple(dict.fromkeys(self._topics()))
        self.index = Index([stems(line.text) + stems(line.cue) * _CUE_WEIGHT for line in self.lines])

    def _all(self) -> Iterator[Line]:
        card, part = self.card, 0
        for greeting in card.greetings:
            part += 1
            yield from _lines(self._spoken(greeting), Source.GREETING, part)
        for cue, reply in self._examples():
            part += 1
            yield from _lines(self._spoken(reply), Source.EXAMPLE, part, cue=cue)
        for entry in book_of(card.book).entries:
            if entry.enabled and entry.forced is not False:
                part += 1
                sentences = self._spoken(entry.content)
                mine = any(is_first_person(item.text) for item in sentences)
                yield from _lines(sentences, Source.LORE, part, cue=" ".join((*entry.keys, *entry.secondary)), own=mine)
        yield from self._about_itself(part + 1)
        yield from _lines([item for item in self._spoken(card.scenario) if not self._names_somebody(item.text)], Source.SCENARIO, part + 2)

    def _about_itself(self, part: int) -> Iterator[Line]:
        """The description, in the first person where that is safe; runs of either kind stay apart."""
        names = (self.card.name, self.card.nickname)
        turned = [(item, item.text if is_first_person(item.text) else first_person(item.text, names)) for item in self._spoken(self.card.description)]
        for own, run in groupby(turned, key=lambda pair: pair[1] is not None):
            yield from _lines([replace(item, text=text or item.text) for item, text in run], Source.SELF, part, own=own)

    def _names_somebody(self, text: str) -> bool:
        return USER_SLOT in text or (bool(self.card.called) and self.card.called.casefold() in text.casefold()) or _THIRD_PERSON.search(text) is not None

    def _spoken(self, text: str) -> list[Sentence]:
        """The sentences of a card's text, without its stage directions."""
        reader = SpeakableReader([self.card.name, self.card.nickname], limits=_WHOLE)
        expanded = self._macros.expand(text)
        sentences = [*reader.feed(expanded), *reader.finish()]
        return [replace(item, text=item.text.replace(_READABLE_SLOT, USER_SLOT)) for item in sentences if len(item.text) > 1]

    def _examples(self) -> Iterator[tuple[str, str]]:
        """Pairs of what the player said and what the character answered."""
        mine = {"{{char}}", "<bot>", self.card.name.casefold(), self.card.nickname.casefold()} - {""}
        for block in _START.split(self.card.examples):
            found = list(_SPEAKER.finditer(block))
            cue = ""
            for at, mark in enumerate(found):
                text = block[mark.end() : found[at + 1].start() if at + 1 < len(found) else len(block)].strip()
                if mark.group(1).strip().casefold() in mine:
                    if text:
                        yield cue, text
                    cue = ""
                else:
                    cue = self._macros.expand(text)
            if not found and block.strip():
                yield "", block.strip()

    def _topics(self) -> Iterator[Topic]:
        """What the character can be asked about, in the card's own words."""
        text = "\n".join(line.text for line in self.lines)
        for entry in book_of(self.card.book).entries:
            usable = (key for key in entry.keys if 2 <= len(key) <= 30 and not entry.regex and not key.startswith("/"))
            key = next((key for key in usable if _is_word(key, text)), "")
            if key and entry.enabled and entry.forced is None:
                yield Topic(key, _shown(key, entry.keys, text))


def _lines(sentences: Sequence[Sentence], source: Source, part: int, *, cue: str = "", own: bool = True) -> Iterator[Line]:
    for group in _grouped(sentences, *_SIZES[source]):
        yield Line(sentences=group, source=source, part=part, cue=cue, own=own)


def _grouped(sentences: Sequence[Sentence], most: int, letters: int) -> Iterator[tuple[Sentence, ...]]:
    group: list[Sentence] = []
    for sentence in sentences:
        if group and (len(group) >= most or sum(len(item.text) for item in group) + len(sentence.text) > letters):
            yield tuple(group)
            group = []
        group.append(sentence)
    if group:
        yield tuple(group)


def _is_word(key: str, text: str) -> bool:
    """The key can be said as it is. Where words are declined, keys are often only their beginnings: "сосн"."""
    return key.isascii() or key[0] >= _SPACELESS or (" " not in key and _whole(key, text) is not None)


def _whole(key: str, text: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Match[str] | None:
    return re.search(rf"\b{re.escape(key)}\b", text, flags)


def _shown(key: str, keys: Sequence[str], text: str) -> str:
    """A lorebook key as it would be said: "Pim", "the bell", "flowers"."""
    if not key.isascii():
        # A name is never written small.
        found = None if _whole(key.lower(), text, re.RegexFlag(0)) else _whole(key, text)
        return found.group() if found else key
    proper = re.search(rf"(?<=[a-z,] ){re.escape(key.capitalize())}\b", text)
    if proper or key[:1].isupper():
        return key.capitalize() if proper else key
    return f"{key}s" if f"{key}s" in keys else f"the {key}"
