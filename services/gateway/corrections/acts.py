"""Live acts as rows of the outbox, and back."""

from __future__ import annotations

from typing import Final

from services.core.model.desk import ActRequest
from services.transcript.outbox import Row

LASTING: Final = frozenset({"halt", "resume", "mute", "unmute", "mode", "deliver"})
"""Acts that lay something down until it is changed; the others mean a moment."""
OPPOSITES: Final = {"halt": "resume", "resume": "halt", "mute": "unmute", "unmute": "mute"}
_SUBJECTS: Final = {"halt": "silence", "resume": "silence", "mute": "mute", "unmute": "mute"}


def request_of(row: Row) -> ActRequest:
    """As the owner is asked."""
    return ActRequest(session=row.session, principal=row.principal, act=row.id, kind=row.kind, place=row.place, **row.body)


def subject_of(row: Row) -> tuple[str, ...]:
    """What a lasting act decides; of two with the same subject the later one counts. A fleeting act shares its subject with nobody."""
    if row.kind not in LASTING:
        return (row.id,)
    return _SUBJECTS.get(row.kind, row.kind), str(row.body.get("character", "")), str(row.body.get("platform", ""))
