"""Facts: the envelope and every body survive JSON, and what a newer version adds is kept or ignored."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from services.core.model.fact import Author, Draft, Fact, Kind
from services.core.model.facts import BODIES, Said, body_of, fields_of, kind_of

_FACT = Fact(seq=7, kind="said", at_ms=1_700_000_000_123, by=Author("player", "p-1", "Ann"), place="cellar", audience=("p-1",), cause=3, body={"text": "да"})


def test_the_envelope_survives_json() -> None:
    """What is read is what was written, to the millisecond."""
    assert Fact.from_json(_FACT.to_json()) == _FACT
    assert Fact.from_dict(json.loads(json.dumps(_FACT.to_dict()))) == _FACT


def test_everybody_is_not_nobody() -> None:
    """No audience means all, an empty one means none; the two stay apart."""
    for audience in (None, ()):
        assert Fact.from_json(dataclasses.replace(_FACT, audience=audience).to_json()).audience == audience


def test_an_unknown_kind_is_kept() -> None:
    """A fact of a newer version is carried on unharmed."""
    newer = dataclasses.replace(_FACT, kind="danced", body={"steps": [1, 2]})
    assert Fact.from_json(newer.to_json()) == newer


@pytest.mark.parametrize(
    "text", ["{}", '{"seq": 1}', '{"seq": "x", "kind": "said", "at": "2024-01-01T00:00:00Z"}', "[]", '{"seq": 1, "kind": "said", "at": 5}']
)
def test_what_is_no_envelope_is_refused(text: str) -> None:
    """Anything else is a ValueError, whatever is wrong with it."""
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError is the contract
        Fact.from_json(text)


def test_what_facts_have_in_common_is_kept_once() -> None:
    """Who, where, before whom, and names: read twice, they are the same objects. A long text is told once, and each fact has its own."""
    told = dataclasses.replace(_FACT, body={"line": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "text": "long ago " * 20})
    one, other = Fact.from_json(told.to_json()), Fact.from_json(told.to_json())
    assert one == other == told
    assert all(a is b for a, b in [(one.by, other.by), (one.audience, other.audience), (one.place, other.place), (one.kind, other.kind)])
    assert one.body["line"] is other.body["line"]
    assert all(a is b for a, b in zip(one.body, other.body, strict=True))
    assert one.body is not other.body
    assert one.body["text"] is not other.body["text"]


@pytest.mark.parametrize("body", ["[1]", '"said"', "7"])
def test_a_body_is_an_object(body: str) -> None:
    """Anything else is no envelope."""
    with pytest.raises(ValueError, match="envelope"):
        Fact.from_json(_FACT.to_json().replace('"body":{"text":"да"}', f'"body":{body}'))


def test_a_draft_becomes_a_fact() -> None:
    """The fact has everything of the draft but the key."""
    draft = Draft(key="k", kind="said", at_ms=_FACT.at_ms, by=_FACT.by, place="cellar", audience=("p-1",), cause=3, body={"text": "да"})
    assert draft.at(7) == _FACT


def test_every_kind_has_a_body() -> None:
    """Nothing is written that cannot be read."""
    assert set(BODIES) == set(Kind)
    assert {kind_of(_filled(cls)) for cls in BODIES.values()} == {str(kind) for kind in Kind}


@pytest.mark.parametrize("kind", sorted(BODIES))
def test_every_body_survives_json(kind: str) -> None:
    """A body with every field filled comes back from JSON, and a field of a newer version is ignored."""
    body = _filled(BODIES[kind])
    data = json.loads(json.dumps(fields_of(body)))
    assert body_of(BODIES[kind], data) == body
    assert body_of(BODIES[kind], {**data, "from_the_future": 1}) == body


def test_a_body_without_its_required_fields_is_refused() -> None:
    """A missing field is said, not guessed."""
    with pytest.raises(ValueError, match="Said"):
        body_of(Said, {"text": "hello"})


def _filled(cls: type[Any]) -> Any:
    samples = {"str": "текст", "int": 3, "float": 0.25, "bool": True, "float | None": 0.5, "str | None": "joy", "dict[str, Any]": {"name": "Mirelle"}}
    samples |= {"list[str]": ["a"], "list[int]": [1, 2], "list[list[Any]]": [["hi", 0.0, 0.5, None]]}
    samples |= {"dict[str, str]": {"mirelle": "approve"}, "dict[str, float]": {"e2e": 12.5}}
    return cls(**{item.name: samples[str(item.type)] for item in dataclasses.fields(cls)})
