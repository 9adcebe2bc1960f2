"""Dice: what can be rolled, and what cannot."""

from __future__ import annotations

import pytest

from services.core.errors import InvalidRequest
from services.gateway.rest.dice import rolled


def test_the_dice_that_count_are_shown() -> None:
    """Total and dice agree; what is dropped does not count."""
    for _ in range(50):
        body = rolled(" 4d6kh3+2 ", "strength")
        assert body.expression == "4d6kh3+2"
        assert len(body.dice) == 3
        assert body.total == sum(body.dice) + 2
        assert all(1 <= die <= 6 for die in body.dice)
        assert body.purpose == "strength"


def test_every_side_comes_up() -> None:
    """A die is no constant."""
    assert {rolled("1d4").total for _ in range(200)} == {1, 2, 3, 4}


@pytest.mark.parametrize("expression", ["", "x", "2d", "1d0", "10000d6", "1/0", "1d6" + "*99999" * 10, "(" * 90, "10**9", "import os"])
def test_what_cannot_be_rolled_is_said(expression: str) -> None:
    """A typed error; nothing runs away."""
    with pytest.raises(InvalidRequest, match="cannot be rolled"):
        rolled(expression)
