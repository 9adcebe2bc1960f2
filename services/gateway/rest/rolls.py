"""Dice: an expression such as `2d6+3` is rolled here, and what came of it is a fact that characters know."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from ulid import ULID

from services.core.model.attachment import TellRequest
from services.core.model.fact import Kind
from services.core.model.facts import Rolled, fields_of
from services.gateway.edge import Edge
from services.gateway.history import History
from services.gateway.principals import principal_of
from services.gateway.strict_json import StrictRoute


class NewRoll(BaseModel):
    """Dice to be rolled."""

    expression: str = Field(min_length=1, max_length=100, description="d20 notation: 2d6+3, 4d6kh3, 1d20+5")
    purpose: str = Field("", max_length=200, description="What it is for: a check, a save, damage")
    place: str = Field("", max_length=80, description="Where a director throws them; players roll where they sit")
    roll_id: str = Field("", max_length=64, pattern=r"^[A-Za-z0-9_.:-]*$", description="Sent again with the same id it is rolled once")


def _rolled(expression: str, purpose: str) -> Rolled:
    from services.gateway.rest.dice import rolled

    return rolled(expression, purpose)


def router(edge: Edge, history: History) -> APIRouter:
    """POST /api/sessions/{id}/rolls."""
    routes = APIRouter(prefix="/api/sessions", tags=["transcript"], route_class=StrictRoute)

    @routes.post("/{sid}/rolls", status_code=201)
    async def roll(sid: str, new: NewRoll, request: Request) -> dict[str, Any]:
        """Roll dice at the table; answers with the fact."""
        principal = principal_of(request)
        await history.reader(sid, principal)
        body = await asyncio.to_thread(_rolled, new.expression, new.purpose)
        key = f"roll:{principal.id}:{new.roll_id or ULID()}"
        answer = await edge.stage.tell(
            TellRequest(session=sid, principal=principal, key=key, kind=Kind.ROLLED, body=json.dumps(fields_of(body), ensure_ascii=False), place=new.place)
        )
        [fact] = await history.facts(sid, answer.seq - 1, 1)
        return fact.to_dict()

    return routes
