"""Every settings section through its schema: described, bounded, patched live exactly where it says so, and shown in the example file."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from services.core.live import LiveSettings
from services.core.settings import Settings, is_live, overlaid

_EXAMPLE = Path(__file__).parents[3] / "souffleur.toml.example"
_WITHOUT_A_DEFAULT = {"runtime_dir", "models_dir"}
"""Unset by default, which TOML cannot say: the example shows a value."""


def _leaves(model: type[BaseModel] = Settings, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _leaves(field.annotation, (*path, name))
        else:
            yield (*path, name), field


_LEAVES = list(_leaves())
_IDS = [".".join(path) for path, _ in _LEAVES]


def _id(item: object) -> str:
    return ".".join(item) if isinstance(item, tuple) else ""


def _nested(path: tuple[str, ...], value: object) -> dict[str, Any]:
    for name in reversed(path):
        value = {name: value}
    assert isinstance(value, dict)
    return value


def _at(settings: object, path: tuple[str, ...]) -> object:
    for name in path:
        settings = getattr(settings, name)
    return settings


@pytest.mark.parametrize(("path", "field"), _LEAVES, ids=_IDS)
def test_live_is_what_the_schema_says(path: tuple[str, ...], field: FieldInfo) -> None:
    """A field may be patched live exactly when it is marked so."""
    marked = bool(isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("live"))
    patch = _nested(path, field.get_default(call_default_factory=True))
    assert is_live(patch) == ([] if marked else [".".join(path)])


@pytest.mark.parametrize(("path", "field"), [leaf for leaf in _LEAVES if leaf[1].annotation in (int, float)], ids=_id)
def test_every_number_has_bounds(path: tuple[str, ...], field: FieldInfo) -> None:
    """No number of the tree is without a lower bound."""
    assert [item for item in field.metadata if hasattr(item, "gt") or hasattr(item, "ge")], ".".join(path)


@pytest.mark.parametrize(("path", "field"), [leaf for leaf in _LEAVES if isinstance(leaf[1].json_schema_extra, dict)], ids=_id)
def test_every_live_field_reaches_the_snapshot(path: tuple[str, ...], field: FieldInfo) -> None:
    """What is announced is in force, and a snapshot taken before keeps the old value."""
    live = LiveSettings(Settings())
    before = live.current
    value = _other(field)
    assert live.accept(1, json.dumps(_nested(path, value)))
    assert _at(live.current, path) == _frozen(value)
    assert _at(before, path) == _at(Settings(), path) != _at(live.current, path)


def test_every_section_survives_its_own_dump() -> None:
    """The tree as JSON is a tree again: what the page shows can be sent back."""
    settings = Settings()
    assert overlaid(Settings(), settings.model_dump(mode="json", exclude={"openai_api_key"})) == settings


def test_the_example_shows_every_setting_with_its_default() -> None:
    """With every `#` taken off, the example file is the defaults, complete."""
    text = re.sub(r"^#(?=\w+ = )", "", _EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    shown = tomllib.loads(text)
    missing = [".".join(path) for path, field in _LEAVES if path[-1] != "engines" and not _shown(shown, path)]
    assert missing == []
    for name in _WITHOUT_A_DEFAULT:
        del shown[name]
    assert overlaid(Settings(), shown) == Settings()


def test_the_example_marks_what_is_live() -> None:
    """A line that says (live) stands above exactly the live settings."""
    marked, section, live = set(), "", False
    for line in _EXAMPLE.read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = heading[1]
        elif setting := re.match(r"#(\w+) = ", line):
            marked |= {f"{section}.{setting[1]}"} if live else set()
            live = False
        else:
            live = line.startswith("# (live)")
    assert marked == {".".join(path) for path, field in _LEAVES if isinstance(field.json_schema_extra, dict)}


def test_the_example_as_it_stands_changes_nothing() -> None:
    """Copied and left alone, it is the defaults."""
    assert overlaid(Settings(), tomllib.loads(_EXAMPLE.read_text(encoding="utf-8"))) == Settings()


def _shown(shown: dict[str, Any], path: tuple[str, ...]) -> bool:
    for name in path:
        if name not in shown:
            return False
        shown = shown[name]
    return True


def _frozen(value: Any) -> Any:
    """As it stands in the tree."""
    if isinstance(value, dict):
        return {name: _frozen(item) for name, item in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _other(field: FieldInfo) -> Any:
    """A value that fits and is not the default."""
    default = field.get_default(call_default_factory=True)
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return default + 1
    if isinstance(default, float):
        return default * 1.01 or 1.5
    if isinstance(default, dict):
        return {"gpt": [1.0, 2.0]}
    if isinstance(default, tuple):
        inner = get_args(field.annotation)[0]
        return [get_args(inner)[0]] if get_origin(inner) is Literal else ["understudy"]
    return next((other for other in get_args(field.annotation) if other != default), "other")
