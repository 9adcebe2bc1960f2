"""The outbox: what a director has asked for, from the moment it is accepted until it is known what became of it."""

from services.transcript.outbox.row import CLASSES, OPEN, STATES, Page, Row
from services.transcript.outbox.store import Outbox

__all__ = ["CLASSES", "OPEN", "STATES", "Outbox", "Page", "Row"]
