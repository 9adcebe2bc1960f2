"""REST of the directory of services."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from services.gateway.edge import Edge
from services.gateway.principals import require_director


def router(edge: Edge) -> APIRouter:
    """GET /api/services."""
    routes = APIRouter(prefix="/api/services", tags=["services"])

    @routes.get("")
    async def list_services(request: Request) -> dict[str, Any]:
        """Every service with pid, address and health."""
        require_director(request)
        return {"items": await edge.manager.services(), "next_cursor": None}

    return routes
