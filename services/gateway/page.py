"""The built page at /: files of one folder, hashed ones for ever, the index never; any other path of the page is the index."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from services.core.errors import NotFound

STATIC: Final = Path(__file__).parent / "static"
_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_NEVER: Final = {"Cache-Control": "no-cache"}
_NOT_THE_PAGE: Final = ("api/", "v1/")
_TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".webmanifest": "application/manifest+json"}
_UNBUILT: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Souffleur</title></head>
<body><h1>Souffleur is running</h1>
<p>The page has not been built. In the project's folder type <code>make page</code> (needs Node), then reload.</p>
<p>Everything else is here: <a href="/api/openapi.json">the interface</a>, <a href="/api/status">what is ready</a>.</p></body></html>
"""


def router(folder: Path = STATIC) -> APIRouter:
    """Serves the page; must be the last router, since it takes every path that nobody else wants."""
    routes = APIRouter(include_in_schema=False)
    root = folder.resolve()

    @routes.get("/{path:path}")
    async def page(path: str, request: Request) -> Response:
        """A file of the page, or the page."""
        if path.startswith(_NOT_THE_PAGE):
            raise NotFound("There is nothing at this address.")
        index = root / "index.html"
        if not index.is_file():
            return HTMLResponse(_UNBUILT, headers=_NEVER)
        wanted = _inside(root, path)
        if wanted is not None:
            headers = _FOR_EVER if path.startswith("assets/") else _NEVER
            return FileResponse(wanted, headers=headers, media_type=_TYPES.get(wanted.suffix))
        if "." in path.rsplit("/", 1)[-1] and "text/html" not in request.headers.get("accept", ""):
            raise NotFound("There is no such file.")
        return FileResponse(index, headers=_NEVER)

    return routes


def _inside(root: Path, path: str) -> Path | None:
    """The file at `path` below `root`; None for what is no file or would leave it, by dots, by links or by strange names."""
    try:
        wanted = (root / path).resolve()
        return wanted if wanted.is_relative_to(root) and wanted.is_file() else None
    except (OSError, ValueError):
        return None
