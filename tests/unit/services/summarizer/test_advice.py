"""A model's proposals: whatever it writes, only what holds comes through, and nothing ever raises but ValueError."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.summarizer.advice import KINDS, LONGEST, MOST, Bounds, id_of, read

BOUNDS = Bounds(facts={1, 2, 3}, characters={"mirelle": "Mirelle", "quill": "Quill"}, now_ms=1_000, expires_s=900)
GOOD = {"kind": "plot", "text": "Ask about the bridge.", "character": "mirelle", "rests_on": [2], "expires_minutes": 5}


def _read(*items: Any) -> tuple[list[Any], list[str]]:
    return read(json.dumps({"recommendations": list(items)}), BOUNDS)


def test_a_good_one_comes_through_whole() -> None:
    """With an end of its own, never later than the setting's."""
    (proposal,), dropped = _read(GOOD)
    assert dropped == []
    assert (proposal.category, proposal.character, proposal.rests_on, proposal.expires_at_ms) == ("plot", "mirelle", [2], 301_000)
    (late,), _ = _read(GOOD | {"expires_minutes": 10_000})
    assert late.expires_at_ms == 901_000
    (named,), _ = _read(GOOD | {"character": " Quill "})
    assert named.character == "quill"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "order"}, {"kind": None}, {"text": ""}, {"text": "!!!"}, {"text": 7}, {"text": "x" * (LONGEST + 1)}, {"text": "See https://evil.example now"},
        {"text": "<img src=x> look"}, {"text": "{{user}} obeys"}, {"text": "[[note]] hidden"}, {"character": "yaroglav"}, {"character": 3}, {"rests_on": []},
        {"rests_on": [4]}, {"rests_on": [True]}, {"rests_on": ["2"]}, {"rests_on": [2.0]}, {"rests_on": 2}, {"rests_on": [1] * 21},
    ],
)  # fmt: skip
def test_what_does_not_hold_is_dropped_and_the_others_stay(wrong: dict[str, Any]) -> None:
    """Each for a reason that names no content."""
    kept, dropped = _read(GOOD | wrong, GOOD)
    assert len(kept) == 1
    assert len(dropped) == 1
    assert len(dropped[0]) < 40


def test_more_than_a_handful_is_cut_and_the_same_counts_once() -> None:
    """Too many cards bury the first ones."""
    kept, dropped = _read(*(GOOD | {"text": f"Ask about bridge {'abcdefghij'[at] * 3}."} for at in range(9)))
    assert len(kept) == MOST
    assert dropped == ["too many"] * 4
    kept, _ = _read(GOOD, GOOD | {"text": "ask about the  BRIDGE"})
    assert len(kept) == 1


def test_an_id_is_the_same_for_the_same_proposal() -> None:
    """Whatever order and spacing a model chose this time."""
    assert id_of("plot", "mirelle", "Ask  about it.", [3, 1]) == id_of("plot", "mirelle", "ask about it", [1, 3])
    assert id_of("plot", "mirelle", "Ask.", [1]) != id_of("plot", "quill", "Ask.", [1])


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(st.text() | _JSON.map(json.dumps))
def test_whatever_a_model_answers_is_read_or_refused(answer: str) -> None:
    """Never anything else."""
    try:
        kept, _ = read(answer, BOUNDS)
    except ValueError:
        return
    assert all(item.category in KINDS for item in kept)


_FIELDS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.integers() | st.text()), st.sampled_from([*KINDS, "mirelle"]))


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(GOOD, _FIELDS))))
def test_what_comes_through_names_only_what_was_shown(items: list[dict[str, Any]]) -> None:
    """Facts, characters and times within their bounds."""
    for proposal in _read(*items)[0]:
        assert set(proposal.rests_on) <= {1, 2, 3}
        assert proposal.character in {"", "mirelle", "quill"}
        assert 0 < len(proposal.text) <= LONGEST
        assert 1_000 < proposal.expires_at_ms <= 901_000
