"""An entry of the log, and what a reader may ask for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from services.core.clock import rfc3339

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
"""From the least to the gravest."""
_COLUMNS: Final = frozenset({"event", "level", "timestamp", "service", "session", "logger"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event."""

    id: int = 0
    """In the order of writing; 0 = not yet written."""
    at_ms: int
    level: str
    service: str
    event: str
    session: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Entry:
        """From what structlog hands to its renderer."""
        try:
            at = datetime.fromisoformat(str(event.get("timestamp", "")))
        except ValueError:
            at = datetime.now(UTC)
        return cls(
            at_ms=int(at.timestamp() * 1000),
            level=str(event.get("level", "info")),
            service=str(event.get("service", ""))[:64],
            event=str(event.get("event", ""))[:500],
            session=str(event.get("session", ""))[:64],
            fields={name: value for name, value in event.items() if name not in _COLUMNS and not name.startswith("_")},
        )

    def fields_json(self) -> str:
        """The fields as they are stored and searched. Raises what `str` of a value raises, and ValueError or TypeError for what is no JSON."""
        return json.dumps(self.fields, ensure_ascii=False, default=str, separators=(",", ":"))

    def to_dict(self) -> dict[str, Any]:
        """As REST shows it."""
        return {
            "id": self.id,
            "at": rfc3339(self.at_ms),
            "level": self.level,
            "service": self.service,
            "event": self.event,
            "session": self.session,
            "fields": dict(self.fields),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A filter; empty fields ask for everything."""

    q: str = ""
    """Words, all of which must be there; the last one may be unfinished."""
    level: str = ""
    """This level and graver ones."""
    service: str = ""
    session: str = ""
    since_ms: int = 0
    until_ms: int = 0
