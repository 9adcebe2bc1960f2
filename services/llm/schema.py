"""JSON Schema, as much of it as answers of models are asked for with: types, enumerations, objects, lists, bounds, alternatives and local references.

Keywords that are not known here allow everything, as the specification has it; patterns too, since a pattern from outside can stop a process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from services.core.errors import InvalidRequest

LONGEST_SCHEMA: Final = 64 * 1024
_DEEPEST: Final = 32
_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer()),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def schema_of(text: str) -> dict[str, Any]:
    """The schema in a request. Raises `InvalidRequest`."""
    if len(text) > LONGEST_SCHEMA:
        raise InvalidRequest(f"json_schema: may have {LONGEST_SCHEMA} characters")
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("json_schema: is not JSON") from error
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise InvalidRequest("json_schema: must describe an object")
    return schema


def instruction(schema: Mapping[str, Any]) -> str:
    """What a model is told that cannot be bound to a schema."""
    return f"Answer with one JSON object that fits this JSON Schema, and nothing else:\n{json.dumps(schema, ensure_ascii=False)}"


def misfit(value: Any, schema: Mapping[str, Any]) -> str:
    """Where `value` does not fit, and what is wanted there; empty = it fits. Never repeats the value."""
    return _Check(schema).at(value, schema, "", 0)


def is_strict(schema: Any) -> bool:
    """Every object names all of its fields as required and allows no other: what some providers ask for before they guarantee a fit."""
    if isinstance(schema, list):
        return all(map(is_strict, schema))
    if not isinstance(schema, Mapping):
        return True
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        closed = schema.get("additionalProperties") is False and set(schema.get("required") or ()) == set(properties)
        return closed and all(map(is_strict, properties.values()))
    return schema.get("type") != "object" and all(is_strict(item) for name, item in schema.items() if name not in {"enum", "const", "default"})


class _Check:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def at(self, value: Any, schema: Any, path: str, depth: int) -> str:
        if depth > _DEEPEST:
            return f"{path or 'it'} is nested too deeply"
        if not isinstance(schema, Mapping):
            return f"{path} is not wanted" if schema is False else ""
        if "$ref" in schema:
            return self.at(value, self._resolved(str(schema["$ref"])), path, depth + 1)
        return self._simple(value, schema, path or "it") or self._parts(value, schema, path, depth) or self._alternatives(value, schema, path, depth)

    def _resolved(self, reference: str) -> Any:
        node: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            node = node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, Mapping) and part else node
        return node

    @staticmethod
    def _simple(value: Any, schema: Mapping[str, Any], path: str) -> str:
        wanted = schema.get("type")
        types = wanted if isinstance(wanted, list) else [wanted] if isinstance(wanted, str) else []
        if types and not any(_TYPES.get(name, lambda _: True)(value) for name in types):
            return f"{path} must be {' or '.join(map(str, types))}"
        if "const" in schema and value != schema["const"]:
            return f"{path} must be {json.dumps(schema['const'])}"
        if isinstance(schema.get("enum"), list) and value not in schema["enum"]:
            return f"{path} must be one of {json.dumps(schema['enum'], ensure_ascii=False)[:500]}"
        return _out_of_bounds(value, schema, path)

    def _parts(self, value: Any, schema: Mapping[str, Any], path: str, depth: int) -> str:
        if isinstance(value, list):
            items = schema.get("items", True)
            found = (self.at(item, items, f"{path}[{index}]", depth + 1) for index, item in enumerate(value))
            return next(filter(None, found), "")
        if not isinstance(value, dict):
            return ""
        known = schema.get("properties") if isinstance(schema.get("properties"), Mapping) else {}
        missing = [name for name in schema.get("required") or () if name not in value]
        if missing:
            return f"{_below(path, str(missing[0]))} is missing"
        rest = schema.get("additionalProperties", True)
        found = (self.at(item, known.get(name, rest) if known else rest, _below(path, str(name)), depth + 1) for name, item in value.items())
        return next(filter(None, found), "")

    def _alternatives(self, value: Any, schema: Mapping[str, Any], path: str, depth: int) -> str:
        for part in schema.get("allOf") or ():
            if found := self.at(value, part, path, depth + 1):
                return found
        for name in ("anyOf", "oneOf"):
            choices = schema.get(name) or ()
            if choices and all(self.at(value, choice, path, depth + 1) for choice in choices):
                return f"{path or 'it'} fits none of the alternatives"
        return ""


def _out_of_bounds(value: Any, schema: Mapping[str, Any], path: str) -> str:
    size: Any = None
    low, high = "minimum", "maximum"
    if isinstance(value, str | list):
        size, (low, high) = len(value), ("minLength", "maxLength") if isinstance(value, str) else ("minItems", "maxItems")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        size = value
    if size is None:
        return ""
    kind = {"minLength": " characters", "minItems": " items"}.get(low, "")
    if low in schema and size < schema[low]:
        return f"{path} must have at least {schema[low]}{kind}" if kind else f"{path} must be at least {schema[low]}"
    if high in schema and size > schema[high]:
        return f"{path} must have at most {schema[high]}{kind}" if kind else f"{path} must be at most {schema[high]}"
    return ""


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
