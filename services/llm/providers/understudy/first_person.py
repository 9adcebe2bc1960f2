"""English sentences about a character, turned into its own mouth: "Mirelle keeps her inn" -> "I keep my inn". Only where that is safe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_MINE: Final = re.compile(r"\b(?:I|I'm|I'll|I've|my|me|we|our)\b|(?<![а-яё])(?:я|мне|меня|мой|моя|моё|мои|моего|моей|мы|нас|наш\w*)(?![а-яё])|[我俺咱]")
_IRREGULAR: Final = {
    "is": "am", "isn't": "am not", "was": "was", "wasn't": "wasn't", "has": "have", "hasn't": "haven't", "does": "do", "doesn't": "don't", "goes": "go",
    "can": "can", "could": "could", "will": "will", "would": "would", "must": "must", "should": "should", "may": "may", "had": "had", "did": "did",
    "never": "never", "always": "always", "often": "often", "once": "once", "still": "still", "also": "also", "secretly": "secretly", "rarely": "rarely",
}  # fmt: skip
_ADVERBS: Final = frozenset(("never", "always", "often", "once", "still", "also", "secretly", "rarely"))
_PRONOUNS: Final = {"himself": "myself", "herself": "myself", "his": "my", "hers": "mine", "him": "me"}
_AFTER_HER: Final = re.compile(
    r"\bher\b(?=\s+(?!(?:and|or|but|to|for|with|as|in|on|at|by|from|when|if|so|that|who|is|was|a|an|the|very|too)\b)[a-z])", re.IGNORECASE
)
_HER_OBJECT: Final = re.compile(r"\bher\b", re.IGNORECASE)
_OTHERS: Final = re.compile(r"\b(?:she|he|they|their|them)\b", re.IGNORECASE)
_SIBILANT: Final = ("sses", "shes", "ches", "xes", "zes", "oes")


def is_first_person(text: str) -> bool:
    """The text speaks of itself as "I" (English, Russian, Chinese)."""
    return _MINE.search(text if "I" in text else text.casefold()) is not None


def first_person(text: str, names: Sequence[str]) -> str | None:
    """`text` as the character would say it of itself; None if it does not begin with the character or cannot be turned safely."""
    heads = sorted({part for name in names for part in (name, name.split(" ")[0]) if part}, key=len, reverse=True)
    subject = "|".join(re.escape(head) for head in heads)
    found = re.match(rf"(?:{subject}|she|he)\s+([A-Za-z']+)(?=[\s,.])", text, re.IGNORECASE) if subject else None
    if found is None:
        return None
    verb = found.group(1).lower()
    rest = text[found.end() :]
    if verb in _ADVERBS:
        following = re.match(r"\s+([a-z']+)", rest)
        if following is None:
            return None
        head = f"I {verb} {_verb(following.group(1))}"
        rest = rest[following.end() :]
    else:
        turned = _verb(verb)
        if turned is None:
            return None
        head = f"I {turned}"
    return _mine(head, rest, subject)


def _mine(head: str, rest: str, subject: str) -> str | None:
    rest = _HER_OBJECT.sub("me", _AFTER_HER.sub("my", rest))
    rest = re.sub(r"\b(himself|herself|his|hers|him)\b", lambda word: _PRONOUNS[word.group(1).lower()], rest, flags=re.IGNORECASE)
    rest = re.sub(rf"\b(?:{subject})'s\b", "my", rest, flags=re.IGNORECASE)
    # A second clause has its own verb to be turned: only "and <verb>s" right behind is common and safe enough.
    if _OTHERS.search(rest):
        return None
    rest = re.sub(
        r"\b(and|but)\s+([a-z]{2,}(?<!s)s)\b(?=\s+(?:a|an|the|my|me|no|every|all|in|on|to|for|with|of|at|from|about|nothing|everything|anything|everyone|everybody|nobody|it|them)\b)",
        _second_verb,
        rest,
    )
    return head + rest


def _second_verb(found: re.Match[str]) -> str:
    return f"{found.group(1)} {_verb(found.group(2)) or found.group(2)}"


def _verb(verb: str) -> str | None:
    """The first person of a third-person verb; a past form stays; None for what is no verb of that kind."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("ed"):
        return verb
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    if verb.endswith(_SIBILANT):
        return verb[:-2]
    return verb[:-1] if verb.endswith("s") and not verb.endswith(("ss", "us", "'s")) and len(verb) > 3 else None
