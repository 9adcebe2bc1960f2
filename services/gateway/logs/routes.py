"""REST of the log store: GET /api/logs, and GET /api/logs/live as it is written. Directors only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import StreamingResponse

from services.core import logstore
from services.core.errors import InvalidRequest
from services.core.logstore import Wanted
from services.gateway import sse
from services.gateway.edge import Edge
from services.gateway.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_of, key_of
from services.gateway.principals import require_director

_POLL_S: Final = 0.5
_BATCH: Final = 200
_BEFORE: Final = 50
"""Entries that a live reader is shown from before."""


def _wanted(  # noqa: PLR0917 - the names of the query
    q: Annotated[str, Query(max_length=500, description="Words, all of which must be there")] = "",
    level: Annotated[Literal["", "debug", "info", "warning", "error", "critical"], Query(description="This level and graver ones")] = "",
    service: Annotated[str, Query(max_length=64)] = "",
    session: Annotated[str, Query(max_length=64)] = "",
    since: Annotated[str, Query(max_length=40, description="ISO 8601, or milliseconds since 1970 UTC")] = "",
    until: Annotated[str, Query(max_length=40, description="ISO 8601, or milliseconds since 1970 UTC")] = "",
) -> Wanted:
    return Wanted(q=q, level=level, service=service, session=session, since_ms=_moment(since), until_ms=_moment(until))


def _moment(given: str) -> int:
    if not given or (given.isascii() and given.isdigit()):
        return int(given[:15] or 0)
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise InvalidRequest("A moment is written in ISO 8601, or in milliseconds since 1970 UTC.") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


Filter = Annotated[Wanted, Depends(_wanted)]


def router(edge: Edge) -> APIRouter:
    """Reads the store of this process's data folder, whichever process wrote to it."""
    routes = APIRouter(prefix="/api/logs", tags=["logs"])

    @routes.get("")
    async def page(request: Request, wanted: Filter, cursor: Cursor = "", limit: Limit = DEFAULT_LIMIT) -> dict[str, Any]:
        """Entries, the newest first."""
        require_director(request)
        path = logstore.path_of(edge.runtime.logs_url)
        found = await asyncio.to_thread(logstore.older, path, wanted, _number(cursor), limit + 1)
        items = found[:limit]
        return {"items": [entry.to_dict() for entry in items], "next_cursor": cursor_of(str(items[-1].id)) if len(found) > limit else None}

    @routes.get("/live", response_model=None)
    async def live(request: Request, wanted: Filter, last_event_id: Annotated[str, Header()] = "") -> StreamingResponse:
        """The last entries and every one that follows, as events; `id` = the entry's, continued by Last-Event-ID."""
        require_director(request)
        path = logstore.path_of(edge.runtime.logs_url)
        seen = int(last_event_id[:18]) if last_event_id.isascii() and last_event_id.isdigit() else None
        return sse.response(_frames(path, wanted, seen), edge.stopping)

    return routes


def _number(cursor: str) -> int | None:
    if not cursor:
        return None
    key = key_of(cursor)
    if not (key.isascii() and key.isdigit() and len(key) <= 18):
        raise InvalidRequest("That is no cursor of ours.")
    return int(key)


async def _frames(path: Path, wanted: Wanted, seen: int | None) -> AsyncGenerator[bytes, None]:
    """The store is asked again and again: whoever writes to it may be another process."""
    if seen is None:
        past = await asyncio.to_thread(logstore.older, path, wanted, None, _BEFORE)
        seen = past[0].id if past else 0
        for entry in reversed(past):
            yield sse.frame(entry.to_dict(), event="log", id=entry.id)
    while True:
        for entry in await asyncio.to_thread(logstore.newer, path, wanted, seen, _BATCH):
            seen = entry.id
            yield sse.frame(entry.to_dict(), event="log", id=entry.id)
        await asyncio.sleep(_POLL_S)
