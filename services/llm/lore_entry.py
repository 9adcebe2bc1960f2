"""One lorebook entry: its fields, SillyTavern's extensions and V3 decorators, read leniently into one value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_DECORATOR: Final = re.compile(r"@@(@*)([a-z][a-z0-9_]*)(?:[ \t]+(.*))?\s*")
_NUMERIC: Final = frozenset(("activate_only_after", "activate_only_every", "depth", "reverse_depth", "scan_depth", "is_greeting"))
_LISTS: Final = frozenset(("additional_keys", "exclude_keys"))
_KNOWN: Final = _NUMERIC | _LISTS | {"role", "position", "activate", "dont_activate", "ignore_on_max_context"}
_POSITIONS: Final = frozenset(["after_desc", "before_desc", "personality", "scenario"])
_ST_POSITIONS: Final = {0: "before_desc", 1: "after_desc", 4: "depth"}
_SLASHED: Final = re.compile(r"/(.+)/([a-z]*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Ready to be matched."""

    content: str
    keys: tuple[str, ...] = ()
    secondary: tuple[str, ...] = ()
    logic: int = 0
    """SillyTavern's: 0 any, 1 not all, 2 not any, 3 all."""
    selective: bool = False
    regex: bool = False
    constant: bool = False
    enabled: bool = True
    case_sensitive: bool = False
    whole_words: bool = False
    order: float = 0.0
    priority: float | None = None
    position: str = "before_desc"
    """before_desc, after_desc, personality, scenario or depth."""
    depth: int = 4
    """Messages from the end, where `position` is depth; negative counts from the beginning."""
    scan_depth: int | None = None
    after: int = 0
    every: int = 1
    extra_keys: tuple[tuple[str, ...], ...] = ()
    """One key of each group must be there too."""
    excluded: tuple[str, ...] = ()
    forced: bool | None = None
    """True = always, False = never, whatever the keys say."""
    dispensable: bool = False
    """Left out first when the context is full."""
    recursed: bool = True
    """Other entries' content may trigger it."""
    recurses: bool = True
    """Its content may trigger others."""


def entry_of(data: Mapping[str, Any]) -> Entry:
    """Read an entry; decorators count more than fields."""
    content, marks = _decorators(_text(data.get("content")))
    extensions = data.get("extensions") if isinstance(data.get("extensions"), Mapping) else {}
    assert isinstance(extensions, Mapping)  # noqa: S101 - for the type checker
    keys = _keys(data.get("keys"))
    position, depth = _place(data, extensions, marks)
    return Entry(
        content=content,
        keys=keys,
        secondary=_keys(data.get("secondary_keys")),
        logic=_int(extensions.get("selectiveLogic"), 0),
        selective=data.get("selective") is True,
        regex=data.get("use_regex") is True,
        constant=data.get("constant") is True,
        enabled=data.get("enabled", True) is not False,
        case_sensitive=(data.get("case_sensitive") is True) or extensions.get("case_sensitive") is True,
        whole_words=extensions.get("match_whole_words") is True,
        order=_number(data.get("insertion_order"), 0.0),
        priority=_number(data["priority"], 0.0) if isinstance(data.get("priority"), int | float) else None,
        position=position,
        depth=depth,
        scan_depth=_int(marks["scan_depth"][0], 0) if "scan_depth" in marks else _optional(extensions.get("scan_depth")),
        after=_int(marks["activate_only_after"][0], 0) if "activate_only_after" in marks else 0,
        every=max(1, _int(marks["activate_only_every"][0], 1)) if "activate_only_every" in marks else 1,
        extra_keys=tuple(_keys(value) for value in marks.get("additional_keys", ())),
        excluded=tuple(key for value in marks.get("exclude_keys", ()) for key in _keys(value)),
        forced=True if "activate" in marks else (False if "dont_activate" in marks or "is_greeting" in marks else None),
        dispensable="ignore_on_max_context" in marks,
        recursed=extensions.get("exclude_recursion") is not True,
        recurses=extensions.get("prevent_recursion") is not True,
    )


def slashed(key: str) -> tuple[str, str] | None:
    """Pattern and flags of a key written "/pattern/flags"."""
    found = _SLASHED.fullmatch(key.strip())
    return (found.group(1), found.group(2)) if found else None


def _place(data: Mapping[str, Any], extensions: Mapping[str, Any], marks: Mapping[str, list[str]]) -> tuple[str, int]:
    if marks.get("position", [""])[0] in _POSITIONS:
        return marks["position"][0], 0
    if "depth" in marks:
        return "depth", max(0, _int(marks["depth"][0], 4))
    if "reverse_depth" in marks:
        return "depth", -1 - max(0, _int(marks["reverse_depth"][0], 0))
    place = _ST_POSITIONS.get(_int(extensions.get("position"), -1))
    if place == "depth":
        return place, max(0, _int(extensions.get("depth"), 4))
    if place:
        return place, 0
    return ("after_desc" if data.get("position") == "after_char" else "before_desc"), 0


def _decorators(content: str) -> tuple[str, dict[str, list[str]]]:
    """Leading `@@name value` lines, with `@@@` lines as second choices for one that was not usable."""
    found: dict[str, list[str]] = {}
    lines = content.split("\n")
    used, usable, index = 0, True, 0
    for index, line in enumerate(lines):
        mark = _DECORATOR.fullmatch(line)
        if mark is None:
            break
        used = index + 1
        if mark.group(1) and usable:
            continue
        name, value = mark.group(2), (mark.group(3) or "").strip()
        usable = name in _KNOWN and (name not in _NUMERIC or value.lstrip("-").isdigit())
        if usable and (name in _LISTS or name not in found):
            found.setdefault(name, []).append(value)
    return "\n".join(lines[used:]).strip("\n") if used else content, found


def _keys(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split(",")
    return tuple(item.strip() for item in value if isinstance(item, str) and item.strip()) if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def _optional(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _int(value: object, default: int) -> int:
    if isinstance(value, bool):
        return default
    try:
        return int(value) if isinstance(value, int | float | str) else default
    except (ValueError, OverflowError):
        return default
