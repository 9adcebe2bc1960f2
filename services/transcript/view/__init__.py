"""The view of a transcript for one reader: `fold(facts, reader)`, then `view.advance(facts)`."""

from services.transcript.view.aside import advanced
from services.transcript.view.entries import (
    DegradedEntry,
    Entry,
    Heard,
    JoinEntry,
    LeaveEntry,
    LineEntry,
    Member,
    Note,
    NoteEntry,
    PassedEntry,
    RecommendationEntry,
    RevealEntry,
    RollEntry,
    SaidEntry,
    SceneEntry,
    SentenceEntry,
    SummaryEntry,
    WhisperEntry,
    joined,
)
from services.transcript.view.fold import View, fold
from services.transcript.view.reader import DIRECTOR, Reader
from services.transcript.view.redaction import redacted

__all__ = [
    "DIRECTOR",
    "DegradedEntry",
    "Entry",
    "Heard",
    "JoinEntry",
    "LeaveEntry",
    "LineEntry",
    "Member",
    "Note",
    "NoteEntry",
    "PassedEntry",
    "Reader",
    "RecommendationEntry",
    "RevealEntry",
    "RollEntry",
    "SaidEntry",
    "SceneEntry",
    "SentenceEntry",
    "SummaryEntry",
    "View",
    "WhisperEntry",
    "advanced",
    "fold",
    "joined",
    "redacted",
]
