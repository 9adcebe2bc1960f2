"""Who is connected."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is connected; comes from the connection alone, never from a request's body."""

    id: str
    role: str
    """player, director or operator."""
    name: str = ""
