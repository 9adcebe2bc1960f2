"""The log store: structured log entries in SQLite, searchable, kept for as long as the settings say."""

from services.core.logstore.entry import LEVELS, Entry, Wanted
from services.core.logstore.reading import newer, older, path_of
from services.core.logstore.writer import Writer

__all__ = ["LEVELS", "Entry", "Wanted", "Writer", "newer", "older", "path_of"]
