"""A digest without a model: the sentences that carry most information, in their order, in any of our languages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from services.summarizer.heard import Passage

_SENTENCE: Final = re.compile(r".+?(?:[.!?…]+[\"'»”’)]*(?=\s|$)|[。！？]+[」』”’）]*|\n|$)", re.DOTALL)
_ABBREVIATED: Final = re.compile(r"(?:^|\s)[^\W\d_]{1,3}\.$")
_WORD: Final = re.compile(r"[^\W\d_]{2,}|[\u4e00-\u9fff]")
_DIGITS: Final = re.compile(r"\d|\b(?:two|three|four|five|six|seven|ten|dozen|hundred|thousand|midnight|noon|dawn)\b|\b(?:два|две|три|четыре|пять|десять|сто|тысяч\w*|полночь|полдень|рассвет\w*)\b|[一二三四五六七八九十百千万两]", re.IGNORECASE)  # fmt: skip  # noqa: E501 - one table of three languages
_PROMISE: Final = re.compile(
    r"\b(?:promise[sd]?|swear|sworn|vow|oath|i will|i'll|we will|we'll|shall|must|never|owe|agreed?|bargain|secret|because|killed?|dead|stolen?|key)\b"
    r"|(?:обеща|кляну|клятв|должен|должна|должны|приду|верну|никогда|сделк|согла|тайн|секрет|потому|убит|убил|мертв|украд|ключ|буду|будем)"
    r"|(?:答应|保证|发誓|承诺|一定|必须|绝不|欠|同意|交易|秘密|因为|杀|死|偷|钥匙)",
    re.IGNORECASE,
)
_QUESTION: Final = re.compile(r"[?？]")
_LABEL: Final = re.compile(r"^([^:：\n]{1,60})[:：]\s+(?=\S)")
_LEAST: Final = 8
"""Code points; shorter sentences are greetings and cries."""
_LONGEST_SENTENCE: Final = 320


@dataclass(frozen=True, slots=True)
class _Unit:
    at: int
    speaker: str
    text: str
    words: frozenset[str]

    @property
    def told(self) -> str:
        return f"{self.speaker}: {self.text}" if self.speaker else self.text


def extract(previous: str, passages: Sequence[Passage], limit: int) -> str:
    """The record so far and what was heard since, as one record of at most `limit` code points: one sentence a line."""
    units = list(_distinct(_units(previous, passages)))
    counts = Counter(word for unit in units for word in unit.words)
    names = {word for passage in passages for word in _words(passage.speaker)}
    ranked = sorted(units, key=lambda unit: (-_worth(unit, counts, len(units), names), unit.at))
    kept: list[_Unit] = []
    left = limit
    for unit in ranked:
        size = len(unit.told) + 1
        if size <= left:
            kept.append(unit)
            left -= size
    return "\n".join(unit.told for unit in sorted(kept, key=lambda unit: unit.at))


def sentences(text: str) -> list[str]:
    """The sentences of a text. What is as short as an abbreviation does not end one."""
    whole: list[str] = []
    for found in _SENTENCE.findall(text):
        if piece := " ".join(found.split()):
            if whole and _ABBREVIATED.search(whole[-1]):
                whole[-1] += f" {piece}"
            else:
                whole.append(piece)
    return whole


def worth(text: str) -> float:
    """How much a sentence tells by itself: names, numbers, promises, questions."""
    inner = [word for word in _WORD.findall(text)[1:] if word[0].isupper()]
    score = min(3.0, 1.2 * len(inner)) + 1.5 * bool(_DIGITS.search(text)) + 2.0 * bool(_PROMISE.search(text)) + 0.8 * bool(_QUESTION.search(text))
    return score if len(text) >= _LEAST or _DIGITS.search(text) else score / 4


def _units(previous: str, passages: Sequence[Passage]) -> Iterable[_Unit]:
    at = 0
    # Nobody's name stands before scenes and dice: a sentence of theirs by itself could begin with somebody's.
    told = ((passage.speaker, sentences(passage.text) if passage.spoken or passage.member else [passage.text]) for passage in passages)
    for speaker, parts in (*((name, sentences(text)) for name, text in _lines(previous)), *told):
        for sentence in parts:
            short = sentence if len(sentence) <= _LONGEST_SENTENCE else f"{sentence[: _LONGEST_SENTENCE - 1]}…"
            yield _Unit(at, speaker, short, frozenset(_words(short)))
            at += 1


def _lines(previous: str) -> Iterable[tuple[str, str]]:
    """A record as it was extracted before, or prose."""
    for line in previous.splitlines():
        label = _LABEL.match(line)
        yield (label[1], line[label.end() :]) if label else ("", line)


def _distinct(units: Iterable[_Unit]) -> Iterable[_Unit]:
    known: set[tuple[str, str]] = set()
    for unit in units:
        if (key := (unit.speaker, unit.text.casefold())) not in known:
            known.add(key)
            yield unit


def _worth(unit: _Unit, counts: Counter[str], total: int, names: set[str]) -> float:
    """What it tells by itself; what others speak of too counts more, what everybody says counts nothing."""
    shared = sum(1.0 for word in unit.words if 1 < counts[word] <= max(3, total // 4))
    named = len(unit.words & names)
    return worth(unit.text) + min(2.0, 0.25 * shared) + min(1.5, 0.7 * named)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
