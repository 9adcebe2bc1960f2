"""A card's secrets: whether they are well formed, and cards without them for whoever is no director."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from services.core.errors import InvalidRequest
from services.gateway.characters.character import NAMESPACE

MOST_SECRETS: Final = 100
_LONGEST: Final = 4_000
_MOST_WORDS: Final = 64
_LONGEST_WORD: Final = 100
_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def check_secrets(value: object, path: str) -> None:
    """`secrets` of a card: `[{id, text, reveal?}]`. Raises `InvalidRequest` naming the first field that does not fit."""
    if not isinstance(value, list) or len(value) > MOST_SECRETS:
        _wrong(path, f"must be a list of at most {MOST_SECRETS} secrets")
    seen: set[str] = set()
    for index, item in enumerate(value):
        here = f"{path}.{index}"
        if not isinstance(item, Mapping):
            _wrong(here, "must be an object")
        name = item.get("id")
        if not isinstance(name, str) or not _ID.fullmatch(name) or name in seen:
            _wrong(f"{here}.id", "must be 1 to 64 letters, digits or any of _ . -, and no other secret's")
        seen.add(name)
        _check_text(item.get("text"), f"{here}.text", _LONGEST)
        if item.get("reveal") is not None:
            _check_reveal(item["reveal"], f"{here}.reveal")


def without_secrets(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """`data` as somebody may see it who is not to know the secrets."""
    extensions = data.get("extensions")
    ours = extensions.get(NAMESPACE) if isinstance(extensions, Mapping) else None
    if not isinstance(extensions, Mapping) or not isinstance(ours, Mapping) or "secrets" not in ours:
        return data
    kept = {name: value for name, value in ours.items() if name != "secrets"}
    return {**data, "extensions": {**extensions, NAMESPACE: kept}}


def _check_reveal(reveal: object, path: str) -> None:
    if not isinstance(reveal, Mapping):
        _wrong(path, "must be an object")
    match reveal.get("by", "director"):
        case "director":
            pass
        case "words":
            words = reveal.get("any")
            if not isinstance(words, list) or not 1 <= len(words) <= _MOST_WORDS:
                _wrong(f"{path}.any", f"must be a list of 1 to {_MOST_WORDS} words")
            for index, word in enumerate(words):
                _check_text(word, f"{path}.any.{index}", _LONGEST_WORD)
        case "roll":
            least = reveal.get("at_least")
            if isinstance(least, bool) or not isinstance(least, int | float):
                _wrong(f"{path}.at_least", "must be a number")
            _check_text(reveal.get("purpose"), f"{path}.purpose", _LONGEST_WORD)
        case "scene":
            _check_text(reveal.get("heading"), f"{path}.heading", _LONGEST_WORD)
        case _:
            _wrong(f"{path}.by", "must be director, words, roll or scene")


def _check_text(value: object, path: str, most: int) -> None:
    if not isinstance(value, str) or not value.strip(" *\n") or len(value) > most:
        _wrong(path, f"must be text of 1 to {most} characters")


def _wrong(path: str, what: str) -> NoReturn:
    raise InvalidRequest(f"{path}: {what}.")
