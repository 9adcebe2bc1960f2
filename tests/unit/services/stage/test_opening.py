"""How a session begins."""

from __future__ import annotations

from typing import Any

import pytest

from services.core.errors import InvalidRequest, TooLarge
from services.core.model.attachment import CastMember, OpenRequest
from services.stage.opening import opening_facts


def test_a_session_begins_with_its_scene_and_its_cast() -> None:
    """In this order, under keys that make opening twice harmless."""
    cast = (CastMember("mirelle", "Mirelle", '{"name": "Mirelle"}'), CastMember("bram", "Bram", "", "cellar"))
    drafts = opening_facts(OpenRequest(title="Inn", scene_heading="INT. INN", cast=cast, phrases=("good evening",)), 5)
    assert [(draft.key, draft.place) for draft in drafts] == [("scene:0", ""), ("cast:mirelle", ""), ("cast:bram", "cellar")]
    assert drafts[0].body["phrases"] == ["good evening"]
    assert drafts[1].body["card"] == {"name": "Mirelle"}


@pytest.mark.parametrize(
    "options",
    [
        {"title": "x" * 301},
        {"scene_heading": "x" * 301},
        {"scene_description": "x" * 8001},
        {"language": "x" * 301},
        {"phrases": ("x",) * 2001},
        {"phrases": ("x" * 301,)},
        {"cast": tuple(CastMember(f"c{number}", "C", "") for number in range(17))},
        {"cast": (CastMember("c", "x" * 301, ""),)},
        {"cast": (CastMember("c", "C", "", "x" * 81),)},
        {"cast": (CastMember("c", "C", '{"description": "' + "x" * 2**21 + '"}'),)},
    ],
    ids=lambda options: next(iter(options)),
)
def test_nothing_is_without_a_limit(options: dict[str, Any]) -> None:
    """What is too large is refused whole."""
    with pytest.raises(TooLarge):
        opening_facts(OpenRequest(**options), 0)


@pytest.mark.parametrize("card", ["{", "[]", '{"x": NaN}', "[" * 5000])
def test_one_bad_card_begins_no_session(card: str) -> None:
    """Nothing is written of the others either: a session without half its cast could never be completed."""
    with pytest.raises(InvalidRequest):
        opening_facts(OpenRequest(cast=(CastMember("a", "A", "{}"), CastMember("b", "B", card))), 0)


def test_other_modes_are_refused() -> None:
    """A line that waits for nobody's approval must not look as if it did."""
    with pytest.raises(InvalidRequest):
        opening_facts(OpenRequest(mode="sometimes"), 0)
