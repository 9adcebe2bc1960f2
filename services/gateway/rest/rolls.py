"""Dice: an expression such as `2d6+3` is rolled here, and what came of it is a fact that characters know."""

from __future__ import annotations

import json
from typing import Any, Final

import d20
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from ulid import ULID

from services.core.errors import InvalidRequest
from services.core.model.attachment import TellRequest
from services.core.model.fact import Kind
from services.core.model.facts import Rolled, fields_of
from services.gateway.edge import Edge
from services.gateway.history import History
from services.gateway.principals import principal_of
from services.gateway.strict_json import StrictRoute

_LARGEST: Final = 10**9
_DICE: Final = 100
"""Dice that are shown one by one."""


class NewRoll(BaseModel):
    """Dice to be rolled."""

    expression: str = Field(min_length=1, max_length=100, description="d20 notation: 2d6+3, 4d6kh3, 1d20+5")
    purpose: str = Field("", max_length=200, description="What it is for: a check, a save, damage")
    place: str = Field("", max_length=80, description="Where a director throws them; players roll where they sit")
    roll_id: str = Field("", max_length=64, pattern=r"^[A-Za-z0-9_.:-]*$", description="Sent again with the same id it is rolled once")


def rolled(expression: str, purpose: str = "") -> Rolled:
    """Roll it. Raises `InvalidRequest` with what is wrong with the expression."""
    try:
        result = d20.roll(expression.strip())
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


def router(edge: Edge, history: History) -> APIRouter:
    """POST /api/sessions/{id}/rolls."""
    routes = APIRouter(prefix="/api/sessions", tags=["transcript"], route_class=StrictRoute)

    @routes.post("/{sid}/rolls", status_code=201)
    async def roll(sid: str, new: NewRoll, request: Request) -> dict[str, Any]:
        """Roll dice at the table; answers with the fact."""
        principal = principal_of(request)
        await history.reader(sid, principal)
        body = rolled(new.expression, new.purpose)
        key = f"roll:{principal.id}:{new.roll_id or ULID()}"
        answer = await edge.stage.tell(
            TellRequest(session=sid, principal=principal, key=key, kind=Kind.ROLLED, body=json.dumps(fields_of(body), ensure_ascii=False), place=new.place)
        )
        [fact] = await history.facts(sid, answer.seq - 1, 1)
        return fact.to_dict()

    return routes
