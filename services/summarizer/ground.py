"""What every piece of work stands on, and what the director's wish comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from services.core.calm import Calm
from services.core.clock import Clock
from services.core.settings import SummarizerSettings
from services.summarizer.asking import Counsel, Models
from services.summarizer.record import Record
from services.summarizer.teller import Teller


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The owner, the models, the settings in force and the time."""

    teller: Teller
    models: Models
    settings: Callable[[], SummarizerSettings]
    clock: Clock
    calm: Calm = field(default_factory=Calm)
    """Every piece of work begins when no turn is being answered."""

    def counsel(self, record: Record) -> Counsel:
        """The models, as this session may ask them."""
        return Counsel(self.models, record.sid, self.settings())


@dataclass(slots=True)
class Outcome:
    """What the director's wish came to."""

    summary: int = 0
    recommendations: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    until: float | None = None
    """By the clock: whoever wished for a digest waits no longer; then it is extracted."""
