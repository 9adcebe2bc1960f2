"""Values of `core.model` to protobuf messages and back, by field name; written once for every type.

A message and its value have the same name and the same field names. A field that a message marks `optional` is None when it is unset.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from google.protobuf.message import Message

from protos import transcript_pb2
from services.core.model.fact import Fact

T = TypeVar("T")
M = TypeVar("M", bound=Message)


def to_proto(value: Any, message: type[M]) -> M:
    """The message that carries `value`."""
    result = message()
    _fill(result, value)
    return result


def _fill(message: Any, value: Any) -> None:
    if isinstance(value, Fact):
        message.seq, message.kind, message.json = value.seq, value.kind, value.to_json()
        return
    for name, put in _writers(typing.cast(Any, type(value)), typing.cast(Any, type(message))):
        put(message, getattr(value, name))


def from_proto(message: Message, cls: type[T]) -> T:
    """The value that `message` carries."""
    if cls is Fact:
        return typing.cast(T, Fact.from_json(typing.cast(transcript_pb2.Fact, message).json))
    return cls(**{name: get(message) for name, get in _readers(typing.cast(Any, cls), typing.cast(Any, type(message)))})


class OneOf:
    """A message whose only content is `oneof kind { ... }`: wraps and unwraps the values it may hold."""

    def __init__(self, message: type[Message], values: tuple[type[Any], ...]) -> None:
        """`values` are matched to the oneof's fields by their message type's name."""
        self._message = message
        by_name = {cls.__name__: cls for cls in values}
        self._by_field: dict[str, type[Any]] = {}
        self._by_type: dict[type[Any], str] = {}
        for item in message.DESCRIPTOR.oneofs_by_name["kind"].fields:
            if item.message_type is None:
                continue
            cls = by_name.pop(item.message_type.name)
            self._by_field[item.name] = cls
            self._by_type[cls] = item.name
        if by_name:
            raise TypeError(f"{message.DESCRIPTOR.full_name} has no place for {sorted(by_name)}")

    def wrap(self, value: Any) -> Any:
        """The message around `value`."""
        message = self._message()
        # Filled where it stands: this is the way of every piece of sound to every listener.
        _fill_part(getattr(message, self._by_type[type(value)]), value)
        return message

    def unwrap(self, message: Message) -> Any:
        """The value inside; None for an empty message or a kind from a newer peer."""
        name = message.WhichOneof("kind")
        if name is None or name not in self._by_field:
            return None
        return from_proto(getattr(message, name), self._by_field[name])


@cache
def _writers(cls: Any, message: Any) -> tuple[tuple[str, Callable[[Any, Any], None]], ...]:
    fields = message.DESCRIPTOR.fields_by_name
    return tuple((item.name, _writer(fields[item.name])) for item in dataclasses.fields(cls))


def _writer(field: Any) -> Callable[[Any, Any], None]:
    name = field.name
    if _is_map(field):
        return lambda message, value: getattr(message, name).update(value)
    if field.is_repeated:
        if field.message_type is None:
            return lambda message, value: getattr(message, name).extend(value)
        return lambda message, value: _extend(getattr(message, name), value)
    if field.message_type is not None:
        return lambda message, value: _fill_part(getattr(message, name), value)
    return lambda message, value: None if value is None else setattr(message, name, value)


def _extend(target: Any, values: Any) -> None:
    for value in values:
        _fill(target.add(), value)


def _fill_part(part: Any, value: Any) -> None:
    part.SetInParent()
    _fill(part, value)


def _is_map(field: Any) -> bool:
    return bool(field.message_type is not None and field.message_type.GetOptions().map_entry)


@cache
def _readers(cls: Any, message: Any) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    fields = message.DESCRIPTOR.fields_by_name
    hints = typing.get_type_hints(cls)
    return tuple((item.name, _reader(fields[item.name], hints[item.name])) for item in dataclasses.fields(cls))


def _reader(field: Any, hint: Any) -> Callable[[Any], Any]:
    name = field.name
    if _is_map(field):
        return lambda message: dict(getattr(message, name))
    if field.is_repeated:
        if field.message_type is None:
            return lambda message: tuple(getattr(message, name))
        inner = typing.get_args(hint)[0]
        return lambda message: tuple(from_proto(item, inner) for item in getattr(message, name))
    if field.message_type is not None:
        return lambda message: from_proto(getattr(message, name), hint)
    if isinstance(hint, types.UnionType):
        return lambda message: getattr(message, name) if message.HasField(name) else None
    return lambda message: getattr(message, name)
