"""Rows and dead letters as REST shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.core.bus.corrections import DeadLetter
from services.transcript.outbox import Row


def shown(row: Row) -> dict[str, Any]:
    """A correction or a live act, and what became of it."""
    return {
        "id": row.id,
        "session": row.session,
        "class": row.sort,
        "kind": row.kind,
        "state": row.state,
        "seq": row.seq,
        "detail": row.detail,
        "current": row.current,
        "body": row.body,
        "place": row.place,
        "base": row.base,
        "undoes": row.undoes,
        "by": {"id": row.principal.id, "role": row.principal.role, "name": row.principal.name},
        "created_at": rfc3339(row.created_at_ms),
        "updated_at": rfc3339(row.updated_at_ms),
    }


def dead_shown(dead: DeadLetter, row: Row | None) -> dict[str, Any]:
    """A dead letter, with the row it speaks of."""
    return {
        "id": dead.letter.id,
        "attempts": dead.attempts,
        "reason": dead.reason,
        "at": rfc3339(dead.at_ms),
        "correction": None if row is None else shown(row),
    }


def rfc3339(at_ms: int) -> str:
    """As everywhere in REST."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
