"""Writing the store: one thread takes entries in batches; whoever logs never waits, and what finds no room is counted."""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import structlog

from services.core.logstore.entry import LEVELS, Entry
from services.core.logstore.schema import opened
from services.core.telemetry import LOG_DROPPED

_ROOM: Final = 8_192
_BATCH: Final = 512
_LINGER_S: Final = 0.2
"""Entries of so long a time go into one transaction."""
_TRIM_S: Final = 60.0
_TRIM_ROWS: Final = 5_000
"""Removed at a time; and so many new ones make it time again."""
_CLOSE_S: Final = 5.0
_TELL_S: Final = 60.0
_DAY_MS: Final = 86_400_000

_log = structlog.get_logger(__name__)

_Row = tuple[Any, ...]


class Writer:
    """A context manager: leaving writes what is queued and ends the thread."""

    def __init__(self, path: Path, *, days: float, rows: int, room: int = _ROOM) -> None:
        """Entries older than `days` and beyond `rows` are removed; `room` is how many may wait."""
        self._path = path
        self._days = days
        self._rows = rows
        self._queue: queue.Queue[Entry | None] = queue.Queue(room)
        self._closing = threading.Event()
        self._told_at = self._trimmed_at = float("-inf")
        self._since = 0
        """Entries written since the last trim."""
        self._behind = False
        """The last trim did not come to its end."""
        self._thread = threading.Thread(target=self._run, name="log-store", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        # Wakes it up; if there is no room for that it is awake.
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(_CLOSE_S)

    def put(self, entry: Entry) -> None:
        """Hand one over; never waits. What the writing thread itself has to tell is not for the store, which has just failed."""
        if threading.current_thread() is self._thread:
            return
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            LOG_DROPPED.labels("full").inc()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while (batch := self._batch()) is not None:
            rows = self._rows_of(batch)
            try:
                connection = connection or opened(self._path)
                if rows:
                    _insert(connection, rows)
                self._since += len(rows)
                rows = []
                if self._behind or self._since >= _TRIM_ROWS or time.monotonic() - self._trimmed_at >= _TRIM_S:
                    self._trim(connection)
            except Exception as error:
                # Whatever it is: this thread is the only one, and the next batch is tried again.
                self._lost(len(rows), error)
                _closed(connection)
                connection = None
        _closed(connection)

    def _rows_of(self, batch: list[Entry]) -> list[_Row]:
        """As they are stored; one that cannot be is lost alone."""
        rows: list[_Row] = []
        for entry in batch:
            try:
                rows.append(_row(entry))
            except Exception as error:
                # A field may be anything, and fail in any way when it is written out.
                self._lost(1, error)
        return rows

    def _lost(self, entries: int, error: Exception) -> None:
        """Counted every time, told once in a while: to stderr, since the store is what fails."""
        LOG_DROPPED.labels("failed").inc(entries)
        now = time.monotonic()
        if now - self._told_at < _TELL_S:
            return
        self._told_at = now
        # Nobody is left to tell if stderr is closed too.
        with contextlib.suppress(OSError, ValueError):
            _log.warning("logstore.failed", entries=entries, reason=type(error).__name__)

    def _batch(self) -> list[Entry] | None:
        """What has come meanwhile, waiting a moment for more; None = closed and empty."""
        with contextlib.suppress(queue.Empty):
            found = [self._queue.get(timeout=_LINGER_S if self._behind else _TRIM_S)] if not self._closing.is_set() else []
            self._closing.wait(_LINGER_S)
            while len(found) < _BATCH:
                try:
                    found.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            batch = [entry for entry in found if entry is not None]
            return None if not batch and self._closing.is_set() else batch
        return []

    def _trim(self, connection: sqlite3.Connection) -> None:
        """A bounded piece at a time, so that no reader waits for long; the next one behind the next batch, as long as one is full."""
        self._trimmed_at, self._since, self._behind = time.monotonic(), 0, False
        oldest = int(time.time() * 1000 - self._days * _DAY_MS)
        aged = connection.execute("DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE at_ms < ? ORDER BY at_ms LIMIT ?)", (oldest, _TRIM_ROWS))
        newest = connection.execute("SELECT max(id) FROM entries").fetchone()[0] or 0
        beyond = connection.execute(
            "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE id <= ? ORDER BY id LIMIT ?)", (newest - self._rows, _TRIM_ROWS)
        )
        self._behind = max(aged.rowcount, beyond.rowcount) >= _TRIM_ROWS


def _row(entry: Entry) -> _Row:
    texts = (entry.service, entry.event, entry.session, entry.fields_json())
    # Half a surrogate pair has no UTF-8.
    whole = (text.encode("utf-8", "replace").decode() for text in texts)
    return (entry.at_ms, LEVELS.index(entry.level) if entry.level in LEVELS else 1, *whole)


def _closed(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        with contextlib.suppress(sqlite3.Error):
            connection.close()


def _insert(connection: sqlite3.Connection, rows: list[_Row]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany("INSERT INTO entries (at_ms, level, service, event, session, fields) VALUES (?, ?, ?, ?, ?, ?)", rows)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
