"""REST of the screenplay: the session as a Fountain document, to read, to download, to watch as it grows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from services.gateway import sse
from services.gateway.edge import Edge
from services.gateway.history import History
from services.gateway.principals import principal_of
from services.transcript.screenplay import plain_text, render
from services.transcript.view import Reader, View

Format = Literal["fountain", "txt"]
_WRITERS: Final[dict[str, Callable[[View], str]]] = {"fountain": render, "txt": plain_text}


def router(edge: Edge, history: History) -> APIRouter:
    """GET /api/sessions/{id}/screenplay."""
    routes = APIRouter(prefix="/api/sessions", tags=["transcript"])

    @routes.get("/{sid}/screenplay")
    async def screenplay(
        sid: str,
        request: Request,
        form: Annotated[Format, Query(alias="format")] = "fountain",
        download: Annotated[bool, Query(description="As a file")] = False,  # noqa: FBT002 - a query parameter
    ) -> Response:
        """The document, its ETag the seq of the last fact in it; with `Accept: text/event-stream` live."""
        reader = await history.reader(sid, principal_of(request))
        write = _WRITERS[form]
        if sse.wanted(request):
            return sse.response(_frames(history, sid, reader, write), edge.stopping)
        view = (await history.table(sid, reader)).view
        etag = f'"{view.seq}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        if download:
            headers["Content-Disposition"] = f'attachment; filename="{_file_name(sid)}.{form}"'
        return Response(write(view), headers=headers, media_type="text/plain; charset=utf-8")

    return routes


async def _frames(history: History, sid: str, reader: Reader, write: Callable[[View], str]) -> AsyncGenerator[bytes, None]:
    view = (await history.table(sid, reader)).view
    text = write(view)
    yield sse.frame({"etag": str(view.seq), "text": text}, event="screenplay", id=view.seq)
    async with aclosing(history.tail(sid, view.seq)) as facts:
        async for fact in facts:
            if fact.seq <= view.seq:
                # Came in while the last document was written, and stands in it.
                continue
            view = (await history.table(sid, reader)).view
            before, text = text, write(view)
            if text != before:
                yield _change(before, text, view.seq)


def _change(before: str, text: str, seq: int) -> bytes:
    """What to do to the document before: put `text` behind it, or behind its first `keep_lines` lines."""
    if text.startswith(before):
        return sse.frame({"etag": str(seq), "text": text[len(before) :]}, event="append", id=seq)
    old, new = before.splitlines(keepends=True), text.splitlines(keepends=True)
    keep = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        keep += 1
    return sse.frame({"etag": str(seq), "keep_lines": keep, "text": "".join(new[keep:])}, event="replace", id=seq)


def _file_name(sid: str) -> str:
    return "".join(letter for letter in sid if letter.isascii() and (letter.isalnum() or letter in "-_")) or "session"
