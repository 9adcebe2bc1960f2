"""The store's file: one table, and an index of its words that follows it by triggers."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

_BUSY_S: Final = 5.0
VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE entries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, level INTEGER NOT NULL,
  service TEXT NOT NULL, event TEXT NOT NULL, session TEXT NOT NULL, fields TEXT NOT NULL
);
CREATE INDEX entries_at ON entries (at_ms);
CREATE INDEX entries_session ON entries (session, id) WHERE session != '';
CREATE VIRTUAL TABLE words USING fts5 (event, fields, content='entries', content_rowid='id', tokenize='unicode61');
CREATE TRIGGER entries_added AFTER INSERT ON entries BEGIN
  INSERT INTO words (rowid, event, fields) VALUES (new.id, new.event, new.fields);
END;
CREATE TRIGGER entries_removed AFTER DELETE ON entries BEGIN
  INSERT INTO words (words, rowid, event, fields) VALUES ('delete', old.id, old.event, old.fields);
END;
"""


def opened(path: Path) -> sqlite3.Connection:
    """The store for writing, made if it is not there. Several processes may have it open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # Entries of the last moment may be lost with the power, never with the process.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in _statements():
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _statements() -> list[str]:
    """`executescript` would end the transaction."""
    found, part = [], ""
    for line in _SCHEMA.strip().splitlines():
        part += f"{line}\n"
        if sqlite3.complete_statement(part):
            found.append(part)
            part = ""
    return found
