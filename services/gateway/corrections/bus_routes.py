"""REST of the bus: is it there, how much waits, and what it has put aside."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from services.core.errors import SouffleurError
from services.gateway.corrections.dead import DeadLetters
from services.gateway.corrections.desk import Corrections
from services.gateway.paging import DEFAULT_LIMIT, Limit
from services.gateway.principals import require_director


def router(corrections: Corrections) -> APIRouter:
    """The routes under /api/bus."""
    routes = APIRouter(prefix="/api/bus", tags=["steering"])
    bus, dead = corrections.bus, DeadLetters(corrections)

    @routes.get("")
    async def state(request: Request) -> dict[str, Any]:
        """What carries corrections, and how much it carries; without a connection the counts are unknown."""
        require_director(request)
        told: dict[str, Any] = {"kind": bus.kind, "connected": bus.link.connected, "depth": None, "dead": None}
        if bus.link.connected:
            try:
                counts = await bus.counts()
            except SouffleurError:
                return told | {"connected": False}
            told |= {"depth": counts.depth, "dead": counts.dead}
        return told

    @routes.get("/dead")
    async def list_dead(request: Request, limit: Limit = DEFAULT_LIMIT) -> dict[str, Any]:
        """Corrections that were put aside, the oldest first."""
        require_director(request)
        return {"items": await dead.listed(limit), "next_cursor": None}

    @routes.post("/dead/{id}/retry", status_code=202)
    async def retry(id: str, request: Request) -> dict[str, Any]:  # noqa: A002 - its name in the path
        """Try one of them once more."""
        require_director(request)
        return await dead.retry(id)

    @routes.delete("/dead/{id}", status_code=204)
    async def drop(id: str, request: Request) -> Response:  # noqa: A002 - its name in the path
        """Throw one of them away; the correction stays on the list as dead."""
        require_director(request)
        await dead.drop(id)
        return Response(status_code=204)

    return routes
