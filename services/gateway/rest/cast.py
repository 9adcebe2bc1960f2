"""REST of who is on stage: a character of the house enters a running session, or leaves it."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from ulid import ULID

from services.core.model.attachment import TellRequest
from services.core.model.fact import Kind
from services.core.model.facts import Joined, Left, fields_of
from services.core.model.principal import Principal
from services.gateway.edge import Edge
from services.gateway.history import History
from services.gateway.principals import require_director
from services.gateway.strict_json import StrictRoute


class Entrance(BaseModel):
    """A character that enters."""

    character: Annotated[str, Field(min_length=1, max_length=64, description="Its slug")]
    place: str | None = Field(None, max_length=80, description="Where it enters; without one a character that is there already stays where it is")


def router(edge: Edge, history: History) -> APIRouter:
    """The routes under /api/sessions/{id}/cast."""
    routes = APIRouter(prefix="/api/sessions", tags=["sessions"], route_class=StrictRoute)

    async def told(sid: str, principal: Principal, kind: Kind, body: Joined | Left, place: str) -> dict[str, Any]:
        told = json.dumps(fields_of(body), ensure_ascii=False)
        answer = await edge.stage.tell(TellRequest(session=sid, principal=principal, key=f"cast:{ULID()}", kind=kind, body=told, place=place))
        [fact] = await history.facts(sid, answer.seq - 1, 1)
        return fact.to_dict()

    @routes.post("/{sid}/cast", status_code=201)
    async def enter(sid: str, entrance: Entrance, request: Request) -> dict[str, Any]:
        """A character enters, with its card as it is now; one that is there already gets its new card. Answers with the fact."""
        principal = require_director(request)
        table = await history.table(sid)
        character = await edge.characters.get(entrance.character)
        joined = Joined(member=character.slug, role="character", name=character.name, card=json.loads(character.card_json()))
        known = table.view.members.get(character.slug)
        stays = known.place if known is not None and known.present else ""
        return await told(sid, principal, Kind.JOINED, joined, stays if entrance.place is None else entrance.place)

    @routes.delete("/{sid}/cast/{slug}")
    async def leave(sid: str, slug: str, request: Request) -> dict[str, Any]:
        """A character leaves. Answers with the fact."""
        principal = require_director(request)
        await history.table(sid)
        return await told(sid, principal, Kind.LEFT, Left(member=slug), "")

    return routes
