"""REST of the adviser: condense and advise now, and the recap of a session."""

from __future__ import annotations

from typing import Any, Final, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from services.gateway.advice.recap import recap
from services.gateway.edge import Edge
from services.gateway.history import History
from services.gateway.principals import require_director
from services.gateway.strict_json import StrictRoute

_MARGIN_S: Final = 15.0


class Wish(BaseModel):
    """What the director wants."""

    what: Literal["summary", "advice", "both"] = Field("both", description="A new digest, new recommendations, or both")


def router(edge: Edge, history: History) -> APIRouter:
    """The routes under /api/sessions/{id} that lead to the summarizer."""
    routes = APIRouter(prefix="/api/sessions", tags=["advice"], route_class=StrictRoute)

    @routes.post("/{sid}/advice")
    async def advise(sid: str, wish: Wish, request: Request) -> dict[str, Any]:
        """Condense and advise now; answers when it is done. Nothing at the table waits for it."""
        require_director(request)
        await history.table(sid)
        # One question for the digest, one for the advice.
        patience = 2 * edge.runtime.settings.summarizer.timeout_s + _MARGIN_S
        summary, recommendations, remark = await edge.runtime.summarizer().advise(sid, wish.what, patience)
        return {"summary": summary, "recommendations": list(recommendations), "remark": remark}

    @routes.get("/{sid}/recap")
    async def read_recap(sid: str, request: Request) -> dict[str, Any]:
        """What happened, from the digests that hold; empty as long as there is none."""
        require_director(request)
        return {"text": recap((await history.table(sid)).view), "from": [sid]}

    return routes
