"""GET /v1/models: the cast as a list of models."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter

from services.core.errors import NotFound
from services.gateway.characters.character import Character
from services.gateway.characters.store import CharacterStore
from services.gateway.edge import Edge

PREFIX: Final = "npc/"


async def character_of(model: str, store: CharacterStore) -> Character:
    """The character behind a model name; the bare slug is understood too. Raises `NotFound`."""
    try:
        return await store.lately(model.removeprefix(PREFIX))
    except NotFound:
        raise NotFound(f"The model `{model[:80]}` does not exist; GET /v1/models lists the characters.") from None


def router(edge: Edge) -> APIRouter:
    """The model routes."""
    routes = APIRouter(prefix="/v1/models", tags=["openai"])

    @routes.get("")
    async def list_models() -> dict[str, Any]:
        """Every character."""
        return {"object": "list", "data": [_model(character) for character in await edge.characters.all()]}

    @routes.get("/{model:path}")
    async def read_model(model: str) -> dict[str, Any]:
        """One character."""
        return _model(await character_of(model, edge.characters))

    return routes


def _model(character: Character) -> dict[str, Any]:
    # `name` and `description` are what Open WebUI and LibreChat show in their pickers.
    return {
        "id": f"{PREFIX}{character.slug}",
        "object": "model",
        "created": character.created_at_ms // 1000,
        "owned_by": "souffleur",
        "name": character.name,
        "description": character.tagline,
    }
