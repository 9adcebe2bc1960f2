"""The screenplay as a file for other programs: text, HTML, PDF, Final Draft. Work for a thread, bounded in size and time."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from html import escape
from typing import Final

from screenplain.export import fdx, html
from screenplain.types import Screenplay

from services.core.errors import TooLarge
from services.transcript.screenplay.plain import clean, plain_text
from services.transcript.screenplay.play import play_of
from services.transcript.screenplay.render import render
from services.transcript.view import View

ENTRIES: Final = 20_000
"""More are not set on paper at once."""
PDF_S: Final = 30.0
MEDIA_TYPES: Final = {
    "fountain": "text/plain; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "fdx": "application/xml",
}
"""Every format, and what it is."""


def export(view: View, form: str) -> bytes:
    """The view in one of `MEDIA_TYPES`. Raises `TooLarge`, and `DeadlineExceeded` after `PDF_S`."""
    return _WRITERS[form](view)


def _html(view: View) -> bytes:
    out = io.StringIO()
    html.convert(_play(view), out)
    title = escape(clean(view.title).replace("\n", " ") or "Screenplay")
    head = "<head>", '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    page = out.getvalue().replace(*head, 1).replace("<title>Screenplay</title>", f"<title>{title}</title>", 1)
    return page.encode()


def _pdf(view: View) -> bytes:
    # Loaded only by whoever prints: fonts are not small.
    from services.transcript.screenplay.paper import pdf

    return pdf(_play(view), clean(view.title).replace("\n", " "), time.monotonic() + PDF_S)


def _fdx(view: View) -> bytes:
    out = io.StringIO()
    fdx.to_fdx(_play(view), out)
    return out.getvalue().encode()


def _play(view: View) -> Screenplay:
    if len(view.visible) > ENTRIES:
        raise TooLarge(f"The session has more than {ENTRIES} entries; take it as text.")
    return play_of(view)


_WRITERS: Final[dict[str, Callable[[View], bytes]]] = {
    "fountain": lambda view: render(view).encode("utf-8", "replace"),
    "txt": lambda view: plain_text(view).encode("utf-8", "replace"),
    "html": _html,
    "pdf": _pdf,
    "fdx": _fdx,
}
