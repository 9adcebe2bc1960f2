"""Whether an answer fits its schema, and what the model is told where it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.core.errors import InvalidRequest
from services.llm.schema import LONGEST_SCHEMA, is_strict, misfit, schema_of
from services.llm.structured import json_in

CARD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 5},
        "age": {"type": ["integer", "null"], "minimum": 0},
        "mood": {"enum": ["glad", "sad"]},
        "friends": {"type": "array", "items": {"$ref": "#/$defs/friend"}, "maxItems": 2},
        "gift": {"anyOf": [{"type": "string"}, {"const": 7}]},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"friend": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "Mira"},
        {"name": "Mira", "age": None, "mood": "sad", "friends": [{"name": "Grim", "more": 1}], "gift": 7},
        {"name": "M", "age": 3.0, "gift": "x"},
    ],
)
def test_what_fits(value: Any) -> None:
    """Optional fields, alternatives and references."""
    assert misfit(value, CARD) == ""


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ([], "it must be object"),
        ({}, "name is missing"),
        ({"name": 5}, "name must be string"),
        ({"name": ""}, "name must have at least 1 characters"),
        ({"name": "secret words"}, "name must have at most 5 characters"),
        ({"name": "M", "age": True}, "age must be integer or null"),
        ({"name": "M", "age": -1}, "age must be at least 0"),
        ({"name": "M", "mood": "angry"}, 'mood must be one of ["glad", "sad"]'),
        ({"name": "M", "friends": [{"name": "x"}, {}]}, "friends[1].name is missing"),
        ({"name": "M", "friends": [{"name": "x"}] * 3}, "friends must have at most 2 items"),
        ({"name": "M", "gift": 8}, "gift fits none of the alternatives"),
        ({"name": "M", "extra": 1}, "extra is not wanted"),
    ],
)
def test_what_does_not_fit_is_named(value: Any, where: str) -> None:
    """By its place; the value itself is not repeated."""
    found = misfit(value, CARD)
    assert found == where
    assert "secret" not in found


def test_a_reference_to_itself_ends() -> None:
    """A schema from outside may turn in a circle."""
    assert "deeply" in misfit({"a": 1}, {"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}})


def test_strictness_is_every_field_required_and_no_other() -> None:
    """On all levels."""
    inner = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    assert is_strict(inner)
    assert is_strict({"type": "object", "properties": {"x": {"type": "array", "items": inner}}, "required": ["x"], "additionalProperties": False})
    assert not is_strict(CARD)
    assert not is_strict({"type": "object", "properties": {"x": {"type": "array", "items": CARD}}, "required": ["x"], "additionalProperties": False})


@pytest.mark.parametrize("text", ["{", "[]", '{"type": "array"}', "[" * 100_000, " " * (LONGEST_SCHEMA + 1)])
def test_what_is_no_schema_is_refused(text: str) -> None:
    """By name, before any model is asked."""
    with pytest.raises(InvalidRequest, match="json_schema"):
        schema_of(text)


@pytest.mark.parametrize("text", ['{"a": 1}', '```json\n{"a": 1}\n```', 'Here {it} is: {"a": 1}. Anything else?', "{{char}} " + json.dumps({"a": 1})])
def test_the_object_is_found_in_what_models_put_around_it(text: str) -> None:
    """Fences, greetings and braces."""
    assert json_in(text) == {"a": 1}


def test_no_object_is_none() -> None:
    """Neither text nor a torn object."""
    assert json_in("no") is None
    assert json_in('{"a": ') is None
