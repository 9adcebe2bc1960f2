"""How a session begins: its opening facts from what was asked for, checked before anything is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from services.core.errors import InvalidRequest, TooLarge
from services.core.model.attachment import OpenRequest
from services.core.model.fact import Author, Draft, Kind
from services.core.model.facts import Joined, SceneSet, Summarized, fields_of
from services.stage.roster import PLACE_LIMIT
from services.transcript.store import FACT_BYTES

_CAST_LIMIT: Final = 16
_PHRASES: Final = 2000
_NAME_LIMIT: Final = 300
_TEXT_LIMIT: Final = 8000
_SAFETY_WORDS, _SAFETY_WORD = 16, 100
_CARD_BYTES: Final = FACT_BYTES - 4096
"""The rest is for the envelope around it."""


def opening_facts(request: OpenRequest, at_ms: int) -> list[Draft]:
    """What stands at the beginning of a session. Raises `InvalidRequest` or `TooLarge` before anything is written."""
    if request.mode not in ("", "auto", "approve"):
        raise InvalidRequest("the mode is auto or approve")
    if len(request.cast) > _CAST_LIMIT or len(request.phrases) > _PHRASES:
        raise TooLarge(f"a cast has at most {_CAST_LIMIT} characters, a session {_PHRASES} phrases")
    _short(_NAME_LIMIT, request.title, request.scene_heading, request.language, *request.phrases)
    checked_safety_words(request.safety_words)
    _short(_TEXT_LIMIT, request.scene_description, request.previously)
    director = Author("director")
    scene = SceneSet(
        heading=request.scene_heading,
        description=request.scene_description,
        title=request.title,
        mode=request.mode or "auto",
        language=request.language,
        phrases=list(request.phrases),
        safety_words=list(request.safety_words),
    )
    drafts = [Draft(key="scene:0", kind=Kind.SCENE_SET, at_ms=at_ms, by=director, body=fields_of(scene))]
    for member in request.cast:
        _short(PLACE_LIMIT, member.place)
        _short(_NAME_LIMIT, member.slug, member.name)
        if not member.slug:
            raise InvalidRequest("a character has a slug")
        if len(member.card.encode()) > _CARD_BYTES:
            raise TooLarge(f"a card has at most {_CARD_BYTES} bytes")
        body = Joined(member=member.slug, role="character", name=member.name, card=object_of(member.card or "{}"))
        drafts.append(Draft(key=f"cast:{member.slug}", kind=Kind.JOINED, at_ms=at_ms, by=director, place=member.place, body=fields_of(body)))
    if request.previously:
        # Behind the cast, who are to know of it.
        digest = fields_of(Summarized(text=request.previously, covers=[]))
        drafts.append(Draft(key="previously:0", kind=Kind.SUMMARIZED, at_ms=at_ms, by=director, body=digest))
    return drafts


def checked_safety_words(words: Sequence[str]) -> list[str]:
    """Each of one or a few words. Raises `TooLarge` or `InvalidRequest`."""
    if len(words) > _SAFETY_WORDS or any(len(word) > _SAFETY_WORD for word in words):
        raise TooLarge(f"at most {_SAFETY_WORDS} safety words of {_SAFETY_WORD} characters")
    if not all(any(letter.isalnum() for letter in word) for word in words):
        raise InvalidRequest("a safety word is a word")
    return list(words)


def _short(limit: int, *texts: str) -> None:
    if any(len(text) > limit for text in texts):
        raise TooLarge(f"one of the texts has more than {limit} characters")


def object_of(text: str) -> dict[str, Any]:
    """A JSON object from outside; NaN and its like are not JSON, though Python reads them. Raises `InvalidRequest`."""
    try:
        found = json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise InvalidRequest("that is not JSON") from None
    if not isinstance(found, dict):
        raise InvalidRequest("that is not a JSON object")
    return found


def _refused(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
