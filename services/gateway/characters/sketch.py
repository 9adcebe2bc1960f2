"""Somebody new from one sentence and nothing else: who it is, in the sentence's own words, and what anybody would say."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from services.gateway.characters.languages import DEFAULT

_TEMPLATES: Final[dict[str, dict[str, Any]]] = tomllib.loads(files("services.gateway.characters").joinpath("sketch.toml").read_text(encoding="utf-8"))
_NAMED: Final = re.compile(
    r"\b(?:named|called|namens|nommée?|llamad[oa]|chiamat[oa]|chamad[oa]|imieniem|genaamd|по имени|зовут|по прозвищу)\s+"
    r"[«\"“']?((?:[^\W\d_][\w'’-]*\s?){1,3})",
    re.IGNORECASE,
)
_NAMED_ZH: Final = re.compile(r"(?:名叫|叫做|叫作|叫|名为)[“「]?([\u4e00-\u9fff·]{1,4}?)(?=的|是|,|,|。|”|」|\s|$)")
_CAPITAL: Final = r"[^\W\d_a-zа-яё][^\W\d_]+"
_PROPER: Final = re.compile(rf"(?:^{_CAPITAL}(?:[ -]{_CAPITAL})+|(?<![.!?…]\s)(?<!^)\b{_CAPITAL}(?:[ -]{_CAPITAL})*)")
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_ARTICLES: Final = re.compile(
    r"^(?:(?:an?|the|der|die|das|eine?|le|la|les|une?|el|los|las|una?|il|lo|o|os|um|uma|de|het|een)\b|一个|一位|一名|一只)[\s']*", re.IGNORECASE
)
_CLAUSE: Final = re.compile(r"[,.;:!?…—–()、,。;:!?]|\b(?:who|that|which|with|from|der|die|qui|que|che|который|которая|которое|что|с|со|из)\b")
_MOST_WORDS: Final = 4
_LONGEST: Final = 60
_SPACELESS_NAME: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """A character before it becomes a card."""

    name: str
    description: str
    personality: str
    scenario: str
    greeting: str
    examples: tuple[tuple[str, str], ...]
    """What somebody says, and the answer."""
    tagline: str
    gender: str = "neutral"
    """female, male or neutral."""
    age: str = "adult"
    """child, adult or old."""


def sketch(sentence: str, language: str) -> Sketch:
    """From a template of the language, or of English where there is none."""
    words = _TEMPLATES.get(language.partition("-")[0], _TEMPLATES[DEFAULT])
    name = name_in(sentence)
    filled = {"name": name, "sentence": sentence}
    return Sketch(
        name=name,
        description=str(words["description"]).format(**filled),
        personality=str(words["personality"]).format(**filled),
        scenario=str(words["scenario"]).format(**filled),
        greeting=str(words["greeting"]).format(**filled),
        examples=tuple((asked.format(**filled), answered.format(**filled)) for asked, answered in words["examples"]),
        tagline=sentence,
        gender=_first(sentence, words, ("female", "male")) or "neutral",
        age=_first(sentence, words, ("old", "child")) or "adult",
    )


def name_in(sentence: str) -> str:
    """The name that the sentence gives, else what it calls its hero."""
    if found := _NAMED.search(sentence):
        given = _proper_part(found.group(1))
        if given:
            return given
    if found := _NAMED_ZH.search(sentence):
        return found.group(1)
    if found := _PROPER.search(sentence):
        return found.group()[:_LONGEST]
    return _hero(sentence)


def _proper_part(text: str) -> str:
    """The words of a name: up to the first that is not written like one."""
    kept: list[str] = []
    for word in text.split():
        if kept and not word[0].isupper():
            break
        kept.append(word[:1].upper() + word[1:])
    return " ".join(kept)[:_LONGEST].strip("-'’ ")


def _hero(sentence: str) -> str:
    """The first words up to where the telling begins: "a grumpy dwarf who ..." is "Grumpy Dwarf"."""
    bare = _ARTICLES.sub("", sentence.strip())
    head = _CLAUSE.split(bare, maxsplit=1)[0].strip() or bare
    if _HAN.search(head):
        # What somebody is stands behind what is said of them.
        return head.rpartition("的")[2][-_SPACELESS_NAME:] or head[:_SPACELESS_NAME]
    words = [word for word in head.split() if any(map(str.isalnum, word))][:_MOST_WORDS]
    return " ".join(word[:1].upper() + word[1:] for word in words)[:_LONGEST] or "NPC"


def _first(sentence: str, words: dict[str, Any], kinds: tuple[str, ...]) -> str:
    """Of which kind the first telling word is."""
    lowered = sentence.lower()
    spaced = set(re.findall(r"[^\W\d_]+", lowered))
    at = {kind: min((lowered.find(word) for word in words[kind] if word in spaced or (_HAN.match(word) and word in lowered)), default=-1) for kind in kinds}
    known = {kind: place for kind, place in at.items() if place >= 0}
    return min(known, key=lambda kind: known[kind]) if known else ""
