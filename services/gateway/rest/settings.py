"""REST of the settings desk; the manager behind it is the only live writer."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from services.gateway.edge import Edge
from services.gateway.principals import require_director
from services.gateway.strict_json import StrictRoute


class SettingsPatch(BaseModel):
    """A change of live settings."""

    patch: dict[str, Any] = Field(description="Merge patch (RFC 7396); null takes an override back")
    base_version: int = Field(0, ge=0, description="The version that the editor saw; 0 = do not compare")


def router(edge: Edge) -> APIRouter:
    """GET and PATCH /api/settings."""
    routes = APIRouter(prefix="/api/settings", tags=["settings"], route_class=StrictRoute)

    @routes.get("")
    async def read_settings(request: Request) -> dict[str, Any]:
        """The tree (secrets masked), its JSON Schema, its version and the live overrides."""
        require_director(request)
        settings, schema, version, overrides = await edge.manager.settings()
        return {"settings": json.loads(settings), "schema": json.loads(schema), "version": version, "overrides": json.loads(overrides)}

    @routes.patch("")
    async def patch_settings(change: SettingsPatch, request: Request) -> dict[str, Any]:
        """Change live settings; refused as a whole if a field does not fit or needs a restart."""
        require_director(request)
        version, settings = await edge.manager.patch(json.dumps(change.patch), change.base_version)
        return {"settings": json.loads(settings), "version": version}

    return routes
