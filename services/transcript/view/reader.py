"""Who reads a transcript, and which single facts may reach them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CHARACTER: Final = "character"
OVERSEERS: Final = frozenset({"director", "operator"})
"""Roles that see everything: an operator judges drafts and needs what led to them."""


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a view is folded."""

    role: str
    """director, operator, player or character; any other is treated like a player."""
    member: str = ""
    """Member id: a participant's, or the character's slug."""

    @property
    def oversees(self) -> bool:
        """Sees everything, struck and unheard text included."""
        return self.role in OVERSEERS

    @property
    def is_character(self) -> bool:
        """Is somebody the model plays."""
        return self.role == CHARACTER

    def in_audience(self, audience: Sequence[str] | None) -> bool:
        """Was among those who could perceive it, by the list alone; None = everyone."""
        return audience is None or self.member in audience


DIRECTOR: Final = Reader("director")
"""Sees everything."""
