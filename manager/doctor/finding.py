"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How good it is."""

    OK = "ok"
    INFO = "info"
    """Not there and not needed."""
    WARNING = "warning"
    """A turn is possible, with less."""
    ERROR = "error"
    """No turn is possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    part: str
    """machine, store, database, stt, llm, tts, page."""
    name: str
    state: State
    detail: str
    remedy: str = ""
    """The one command or change that helps."""
