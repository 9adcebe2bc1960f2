"""A card's secrets: each stands in its character's prompt once its condition holds in that character's own view, and in nobody else's ever.

On the card: `extensions.souffleur.secrets: [{id, text, reveal}]`. `reveal` is one of

    {"by": "director"}                                       a `revealed` fact; what holds where nothing is said
    {"by": "words", "any": ["marigold", "key*"]}             a player said one of these words; with an asterisk, one that begins so
    {"by": "roll", "purpose": "insight", "at_least": 15}     dice that the director rolled for this purpose came to so much
    {"by": "scene", "heading": "crypt"}                      the scene was one whose heading holds these words

The director may reveal any of them at any time. Dice of players open nothing: they choose the expression themselves, and how often they roll.
What cannot be read is never revealed but by the director.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.transcript.view import RollEntry, SaidEntry, SceneEntry, View

MOST_SECRETS: Final = 100
_LONGEST: Final = 4_000
_MOST_WORDS: Final = 64
_SPACELESS: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_NO_PLAYER: Final = frozenset({"character", "director", "operator"})


@dataclass(frozen=True, slots=True)
class Secret:
    """Something that a character knows and does not tell before its time."""

    id: str
    text: str
    reveal: Mapping[str, Any] = field(default_factory=dict)


def secrets_of(value: object) -> tuple[Secret, ...]:
    """Read `secrets` of a card; what is none is passed over."""
    items = value[:MOST_SECRETS] if isinstance(value, list) else []
    found = (_secret(item) for item in items if isinstance(item, Mapping))
    return tuple(secret for secret in found if secret is not None)


def told(secrets: Sequence[Secret], view: View, character: str) -> list[Secret]:
    """Those whose condition holds in `view`, which is the character's own."""
    if not secrets:
        return []
    revealed = view.revealed.get(character, frozenset())
    waiting = [secret for secret in secrets if secret.id not in revealed]
    entries = view.entries if any(secret.reveal.get("by", "director") != "director" for secret in waiting) else ()
    return [secret for secret in secrets if secret.id in revealed or _holds(secret.reveal, entries, view)]


def _secret(item: Mapping[str, Any]) -> Secret | None:
    name, text, reveal = item.get("id"), item.get("text"), item.get("reveal")
    if not isinstance(name, str) or not name or not isinstance(text, str) or not text.strip():
        return None
    return Secret(name, text.strip()[:_LONGEST], reveal if isinstance(reveal, Mapping) else {})


def _holds(reveal: Mapping[str, Any], entries: Iterable[object], view: View) -> bool:
    match reveal.get("by"):
        case "words":
            words = reveal.get("any")
            wanted = [_word(word) for word in words[:_MOST_WORDS] if isinstance(word, str) and word.strip(" *")] if isinstance(words, list) else []
            return bool(wanted) and any(pattern.search(text) for text in _by_players(entries, view) for pattern in wanted)
        case "roll":
            return _rolled(reveal, entries)
        case "scene":
            heading = reveal.get("heading")
            if not isinstance(heading, str) or not heading.strip():
                return False
            pattern = _word(heading)
            # Where one is counts, too, though it was set before one came there.
            return any(isinstance(entry, SceneEntry) and pattern.search(entry.heading.casefold()) for entry in (*entries, view.scene))
    return False


def _by_players(entries: Iterable[object], view: View) -> Iterable[str]:
    for entry in entries:
        if isinstance(entry, SaidEntry) and entry.source != "narrated":
            member = view.members.get(entry.member)
            if member is None or member.role not in _NO_PLAYER:
                yield entry.text.casefold()


def _rolled(reveal: Mapping[str, Any], entries: Iterable[object]) -> bool:
    least, purpose = reveal.get("at_least"), reveal.get("purpose")
    if isinstance(least, bool) or not isinstance(least, int | float) or not isinstance(purpose, str):
        return False
    wanted = purpose.strip().casefold()
    rolls = (entry for entry in entries if isinstance(entry, RollEntry) and entry.role == "director")
    return any(roll.total >= least and roll.purpose.strip().casefold() == wanted for roll in rolls)


def _word(text: str) -> re.Pattern[str]:
    """Whole words only, where the writing has spaces; an asterisk at the end leaves the end open."""
    wanted = text.strip().casefold()
    body = re.escape(wanted.rstrip("*").strip())
    if _SPACELESS.search(wanted):
        return re.compile(body)
    return re.compile(rf"(?<!\w){body}" + ("" if wanted.endswith("*") else r"(?!\w)"))
