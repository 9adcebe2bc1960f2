"""REST of the characters: list, create, edit, delete, restore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from services.core.clock import rfc3339
from services.core.errors import Conflict, InvalidRequest
from services.core.settings import merged
from services.gateway.characters import validation
from services.gateway.characters.character import Character
from services.gateway.characters.draft import Wish, drafted
from services.gateway.characters.secrets import without_secrets
from services.gateway.edge import Edge
from services.gateway.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_of, key_of
from services.gateway.principals import principal_of, require_director
from services.gateway.problems import PreconditionFailed
from services.gateway.strict_json import StrictRoute

IfMatch = Annotated[str | None, Header(description="ETag of the version that was edited")]
_CARD_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "description": "`{data}` with the `data` object of a V3 card, or a whole V1, V2 or V3 card; `version` = the one that was edited",
                    "properties": {"data": {"type": "object"}, "version": {"type": "integer"}},
                },
            },
        },
    },
}


def router(edge: Edge) -> APIRouter:
    """The routes under /api/characters."""
    routes = APIRouter(prefix="/api/characters", tags=["characters"])
    store = edge.characters

    @routes.get("")
    async def list_characters(limit: Limit = DEFAULT_LIMIT, cursor: Cursor = "") -> dict[str, Any]:
        """Every character in short, by slug."""
        found = await store.page(key_of(cursor), limit + 1)
        more = cursor_of(found[limit - 1].slug) if len(found) > limit else None
        return {"items": [summary(character) for character in found[:limit]], "next_cursor": more}

    @routes.post("", status_code=201, openapi_extra=_CARD_BODY)
    async def create_character(request: Request) -> Response:
        """A new character from `{data}` or a whole card."""
        require_director(request)
        character = await store.create(validation.card_data(validation.parse(await request.body())))
        return _answer(character, 201)

    routes.include_router(_drafting(edge))

    @routes.get("/{slug}")
    async def read_character(slug: str, request: Request) -> Response:
        """One character, whole; its secrets are for the director only."""
        return _answer(_as_seen(await store.get(slug), request))

    @routes.put("/{slug}", openapi_extra=_CARD_BODY)
    async def replace_character(slug: str, request: Request, if_match: IfMatch = None) -> Response:
        """New `data`, whole."""
        require_director(request)
        body = validation.parse(await request.body())
        data = validation.card_data(body)
        return _answer(await _saved(edge, slug, data, _base(body, if_match), if_match))

    @routes.patch("/{slug}", openapi_extra=_CARD_BODY)
    async def patch_character(slug: str, request: Request, if_match: IfMatch = None) -> Response:
        """A merge patch (RFC 7396) on `data`."""
        require_director(request)
        body = validation.parse(await request.body())
        patch = body.get("data") if isinstance(body, Mapping) else None
        if not isinstance(patch, Mapping):
            raise InvalidRequest("data: must be an object.")
        old = await store.get(slug)
        base = _base(body, if_match)
        data = validation.checked(merged(old.data, patch))
        # Without a stated version the patch is still made on exactly the card it was merged with.
        return _answer(await _saved(edge, slug, data, old.version if base is None else base, if_match))

    @routes.delete("/{slug}", status_code=204)
    async def delete_character(slug: str, request: Request, if_match: IfMatch = None) -> Response:
        """Remove a character; sessions that it plays in keep their copy of the card."""
        require_director(request)
        try:
            await store.delete(slug, _tag(if_match))
        except Conflict as error:
            raise PreconditionFailed(error.detail) from error
        return Response(status_code=204)

    @routes.post("/{slug}/restore")
    async def restore_character(slug: str, request: Request) -> Response:
        """A sample as it was delivered."""
        require_director(request)
        return _answer(await store.restore(slug))

    return routes


def _drafting(edge: Edge) -> APIRouter:
    routes = APIRouter(route_class=StrictRoute)

    @routes.post("/draft")
    async def draft_character(wish: Wish, request: Request) -> dict[str, Any]:
        """A whole card from one sentence, not saved; `engine` says who wrote it, `template` = no model did."""
        require_director(request)
        card, engine = await drafted(edge, wish)
        return {"card": card, "engine": engine}

    return routes


def summary(character: Character) -> dict[str, Any]:
    """A character for lists."""
    voice = character.voice
    return {
        "slug": character.slug,
        "name": character.name,
        "tagline": character.tagline,
        "language": character.language,
        "color": character.color,
        "tags": list(character.tags),
        "voice": {"engine": voice.engine, "name": voice.name, "language": voice.language},
        "sample": character.sample,
        "updated_at": rfc3339(character.updated_at_ms),
    }


def full(character: Character) -> dict[str, Any]:
    """A character with its card."""
    return {
        "slug": character.slug,
        "version": character.version,
        "sample": character.sample,
        "created_at": rfc3339(character.created_at_ms),
        "updated_at": rfc3339(character.updated_at_ms),
        "data": character.data,
    }


def _as_seen(character: Character, request: Request) -> Character:
    return character if principal_of(request).role == "director" else replace(character, data=without_secrets(character.data))


async def _saved(edge: Edge, slug: str, data: Mapping[str, Any], base: int | None, if_match: str | None) -> Character:
    try:
        return await edge.characters.replace(slug, data, base)
    except Conflict as error:
        if if_match is not None:
            raise PreconditionFailed(error.detail) from error
        raise


def _base(body: object, if_match: str | None) -> int | None:
    tagged = _tag(if_match)
    stated = body.get("version") if isinstance(body, Mapping) and "data" in body else None
    if stated is not None and (isinstance(stated, bool) or not isinstance(stated, int)):
        raise InvalidRequest("version: must be an integer.")
    return tagged if tagged is not None else stated


def _tag(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    # An ETag that is none of ours matches nothing.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _answer(character: Character, status: int = 200) -> JSONResponse:
    headers = {"ETag": f'"{character.version}"'}
    if status == 201:
        headers["Location"] = f"/api/characters/{character.slug}"
    return JSONResponse(full(character), status, headers)
