"""Reading the store: filtered pages, from the newest back or from an entry on. These block; call them in a thread."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from services.core.errors import InvalidRequest, SettingsRejected, Unavailable
from services.core.logstore.entry import LEVELS, Entry, Wanted

_BUSY_S: Final = 2.0
_LONGEST_QUERY: Final = 500
_SCHEMES: Final = ("sqlite+aiosqlite:///", "sqlite:///")


def path_of(url: str) -> Path:
    """The file of a store's URL. Raises `SettingsRejected` for another kind of database."""
    for scheme in _SCHEMES:
        if url.startswith(scheme):
            return Path(url.removeprefix(scheme))
    raise SettingsRejected("database.logs: the log store is an SQLite file, sqlite:////path/to/logs.sqlite3")


def older(path: Path, wanted: Wanted, before: int | None, limit: int) -> list[Entry]:
    """Entries below `before` (None = the newest), the newest first. Raises `InvalidRequest` or `Unavailable`."""
    more = [] if before is None else [("e.id < ?", before)]
    return _select(path, wanted, more, "DESC", limit)


def newer(path: Path, wanted: Wanted, after: int, limit: int) -> list[Entry]:
    """Entries above `after` in order. Raises `InvalidRequest` or `Unavailable`."""
    return _select(path, wanted, [("e.id > ?", after)], "ASC", limit)


def _select(path: Path, wanted: Wanted, more: list[tuple[str, Any]], order: str, limit: int) -> list[Entry]:
    conditions = [*_conditions(wanted), *more]
    where = " AND ".join(text for text, _ in conditions) or "1"
    # Named here and never by a request: nothing of a request stands in the text of a query.
    query = f"SELECT e.id, e.at_ms, e.level, e.service, e.event, e.session, e.fields FROM entries e WHERE {where} ORDER BY e.id {order} LIMIT ?"  # noqa: S608
    with _reading(path) as connection:
        if connection is None:
            return []
        rows = connection.execute(query, [*(value for _, value in conditions), limit]).fetchall()
    return [
        Entry(id=row[0], at_ms=row[1], level=LEVELS[row[2]], service=row[3], event=row[4], session=row[5], fields=json.loads(row[6], parse_constant=str))
        for row in rows
    ]


def _conditions(wanted: Wanted) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    if wanted.level:
        if wanted.level not in LEVELS:
            raise InvalidRequest(f"A level is one of {', '.join(LEVELS)}.")
        found.append(("e.level >= ?", LEVELS.index(wanted.level)))
    if wanted.service:
        found.append(("e.service = ?", wanted.service))
    if wanted.session:
        found.append(("e.session = ?", wanted.session))
    if wanted.since_ms:
        found.append(("e.at_ms >= ?", wanted.since_ms))
    if wanted.until_ms:
        found.append(("e.at_ms <= ?", wanted.until_ms))
    if match := _match(wanted.q):
        found.append(("e.id IN (SELECT rowid FROM words WHERE words MATCH ?)", match))
    return found


def _match(q: str) -> str:
    """Words as FTS5 takes them: each one in quotes, so that none is an operator; the last one may go on."""
    if len(q) > _LONGEST_QUERY:
        raise InvalidRequest(f"A search has at most {_LONGEST_QUERY} characters.")
    words = [word.replace('"', '""') for word in q.replace("\0", " ").split() if any(letter.isalnum() for letter in word)]
    return " ".join(f'"{word}"' for word in words) + "*" if words else ""


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The store, read-only; None where nothing was written yet."""
    if not path.exists():
        yield None
        return
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)
        try:
            made = bool(connection.execute("PRAGMA user_version").fetchone()[0])
            yield connection if made else None
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise Unavailable(f"the log store cannot be read: {error}") from error
