"""Every value of the model survives the wire, with every field filled and with every optional field empty."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import Enum
from typing import Any

import pytest
from google.protobuf.message import Message

from protos import llm_pb2, manager_pb2, stage_pb2, stt_pb2, summarizer_pb2, transcript_pb2, tts_pb2
from services.core.model import attachment, desk, fact, principal, prosody, reply, speech, voicing
from services.core.model.fact import Author, Fact
from services.core.rpc import wire
from services.core.rpc.codec import OneOf, from_proto, to_proto

_STUBS = (llm_pb2, manager_pb2, stage_pb2, stt_pb2, summarizer_pb2, transcript_pb2, tts_pb2)
_MESSAGES: dict[str, type[Message]] = {name: getattr(stub, name) for stub in _STUBS for name in stub.DESCRIPTOR.message_types_by_name}
_VALUES: dict[str, type[Any]] = {
    item.__name__: item
    for module in (attachment, desk, principal, reply, speech, voicing, prosody, fact)
    for item in vars(module).values()
    if isinstance(item, type) and dataclasses.is_dataclass(item) and item.__module__ == module.__name__
}
_NOT_ON_THE_WIRE = {"Prosody", "Author", "Draft"}
"""Parts of values that travel as plain fields, or within a fact's JSON."""
_WIRED = sorted(set(_VALUES) - _NOT_ON_THE_WIRE)
_ENVELOPES = (wire.SPEECH_EVENT, wire.REPLY_EVENT, wire.SPEAK_REQUEST, wire.SPEAK_EVENT, wire.ATTACH_UP, wire.ATTACH_DOWN)


@pytest.mark.parametrize("name", _WIRED)
def test_every_field_survives(name: str) -> None:
    """A value with every field filled is the same after the wire."""
    value = _filled(_VALUES[name])
    assert from_proto(_over_the_wire(value, name), _VALUES[name]) == value


@pytest.mark.parametrize("name", _WIRED)
def test_empty_fields_survive(name: str) -> None:
    """A value with nothing but what it requires is the same after the wire: None does not become zero."""
    value = _filled(_VALUES[name], bare=True)
    assert from_proto(_over_the_wire(value, name), _VALUES[name]) == value


@pytest.mark.parametrize("name", sorted(set(_WIRED) - {"Fact"}))
def test_both_sides_have_the_same_fields(name: str) -> None:
    """Neither the message nor the value has a field that the other one lacks."""
    assert {item.name for item in dataclasses.fields(_VALUES[name])} == set(_MESSAGES[name].DESCRIPTOR.fields_by_name)


def test_every_message_that_is_no_envelope_has_a_value() -> None:
    """A message without a value of its name is only a request or response around others."""
    lonely = set(_MESSAGES) - set(_VALUES)
    assert {name for name in lonely if not name.endswith(("Request", "Response"))} == {"ServiceInfo"}


@pytest.mark.parametrize("envelope", _ENVELOPES, ids=lambda envelope: envelope._message.__name__)
def test_every_kind_of_an_envelope_survives(envelope: OneOf) -> None:
    """What is wrapped comes out again, for every value that the envelope may hold."""
    kinds = envelope._message.DESCRIPTOR.oneofs_by_name["kind"].fields
    values = [_filled(_VALUES[item.message_type.name]) for item in kinds if item.message_type is not None]
    assert values
    for value in values:
        message = envelope.wrap(value)
        assert envelope.unwrap(type(message).FromString(message.SerializeToString())) == value


def test_an_envelope_of_a_newer_peer_is_nothing() -> None:
    """An empty or unknown kind is None, not an error."""
    assert wire.REPLY_EVENT.unwrap(llm_pb2.ReplyResponse()) is None


def test_an_envelope_refuses_a_value_it_has_no_place_for() -> None:
    """A table that names a value without a field fails when it is made, not when it is used."""
    with pytest.raises(TypeError, match="Voice"):
        OneOf(llm_pb2.ReplyResponse, (*typing.get_args(reply.ReplyEvent), prosody.Voice))


def _over_the_wire(value: Any, name: str) -> Message:
    message = _MESSAGES[name]
    return message.FromString(to_proto(value, message).SerializeToString())


def _filled(cls: type[Any], *, bare: bool = False) -> Any:
    """A value whose fields all differ from their defaults, or only the required ones."""
    if cls is Fact:
        optional: dict[str, Any] = {} if bare else {"place": "cellar", "audience": ("p-1", "mirelle"), "cause": 3, "body": {"text": "да", "n": [1, None]}}
        return Fact(seq=7, kind="said", at_ms=1_700_000_000_123, by=Author("player", "p-1", "Ann"), **optional)
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for number, item in enumerate(dataclasses.fields(cls), 1):
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if required or not bare:
            values[item.name] = (item.default is not True) if hints[item.name] is bool else _sample(hints[item.name], number)
    made = cls(**values)
    if not bare:
        defaulted = [item.name for item in dataclasses.fields(cls) if item.default is not dataclasses.MISSING and getattr(made, item.name) == item.default]
        assert not defaulted, f"{cls.__name__}: {defaulted} were not filled"
    return made


def _sample(hint: Any, number: int) -> Any:
    """A value of that type which no default has; floats are exact in 32 bits."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _sample(next(part for part in arguments if part is not type(None)), number)
    if origin is tuple:
        return (_sample(arguments[0], number), _sample(arguments[0], number + 1))
    if origin is dict:
        return {"one": "текст", "two": str(number)} if arguments[1] is str else {"one": number + 0.5, "two": number + 0.25}
    if dataclasses.is_dataclass(hint):
        return _filled(typing.cast(type[Any], hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return list(hint)[-1]
    samples: dict[Any, Any] = {bool: True, int: 1000 + number, float: number + 0.75, str: f"текст {number}", bytes: bytes([number, 0, 255])}
    return samples[hint]
