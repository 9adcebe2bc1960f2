"""A row of the outbox, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from services.core.model.principal import Principal

TEXT: Final = "text"
"""Travels by the bus and is told to the owner by the corrections service."""
LIVE: Final = "live"
"""Went straight to the owner; stands here so that it is tried again."""
CLASSES: Final = (TEXT, LIVE)
OPEN: Final = "pending"
STATES: Final = (OPEN, "applied", "conflicted", "dead")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One correction or live act."""

    id: str
    session: str
    principal: Principal
    sort: str
    """text or live."""
    kind: str
    body: dict[str, Any] = field(default_factory=dict)
    """text: the body of the fact it becomes; live: the fields of the act."""
    place: str = ""
    base: int = 0
    """The last fact that touched the target, as the director saw it; 0 = the last writer wins."""
    hotwords: tuple[str, ...] = ()
    """Names that hearing is to learn once it is applied."""
    undoes: str = ""
    """The row that this one takes back."""
    number: int = 0
    """In the order of acceptance; 0 = not yet accepted."""
    state: str = OPEN
    seq: int = 0
    """Of the fact it became."""
    detail: str = ""
    """Why it is not applied."""
    current: str = ""
    """conflicted: the wording that stands."""
    attempts: int = 0
    """How often it was begun without an end."""
    due_at_ms: int = 0
    """When it is sent again."""
    created_at_ms: int = 0
    updated_at_ms: int = 0

    @property
    def wanted(self) -> tuple[str, str, dict[str, Any], str, int]:
        """What makes two requests the same one."""
        return self.sort, self.kind, self.body, self.place, self.base


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, the newest first."""

    items: tuple[Row, ...]
    next_number: int | None
    """Rows below this one follow; None = there are none."""
