"""REST of the screenplay: the session as a Fountain document, to read, to download, to watch as it grows, and to hand in edited."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from services.core.errors import InvalidRequest
from services.gateway import sse
from services.gateway.corrections.desk import Corrections
from services.gateway.edge import Edge
from services.gateway.history import History
from services.gateway.principals import acting_director, principal_of
from services.gateway.rest.edited import handed_in
from services.gateway.rest.press import Press
from services.transcript.screenplay import MEDIA_TYPES, Block, blocks, delta, export, render, render_block, render_title, title_page
from services.transcript.view import Reader, View

Format = Literal["fountain", "txt", "html", "pdf", "fdx"]
_PAPER: Final = frozenset({"html", "pdf", "fdx"})
"""Formats that take a while to write."""
_PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""Of a screenplay as a page: it is words, and nothing in it may do anything."""


def router(edge: Edge, history: History, corrections: Corrections) -> APIRouter:
    """GET and PUT of /api/sessions/{id}/screenplay."""
    routes = APIRouter(prefix="/api/sessions", tags=["transcript"])
    press = Press()

    @routes.get("/{sid}/screenplay")
    async def screenplay(
        sid: str,
        request: Request,
        form: Annotated[Format, Query(alias="format")] = "fountain",
        download: Annotated[bool, Query(description="As a file")] = False,  # noqa: FBT002 - a query parameter
    ) -> Response:
        """The document, its ETag the seq of the last fact in it; with `Accept: text/event-stream` live."""
        reader = await history.reader(sid, principal_of(request))
        if sse.wanted(request):
            if form != "fountain":
                raise InvalidRequest("format: live there is only the Fountain document.")
            return sse.response(_frames(history, sid, reader), edge.stopping)
        view = (await history.table(sid, reader)).view
        etag = f'"{view.seq}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        if download:
            headers["Content-Disposition"] = f'attachment; filename="{_file_name(sid)}.{form}"'
        if form == "html":
            headers["Content-Security-Policy"] = _PAGE_POLICY
        if form not in _PAPER:
            return Response(export(view, form), headers=headers, media_type=MEDIA_TYPES[form])
        return Response(await press.printed(view, form), headers=headers, media_type=MEDIA_TYPES[form])

    @routes.put("/{sid}/screenplay", status_code=202)
    async def hand_in(sid: str, request: Request) -> dict[str, Any]:
        """An edited document: its difference to the one of If-Match becomes corrections, each with its own state."""
        return await handed_in(sid, request, acting_director(request), history, corrections)

    return routes


async def _frames(history: History, sid: str, reader: Reader) -> AsyncGenerator[bytes, None]:
    """The document whole, then what to change in it. It is `title` and the blocks' texts with an empty line between them."""
    view = (await history.table(sid, reader)).view
    yield _whole(view)
    async with aclosing(history.tail(sid, view.seq)) as facts:
        async for fact in facts:
            if fact.seq <= view.seq:
                # Came in while the last change was written, and stands in it.
                continue
            before, view = view, (await history.table(sid, reader)).view
            for change in _changes(before, view):
                yield change


def _whole(view: View) -> bytes:
    title = render_title(title_page(view))
    data = {"etag": str(view.seq), "text": render(view), "title": title, "blocks": _blocks(blocks(view))}
    return sse.frame(data, event="screenplay", id=view.seq)


def _changes(before: View, view: View) -> list[bytes]:
    change = delta(before, view)
    if change.whole or change.title:
        return [_whole(view)]
    told = (("replace", change.replaced), ("append", change.appended))
    return [sse.frame({"etag": str(view.seq), "blocks": _blocks(found)}, event=event, id=view.seq) for event, found in told if found]


def _blocks(found: Iterable[Block]) -> list[dict[str, str]]:
    return [{"id": block.id, "text": render_block(block)} for block in found]


def _file_name(sid: str) -> str:
    return "".join(letter for letter in sid if letter.isascii() and (letter.isalnum() or letter in "-_")) or "session"
