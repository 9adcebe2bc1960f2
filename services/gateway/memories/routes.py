"""REST of the memories: list and search, edit, delete. Directors only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from services.core.clock import rfc3339
from services.core.errors import InvalidRequest
from services.gateway.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_of, key_of
from services.gateway.principals import require_director
from services.gateway.strict_json import StrictRoute
from services.transcript.memory import Memory, MemoryStore


class EditedMemory(BaseModel):
    """What is left out stays as it is."""

    text: str | None = Field(None, min_length=1, max_length=2_000)
    importance: float | None = Field(None, ge=0, le=1)


def router(store: MemoryStore) -> APIRouter:
    """The routes under /api/memories."""
    routes = APIRouter(prefix="/api/memories", tags=["memories"], route_class=StrictRoute)

    @routes.get("")
    async def list_memories(
        request: Request,
        character: Annotated[str, Query(max_length=128, description="Only this character's, by slug")] = "",
        q: Annotated[str, Query(max_length=500, description="Words, all of which must be there")] = "",
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = "",
    ) -> dict[str, Any]:
        """Memories, the newest first."""
        require_director(request)
        page = await store.page(character, q, limit, key_of(cursor))
        return {"items": [shown(memory) for memory in page.items], "next_cursor": cursor_of(page.next_cursor) if page.next_cursor else None}

    @routes.patch("/{name}")
    async def edit_memory(name: str, edited: EditedMemory, request: Request) -> dict[str, Any]:
        """Other words, or another weight."""
        require_director(request)
        if edited.text is None and edited.importance is None:
            raise InvalidRequest("Give a new text, a new importance or both.")
        return shown(await store.edit(name, edited.text, edited.importance))

    @routes.delete("/{name}", status_code=204)
    async def delete_memory(name: str, request: Request) -> Response:
        """Forget it for good; it will not be learned again from the same words."""
        require_director(request)
        await store.delete(name)
        return Response(status_code=204)

    return routes


def shown(memory: Memory) -> dict[str, Any]:
    """A memory as the desk gets it."""
    return {
        "id": memory.id,
        "character": memory.character,
        "text": memory.text,
        "importance": memory.importance,
        "session": memory.session,
        "sources": list(memory.sources),
        "present": list(memory.present),
        "created_at": rfc3339(memory.created_at_ms),
    }
