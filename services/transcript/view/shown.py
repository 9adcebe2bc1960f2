"""What a reader sees of an entry that it could perceive."""

from __future__ import annotations

from dataclasses import replace

from services.transcript.view import entries as seen
from services.transcript.view.entries import Entry, LineEntry, SentenceEntry
from services.transcript.view.reader import Reader

_PRIVATE = (seen.NoteEntry, seen.RecommendationEntry, seen.PassedEntry)
_CHARACTERS = (seen.SummaryEntry, seen.WhisperEntry)
_UNSTRIKABLE = (seen.JoinEntry, seen.LeaveEntry, seen.DegradedEntry)


def shown(entry: Entry, reader: Reader) -> Entry | None:
    """The entry as this reader sees it; None = not at all. Those who oversee see it whole."""
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
        return replace(line, sentences=()) if own and not line.struck else None
    if not line.reason and all(item.heard == "all" and item.original is None and not item.struck for item in line.sentences):
        return line if line.sentences else None
    heard = tuple(_heard(item) for item in line.sentences if item.heard != "none" and not item.struck)
    return replace(line, sentences=heard, reason="") if heard else None


def _heard(sentence: SentenceEntry) -> SentenceEntry:
    if sentence.heard == "all":
        return sentence if sentence.original is None else replace(sentence, original=None)
    return replace(sentence, text=sentence.heard_text, tagged=sentence.heard_text, original=None)
