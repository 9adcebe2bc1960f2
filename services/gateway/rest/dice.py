"""Rolling dice, by d20's notation. Importing it takes as long as all the rest of the gateway's routes together, so it is loaded with the first roll."""

from __future__ import annotations

from typing import Any, Final

import d20

from services.core.errors import InvalidRequest
from services.core.model.facts import Rolled

_LARGEST: Final = 10**9
_DICE: Final = 100
"""Dice that are shown one by one."""


def rolled(expression: str, purpose: str = "") -> Rolled:
    """Roll it. Raises `InvalidRequest` with what is wrong with the expression."""
    try:
        # One of its own: the library's has a cache and a count of dice that threads would share.
        result = d20.Roller().roll(expression.strip())
        total, dice = result.total, _dice(result.expr)
    except d20.RollError as error:
        raise InvalidRequest(f"The dice cannot be rolled: {error}") from None
    except (RecursionError, OverflowError):
        raise InvalidRequest("The dice cannot be rolled: the expression is too deep.") from None
    if abs(total) > _LARGEST:
        raise InvalidRequest("The dice cannot be rolled: the result is too large.")
    return Rolled(expression=expression.strip(), total=total, dice=dice[:_DICE], purpose=purpose.strip())


def _dice(expression: Any) -> list[int]:
    """The dice that count, in the order in which they were rolled."""
    found: list[int] = []
    waiting = [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, d20.Dice):
            found += [die.number for die in node.keptset]
        else:
            waiting.extend(reversed(node.children))
    return found
