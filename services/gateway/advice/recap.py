"""Previously on: what happened in a session, from its digests that hold."""

from __future__ import annotations

from typing import Final

import structlog

from services.core.errors import NotFound, SouffleurError
from services.gateway.edge import Edge
from services.gateway.history import History
from services.transcript.view import SummaryEntry, View

_LONGEST: Final = 6_000
"""Code points; a new session takes no longer one as its first digest."""
_PATIENCE_S: Final = 20.0

_log = structlog.get_logger(__name__)


def recap(view: View) -> str:
    """The digests that hold, oldest first; of those that went into a later one only the later one."""
    found = [(frozenset(entry.covers), entry.text) for entry in view.entries if isinstance(entry, SummaryEntry) and not entry.struck]
    whole = [text for at, (covers, text) in enumerate(found) if not any(covers <= other for other, _ in found[at + 1 :]) and not _within(covers, found[:at])]
    text = "\n\n".join(whole)
    # What is nearest in time counts most.
    return text if len(text) <= _LONGEST else f"…{text[1 - _LONGEST :]}"


def _within(covers: frozenset[int], earlier: list[tuple[frozenset[int], str]]) -> bool:
    """A digest for those who did not witness everything; the whole one stands before it."""
    return any(covers < other for other, _ in earlier)


async def previously(edge: Edge, history: History, sid: str) -> str:
    """The recap that a session begins with which continues `sid`: condensed to its end first, where the summarizer is there."""
    if (await history.table(sid)).view.seq == 0:
        raise NotFound("There is no session of that id.")
    try:
        await edge.runtime.summarizer().advise(sid, "summary", _PATIENCE_S)
    except SouffleurError as error:
        # What was condensed before will do.
        _log.warning("recap.not_condensed", session=sid, code=error.code)
    return recap((await history.table(sid)).view)
