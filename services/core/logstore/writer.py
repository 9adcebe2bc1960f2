"""Writing the store: one thread takes entries in batches; whoever logs never waits, and what finds no room is counted."""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from services.core.logstore.entry import LEVELS, Entry
from services.core.logstore.schema import opened
from services.core.telemetry import LOG_DROPPED

_ROOM: Final = 8_192
_BATCH: Final = 512
_LINGER_S: Final = 0.2
"""Entries of so long a time go into one transaction."""
_TRIM_S: Final = 60.0
_TRIM_ROWS: Final = 5_000
_CLOSE_S: Final = 5.0
_DAY_MS: Final = 86_400_000


class Writer:
    """A context manager: leaving writes what is queued and ends the thread."""

    def __init__(self, path: Path, *, days: float, rows: int, room: int = _ROOM) -> None:
        """Entries older than `days` and beyond `rows` are removed; `room` is how many may wait."""
        self._path = path
        self._days = days
        self._rows = rows
        self._queue: queue.Queue[Entry | None] = queue.Queue(room)
        self._closing = threading.Event()
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
        """Hand one over; never waits."""
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            LOG_DROPPED.labels("full").inc()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        trimmed_at = float("-inf")
        while (batch := self._batch()) is not None:
            try:
                connection = connection or opened(self._path)
                if batch:
                    _insert(connection, batch)
                if time.monotonic() - trimmed_at >= _TRIM_S:
                    trimmed_at = time.monotonic()
                    self._trim(connection)
            except (sqlite3.Error, OSError):
                # It cannot be logged: that is what has just failed. The counter tells, and the next batch is tried again.
                LOG_DROPPED.labels("failed").inc(len(batch))
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _batch(self) -> list[Entry] | None:
        """What has come meanwhile, waiting a moment for more; None = closed and empty."""
        with contextlib.suppress(queue.Empty):
            found = [self._queue.get(timeout=_TRIM_S)] if not self._closing.is_set() else []
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
        """A bounded piece at a time, so that no reader waits for long."""
        oldest = int(time.time() * 1000 - self._days * _DAY_MS)
        connection.execute("DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE at_ms < ? ORDER BY at_ms LIMIT ?)", (oldest, _TRIM_ROWS))
        newest = connection.execute("SELECT max(id) FROM entries").fetchone()[0] or 0
        connection.execute("DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE id <= ? ORDER BY id LIMIT ?)", (newest - self._rows, _TRIM_ROWS))


def _insert(connection: sqlite3.Connection, batch: list[Entry]) -> None:
    rows = [
        (entry.at_ms, LEVELS.index(entry.level) if entry.level in LEVELS else 1, entry.service, entry.event, entry.session, entry.fields_json())
        for entry in batch
    ]
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany("INSERT INTO entries (at_ms, level, service, event, session, fields) VALUES (?, ?, ?, ?, ?, ?)", rows)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
