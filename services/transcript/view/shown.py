"""What a reader sees of an entry that it could perceive."""

from __future__ import annotations

from dataclasses import replace

from services.core.model.fact import Author
from services.transcript.view import entries as seen
from services.transcript.view.entries import Entry, LineEntry, MovedEntry, SentenceEntry, Slot
from services.transcript.view.reader import OVERSEERS, Reader

_PRIVATE = (seen.NoteEntry, seen.RecommendationEntry, seen.PassedEntry, seen.RevealEntry)
_CHARACTERS = (seen.SummaryEntry, seen.WhisperEntry)
_UNSTRIKABLE = (seen.JoinEntry, seen.LeaveEntry, seen.DegradedEntry)


def shown(entry: Slot, reader: Reader) -> Entry | None:
    """The entry as this reader sees it; None = not at all. Those who oversee see it whole."""
    if isinstance(entry, MovedEntry):
        return None
    if reader.oversees:
        return entry
    if isinstance(entry, LineEntry):
        return _line(entry, reader)
    if isinstance(entry, _PRIVATE) or (isinstance(entry, _CHARACTERS) and not reader.is_character):
        return None
    if isinstance(entry, _UNSTRIKABLE):
        return entry
    if isinstance(entry, seen.SaidEntry) and entry.original is not None:
        entry = replace(entry, original=None)
    return None if entry.struck else entry


def _line(line: LineEntry, reader: Reader) -> LineEntry | None:
    """Only what was heard; of an open line nobody but its speaker knows, and it knows no more than that it is speaking."""
    if line.is_open:
        own = reader.is_character and reader.member == line.character
        return replace(_outside(line), sentences=()) if own and not line.struck else None
    if not line.reason and all(item.heard == "all" and item.original is None and not item.struck for item in line.sentences):
        return _outside(line) if line.sentences else None
    heard = tuple(_heard(item) for item in line.sentences if item.heard != "none" and not item.struck)
    return replace(_outside(line), sentences=heard, reason="") if heard else None


def _outside(line: LineEntry) -> LineEntry:
    """Without what was done behind the scenes: the first draft, who put the words into whose mouth, what they cost."""
    if line.original is None and not line.tokens and not line.cost and line.by.role not in OVERSEERS:
        return line
    by = Author("character", line.character, line.name) if line.by.role in OVERSEERS else line.by
    mode = "auto" if line.mode == "puppet" else line.mode
    return replace(line, original=None, reworded_by=None, tokens=(), cost=0.0, by=by, mode=mode)


def _heard(sentence: SentenceEntry) -> SentenceEntry:
    if sentence.heard == "all":
        return sentence if sentence.original is None else replace(sentence, original=None)
    return replace(sentence, text=sentence.heard_text, tagged=sentence.heard_text, original=None)
