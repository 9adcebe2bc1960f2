"""Previously on: what happened in a session, from its digests that hold."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

import structlog

from services.core.errors import NotFound, SouffleurError
from services.gateway.edge import Edge
from services.gateway.history import History
from services.transcript.view import Reader, SummaryEntry, View
from services.transcript.view.reader import CHARACTER

_LONGEST: Final = 6_000
"""Code points; a new session takes no longer one as its first digest."""
_PATIENCE_S: Final = 20.0

_log = structlog.get_logger(__name__)


def recap(view: View, shared: AbstractSet[int] | None = None) -> str:
    """The digests that hold (of them those in `shared`), oldest first; of those that went into a later one only the later one."""
    digests = [entry for entry in _digests(view) if shared is None or entry.seq in shared]
    found = [(frozenset(entry.covers), entry.text) for entry in digests]
    whole = [text for at, (covers, text) in enumerate(found) if not any(covers <= other for other, _ in found[at + 1 :]) and not _within(covers, found[:at])]
    text = "\n\n".join(whole)
    # What is nearest in time counts most.
    return text if len(text) <= _LONGEST else f"…{text[1 - _LONGEST :]}"


def _digests(view: View) -> list[SummaryEntry]:
    return [entry for entry in view.entries if isinstance(entry, SummaryEntry) and not entry.struck]


def _within(covers: frozenset[int], earlier: list[tuple[frozenset[int], str]]) -> bool:
    """A digest for those who did not witness everything; the whole one stands before it."""
    return any(covers < other for other, _ in earlier)


async def previously(edge: Edge, history: History, sid: str) -> str:
    """The recap that a session begins with which continues `sid`: condensed to its end first, where the summarizer is there.

    It is told to a whole cast, so it holds nothing that one of the characters there did not know: no whispers, and nothing of another room.
    """
    if (await history.table(sid)).view.seq == 0:
        raise NotFound("There is no session of that id.")
    try:
        await edge.runtime.summarizer().advise(sid, "summary", _PATIENCE_S)
    except SouffleurError as error:
        # What was condensed before will do.
        _log.warning("recap.not_condensed", session=sid, code=error.code)
    view = (await history.table(sid)).view
    return recap(view, await _shared(history, sid, view))


async def _shared(history: History, sid: str, view: View) -> AbstractSet[int] | None:
    """The digests that every character knows who is there, or was, if none is any more; None = there was no character."""
    cast = [member for member in view.members.values() if member.role == CHARACTER]
    present = [member for member in cast if member.present] or cast
    views = [(await history.table(sid, Reader(CHARACTER, member.member))).view for member in present]
    return frozenset.intersection(*(frozenset(entry.seq for entry in _digests(own)) for own in views)) if views else None
