"""REST of the facts: what happened in a session, as pages or as it happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request

from services.core.model.fact import Fact, Kind
from services.gateway import sse
from services.gateway.edge import Edge
from services.gateway.history import History
from services.gateway.paging import DEFAULT_LIMIT, Limit
from services.gateway.principals import principal_of
from services.transcript.view import Reader, redacted

_DRAFT: Final = frozenset({Kind.LINE_OPENED, Kind.SENTENCE})
_LONGEST_LINE: Final = 1_000
"""Facts looked back over for the draft that a release made public."""


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
        items = [shown.to_dict() for fact in page for shown in await _told(history, sid, fact, reader)]
        # The cursor is the seq itself: it is what `after` takes.
        return {"items": items, "next_cursor": str(page[-1].seq) if len(page) == limit else None}

    return routes


async def _frames(history: History, sid: str, after: int, reader: Reader) -> AsyncGenerator[bytes, None]:
    async with aclosing(history.tail(sid, after)) as facts:
        async for fact in facts:
            for shown in await _told(history, sid, fact, reader):
                # The id is how far the reader has come, also where older facts are made up for.
                yield sse.frame(shown.to_dict(), event="fact", id=fact.seq)


async def _told(history: History, sid: str, fact: Fact, reader: Reader) -> list[Fact]:
    """What this reader is told because of `fact`: itself, nothing, or the draft that it has released."""
    if reader.oversees:
        return [fact]
    view = (await history.table(sid)).view
    candidates = [fact]
    if fact.kind == Kind.RELEASED:
        line = str(fact.body.get("line"))
        opened = view.line(line)
        # It may have waited for long; one that is over was public before, or is found near its release.
        earlier = await history.facts(sid, opened.seq - 1 if opened else max(0, fact.seq - _LONGEST_LINE))
        candidates = [one for one in earlier if one.seq < fact.seq and one.kind in _DRAFT and one.body.get("line") == line]
    return [shown for shown in (redacted(one, reader, view) for one in candidates) if shown is not None]
