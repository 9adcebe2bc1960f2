"""What the adviser may propose: a model's answer read strictly. Whatever does not fit is dropped and counted; nothing in it authorises anything."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.core.model.facts import Recommended
from services.summarizer.size import clean

KINDS: Final = ("tone", "continuity", "memory", "plot", "pacing", "safety")
MOST: Final = 5
"""Proposals from one answer."""
LONGEST: Final = 300
"""Code points of one proposal: it is a card on a desk, and later a note in a prompt."""
_SOURCES: Final = 20
_WORDS: Final = re.compile(r"[^\W\d_]{2,}|[\u4e00-\u9fff]")
_MARKUP: Final = re.compile(r"<[^>]*>|https?://|```|\{\{|\[\[|\]\]|\$\{")
"""Nothing that a page, a macro or a screenplay could take for its own."""

SCHEMA: Final = json.dumps({
    "type": "object",
    "properties": {
        "recommendations": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"type": "string"},
                    "text": {"type": "string"},
                    "character": {"type": "string"},
                    "rests_on": {"type": "array", "items": {"type": "integer"}},
                    "expires_minutes": {"type": "number"},
                },
                "required": ["kind", "text", "character", "rests_on", "expires_minutes"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["recommendations"],
    "additionalProperties": False,
})  # fmt: skip
"""The form alone, no bounds: one proposal that is too long must not cost the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a proposal may name."""

    facts: Collection[int]
    """The ids that the adviser was shown."""
    characters: Mapping[str, str]
    """Slug -> name, of those present."""
    now_ms: int
    expires_s: float
    """The longest that a proposal may wait."""


def read(answer: str, bounds: Bounds) -> tuple[list[Recommended], list[str]]:
    """The proposals that hold, and why each of the others was dropped. Raises ValueError if the answer is no list of proposals at all."""
    items = _items(answer)
    kept: dict[str, Recommended] = {}
    dropped = ["too many"] * max(0, len(items) - MOST)
    for item in items[:MOST]:
        try:
            proposal = _proposal(item if isinstance(item, dict) else {}, bounds)
        except ValueError as error:
            dropped.append(str(error))
        else:
            kept.setdefault(proposal.recommendation, proposal)
    return list(kept.values()), dropped


def id_of(category: str, character: str, text: str, rests_on: Collection[int]) -> str:
    """The same proposal has the same id, however often it is made."""
    content = json.dumps([category, character, " ".join(_WORDS.findall(text.casefold())), sorted(rests_on)], ensure_ascii=False)
    return "rec-" + hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:20]


def objects(answer: str) -> dict[str, Any]:
    """The JSON object in an answer, whatever a model wrote around it. Raises ValueError."""
    start, end = answer.find("{"), answer.rfind("}")
    try:
        found = json.loads(answer[start : end + 1], parse_constant=_refused) if 0 <= start < end else None
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    raise ValueError("the answer is no JSON object")


def _items(answer: str) -> list[Any]:
    if isinstance(items := objects(answer).get("recommendations"), list):
        return items
    raise ValueError("the answer holds no list of recommendations")


def _proposal(item: Mapping[str, Any], bounds: Bounds) -> Recommended:
    kind, raw, whom, sources = item.get("kind"), item.get("text"), item.get("character", ""), item.get("rests_on")
    if kind not in KINDS:
        raise ValueError("unknown kind")
    if not isinstance(raw, str) or not _WORDS.search(text := " ".join(clean(raw).split())):
        raise ValueError("no text")
    if len(text) > LONGEST:
        raise ValueError("too long")
    if _MARKUP.search(text):
        raise ValueError("markup")
    character = _character(whom, bounds)
    if not isinstance(sources, list) or not 0 < len(sources) <= _SOURCES:
        raise ValueError("rests on nothing")
    if any(type(seq) is not int or seq not in bounds.facts for seq in sources):
        raise ValueError("rests on facts that are not there")
    rests_on = sorted(set(sources))
    return Recommended(
        recommendation=id_of(kind, character, text, rests_on),
        category=kind,
        text=text,
        rests_on=rests_on,
        character=character,
        expires_at_ms=bounds.now_ms + round(1000 * _lifetime(item.get("expires_minutes"), bounds.expires_s)),
    )


def _character(whom: object, bounds: Bounds) -> str:
    """A slug; models like to write names. Empty = all."""
    if whom in ("", None, "all", "everyone"):
        return ""
    if isinstance(whom, str):
        if whom in bounds.characters:
            return whom
        named = [slug for slug, name in bounds.characters.items() if name.casefold() == whom.strip().casefold()]
        if len(named) == 1:
            return named[0]
    raise ValueError("unknown character")


def _lifetime(minutes: object, longest: float) -> float:
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes < 1e6:
        return longest
    return max(10.0, min(longest, minutes * 60.0))


def _refused(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
