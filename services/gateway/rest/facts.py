"""REST of the facts: what happened in a session, as pages or as it happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request

from services.gateway import sse
from services.gateway.edge import Edge
from services.gateway.history import History
from services.gateway.paging import DEFAULT_LIMIT, Limit
from services.gateway.principals import principal_of
from services.transcript.view import Reader, redacted


def router(edge: Edge, history: History) -> APIRouter:
    """GET /api/sessions/{id}/facts."""
    routes = APIRouter(prefix="/api/sessions", tags=["transcript"])

    @routes.get("/{sid}/facts", response_model=None)
    async def facts(
        sid: str,
        request: Request,
        after: Annotated[int, Query(ge=0, description="Facts with a greater seq")] = 0,
        limit: Limit = DEFAULT_LIMIT,
        last_event_id: Annotated[str, Header()] = "",
    ) -> Any:
        """Facts in order; with `Accept: text/event-stream` live, `id` = seq, continued by Last-Event-ID."""
        reader = await history.reader(sid, principal_of(request))
        if sse.wanted(request):
            seen = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else 0
            return sse.response(_frames(history, sid, max(after, seen), reader), edge.stopping)
        page = await history.facts(sid, after, limit)
        shown = [fact.to_dict() for fact in (redacted(fact, reader) for fact in page) if fact is not None]
        # The cursor is the seq itself: it is what `after` takes.
        return {"items": shown, "next_cursor": str(page[-1].seq) if len(page) == limit else None}

    return routes


async def _frames(history: History, sid: str, after: int, reader: Reader) -> AsyncGenerator[bytes, None]:
    async with aclosing(history.tail(sid, after)) as facts:
        async for fact in facts:
            shown = redacted(fact, reader)
            if shown is not None:
                yield sse.frame(shown.to_dict(), event="fact", id=shown.seq)
