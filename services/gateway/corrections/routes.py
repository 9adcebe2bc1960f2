"""REST of the director's desk: corrections, live acts, and taking the last one back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from services.core.errors import InvalidRequest
from services.gateway.corrections.desk import Acted, Corrections
from services.gateway.corrections.requests import Act, Correction
from services.gateway.corrections.shown import shown
from services.gateway.corrections.undo import Undo
from services.gateway.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_of, key_of
from services.gateway.principals import acting, acting_director, require_director
from services.gateway.strict_json import StrictRoute

State = Literal["pending", "applied", "conflicted", "dead"]
Sort = Literal["text", "live", "all"]


def router(corrections: Corrections) -> APIRouter:
    """The routes under /api/sessions/{id} that steer."""
    routes = APIRouter(prefix="/api/sessions", tags=["steering"], route_class=StrictRoute)
    undo = Undo(corrections)

    @routes.post("/{sid}/corrections", status_code=202)
    async def correct(sid: str, asked: Correction, request: Request) -> Response:
        """Accept a correction: from here on it is not lost."""
        row = await corrections.accept(sid, acting_director(request), asked)
        return JSONResponse(shown(row), 202, {"Location": f"/api/sessions/{sid}/corrections/{row.id}"})

    @routes.get("/{sid}/corrections")
    async def list_corrections(  # noqa: PLR0917 - FastAPI reads them as parameters of the query
        sid: str,
        request: Request,
        state: Annotated[list[State] | None, Query(description="Only those; may be given several times")] = None,
        sort: Annotated[Sort, Query(alias="class", description="text: corrections; live: acts")] = "text",
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = "",
    ) -> dict[str, Any]:
        """Corrections and what became of them, the newest first."""
        require_director(request)
        await corrections.history.table(sid)
        await corrections.caught_up(sid)
        page = await corrections.outbox.page(sid, states=state or (), sorts=() if sort == "all" else (sort,), below=_number(cursor), limit=limit)
        return {"items": [shown(row) for row in page.items], "next_cursor": cursor_of(str(page.next_number)) if page.next_number else None}

    @routes.get("/{sid}/corrections/{cid}")
    async def read_correction(sid: str, cid: str, request: Request) -> dict[str, Any]:
        """One of them."""
        require_director(request)
        # An act is answered before its row is written; who has the answer may ask for the row.
        await corrections.caught_up(sid)
        return shown(await corrections.outbox.get(sid, cid))

    @routes.post("/{sid}/acts")
    async def act(sid: str, asked: Act, request: Request) -> Response:
        """A live act: 200 when it has taken effect, 202 when the stage cannot be reached and it is tried again."""
        return _acted(await corrections.act(sid, acting(request), asked))

    @routes.post("/{sid}/undo", status_code=202)
    async def take_back(sid: str, request: Request) -> Response:
        """Take back your last act that can be taken back."""
        row = await undo.last(sid, acting_director(request))
        return JSONResponse(shown(row), 202, {"Location": f"/api/sessions/{sid}/corrections/{row.id}"})

    return routes


def _acted(acted: Acted) -> Response:
    if acted.answer is None:
        return JSONResponse({"id": acted.row.id, "seq": 0, "line": "", "state": acted.row.state}, 202)
    return JSONResponse({"id": acted.row.id, "seq": acted.answer.seq, "line": acted.answer.line, "state": "applied"})


def _number(cursor: str) -> int | None:
    if not cursor:
        return None
    key = key_of(cursor)
    if not key.isascii() or not key.isdigit() or len(key) > 18:
        raise InvalidRequest("That is no cursor of ours.")
    return int(key)
