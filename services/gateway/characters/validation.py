"""Cards from strangers: read with caps, brought to the V3 `data` form, refused where a field has the wrong type."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from services.core.errors import InvalidRequest, TooLarge
from services.gateway import strict_json
from services.gateway.characters.character import NAMESPACE
from services.gateway.characters.secrets import check_secrets

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_ENTRIES: Final = 2_000
MAX_KEYS: Final = 20_000
MAX_NAME: Final = 200

_TEXTS: Final = (
    "description", "personality", "scenario", "first_mes", "mes_example",
    "creator_notes", "system_prompt", "post_history_instructions", "creator", "character_version",
)  # fmt: skip
_TEXT_LISTS: Final = ("alternate_greetings", "tags", "group_only_greetings")
_SPECS: Final = frozenset({"chara_card_v2", "chara_card_v3"})
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,6}")
_COLOR: Final = re.compile(r"#[0-9A-Fa-f]{3,8}")


def parse(raw: bytes) -> Any:
    """A body with a card in it. Raises `InvalidRequest` or `TooLarge`."""
    if len(raw) > MAX_BYTES:
        raise TooLarge(f"A card may have {MAX_BYTES} bytes.")
    return strict_json.parse(raw)


def card_data(value: Any) -> dict[str, Any]:
    """The V3 `data` object of a whole V1, V2 or V3 card, of `{"data": ...}`, or of a bare `data` object; unknown keys stay."""
    if not isinstance(value, Mapping):
        raise InvalidRequest("A card is a JSON object.")
    spec = value.get("spec")
    if spec is not None and spec not in _SPECS:
        raise InvalidRequest("This is no character card: its `spec` is unknown.")
    inner = value.get("data") if spec is not None or "data" in value else value
    if not isinstance(inner, Mapping):
        raise InvalidRequest("data: must be an object.")
    return checked(inner)


def checked(data: Mapping[str, Any]) -> dict[str, Any]:
    """`data` with the fields that V3 demands filled in. Raises `InvalidRequest` naming the first field that does not fit."""
    result = dict(data)
    _check_name(result)
    for field in _TEXTS:
        result[field] = _text(result.get(field), field)
    for field in _TEXT_LISTS:
        result[field] = _texts(result.get(field), field)
    if result.get("nickname") is not None:
        _text(result["nickname"], "nickname")
    extensions = result.get("extensions")
    result["extensions"] = {} if extensions is None else dict(_object(extensions, "extensions"))
    if NAMESPACE in result["extensions"]:
        _check_ours(_object(result["extensions"][NAMESPACE], f"extensions.{NAMESPACE}"))
    if result.get("character_book") is not None:
        _check_book(_object(result["character_book"], "character_book"))
    if len(json.dumps(result, ensure_ascii=False).encode()) > MAX_BYTES:
        raise TooLarge(f"A card may have {MAX_BYTES} bytes.")
    return result


def _check_name(data: dict[str, Any]) -> None:
    name = _text(data.get("name"), "name").strip()
    if not name or len(name) > MAX_NAME or any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in name):
        _wrong("name", f"must be one line of 1 to {MAX_NAME} characters")
    data["name"] = name


def _check_ours(ours: Mapping[str, Any]) -> None:
    path = f"extensions.{NAMESPACE}"
    for field, pattern in (("language", _LANGUAGE), ("color", _COLOR)):
        value = _text(ours.get(field), f"{path}.{field}")
        if value and not pattern.fullmatch(value):
            _wrong(f"{path}.{field}", "is malformed")
    if len(_text(ours.get("tagline"), f"{path}.tagline")) > 300:
        _wrong(f"{path}.tagline", "must have at most 300 characters")
    if ours.get("secrets") is not None:
        check_secrets(ours["secrets"], f"{path}.secrets")
    if ours.get("voice") is not None:
        _check_voice(_object(ours["voice"], f"{path}.voice"), path)


def _check_voice(voice: Mapping[str, Any], path: str) -> None:
    for field in ("engine", "name", "language"):
        if len(_text(voice.get(field), f"{path}.voice.{field}")) > 200:
            _wrong(f"{path}.voice.{field}", "must have at most 200 characters")
    for field in ("rate", "pitch", "volume"):
        value = voice.get(field, 1.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0.25 <= value <= 4:
            _wrong(f"{path}.voice.{field}", "must be a number from 0.25 to 4")
    if voice.get("options") is not None:
        _object(voice["options"], f"{path}.voice.options")


def _check_book(book: Mapping[str, Any]) -> None:
    entries = book.get("entries") or []
    if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        _wrong("character_book.entries", f"must be a list of at most {MAX_ENTRIES} entries")
    keys = 0
    for index, entry in enumerate(entries):
        path = f"character_book.entries.{index}"
        entry = _object(entry, path)  # noqa: PLW2901 - the same entry, known to be an object
        keys += len(_texts(entry.get("keys"), f"{path}.keys"))
        _text(entry.get("content"), f"{path}.content")
        secondary = entry.get("secondary_keys")
        # The specification says both: a list in the type, a comma string in the text.
        if not isinstance(secondary, str):
            keys += len(_texts(secondary, f"{path}.secondary_keys"))
    if keys > MAX_KEYS:
        _wrong("character_book", f"may have {MAX_KEYS} keys in all")


def _text(value: object, path: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        _wrong(path, "must be text")
    return value


def _texts(value: object, path: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        _wrong(path, "must be a list of texts")
    return [_text(item, f"{path}.{index}") for index, item in enumerate(value)]


def _object(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        _wrong(path, "must be an object")
    return value


def _wrong(path: str, what: str) -> NoReturn:
    raise InvalidRequest(f"{path}: {what}.")
