"""The log store: written in a thread, searched by words, kept for as long as it may be, and never in anybody's way."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from services.core import logs
from services.core.errors import SettingsRejected, Unavailable
from services.core.logstore import Entry, Wanted, Writer, newer, older, path_of
from services.core.settings import TelemetrySettings
from services.core.telemetry import LOG_DROPPED

_NOW = int(time.time() * 1000)


def _entry(event: str, **fields: object) -> Entry:
    level, at = str(fields.pop("level", "info")), fields.pop("at_ms", _NOW)
    service, session = str(fields.pop("service", "stage")), str(fields.pop("session", ""))
    assert isinstance(at, int)
    return Entry(at_ms=at, level=level, service=service, session=session, event=event, fields=fields)


def _write(path: Path, *entries: Entry, days: float = 14, rows: int = 10_000) -> None:
    with Writer(path, days=days, rows=rows) as writer:
        for entry in entries:
            writer.put(entry)


def _until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 10
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_what_was_written_is_found_by_words_filters_and_pages(tmp_path: Path) -> None:
    store = tmp_path / "logs.sqlite3"
    _write(
        store,
        _entry("line.failed", level="error", session="s1", code="engine_failed"),
        _entry("llm.fell_back", service="llm", level="warning", engine="groq", next="ollama"),
        _entry("settings.changed", version=3),
        _entry("харчевня.открыта", имя="Мирель", at_ms=_NOW - 1000),
    )
    everything = older(store, Wanted(), None, 100)
    assert [entry.event for entry in everything] == ["харчевня.открыта", "settings.changed", "llm.fell_back", "line.failed"]
    assert [entry.event for entry in older(store, Wanted(q="groq oll"), None, 9)] == ["llm.fell_back"]
    assert [entry.event for entry in older(store, Wanted(q="llm.fell_back"), None, 9)] == ["llm.fell_back"]
    assert [entry.event for entry in older(store, Wanted(q="МИРЕЛЬ"), None, 9)] == ["харчевня.открыта"]
    assert [entry.event for entry in older(store, Wanted(level="warning"), None, 9)] == ["llm.fell_back", "line.failed"]
    assert [entry.event for entry in older(store, Wanted(service="llm"), None, 9)] == ["llm.fell_back"]
    assert [entry.event for entry in older(store, Wanted(session="s1"), None, 9)] == ["line.failed"]
    assert [entry.event for entry in older(store, Wanted(until_ms=_NOW - 500), None, 9)] == ["харчевня.открыта"]
    first, second = older(store, Wanted(), None, 2), older(store, Wanted(), everything[1].id, 2)
    assert first + second == everything
    assert newer(store, Wanted(), everything[2].id, 9) == [everything[1], everything[0]]
    assert dict(everything[2].fields) == {"engine": "groq", "next": "ollama"}


@pytest.mark.parametrize("q", ['"', "OR NOT", "a* OR (", "event:line", "--", "' ; DROP TABLE entries", "NEAR(", "\0"])
def test_a_search_is_words_and_never_a_query(tmp_path: Path, q: str) -> None:
    store = tmp_path / "logs.sqlite3"
    _write(store, _entry("one"))
    older(store, Wanted(q=q), None, 9)
    assert len(older(store, Wanted(), None, 9)) == 1


def test_old_entries_and_those_beyond_the_limit_go_with_their_words(tmp_path: Path) -> None:
    store = tmp_path / "logs.sqlite3"
    _write(store, _entry("ancient", at_ms=_NOW - 3 * 86_400_000), *(_entry(f"event.n{number}") for number in range(30)), days=2, rows=10)
    _write(store, _entry("last"), days=2, rows=10)
    left = older(store, Wanted(), None, 100)
    assert len(left) == 10
    assert left[0].event == "last"
    assert older(store, Wanted(q="ancient"), None, 9) == older(store, Wanted(q="n3"), None, 9) == []
    with sqlite3.connect(store) as connection:
        connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")


@pytest.mark.parametrize("age_days", [0, 3])
def test_a_store_that_is_written_fast_stays_within_its_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age_days: int) -> None:
    """What is removed at a time is little; it goes on until nothing is left to remove, whether more is written or not."""
    monkeypatch.setattr("services.core.logstore.writer._TRIM_ROWS", 20)
    monkeypatch.setattr("services.core.logstore.writer._LINGER_S", 0.01)
    store = tmp_path / "logs.sqlite3"
    with Writer(store, days=2, rows=30) as writer:
        for number in range(300):
            writer.put(_entry(f"event.n{number}", at_ms=_NOW - age_days * 86_400_000))
        _until(store.exists)
        writer.put(_entry("last"))
        _until(lambda: bool(left := older(store, Wanted(), None, 400)) and len(left) <= 30 and left[0].event == "last")


def test_what_finds_no_room_is_counted_and_nobody_waits(tmp_path: Path) -> None:
    dropped = LOG_DROPPED.labels("full")._value.get()
    writer = Writer(tmp_path / "logs.sqlite3", days=1, rows=1000, room=5)
    for number in range(8):
        writer.put(_entry(f"e{number}"))
    assert LOG_DROPPED.labels("full")._value.get() == dropped + 3


def test_a_store_that_cannot_be_written_is_counted_and_tried_again(tmp_path: Path) -> None:
    store = tmp_path / "here" / "logs.sqlite3"
    (tmp_path / "here").write_text("a file where a folder should be")
    failed = LOG_DROPPED.labels("failed")._value.get()
    with Writer(store, days=1, rows=1000) as writer:
        writer.put(_entry("lost"))
        _until(lambda: LOG_DROPPED.labels("failed")._value.get() == failed + 1)
        (tmp_path / "here").unlink()
        writer.put(_entry("kept"))
        _until(lambda: store.exists() and bool(older(store, Wanted(), None, 9)))
    assert [entry.event for entry in older(store, Wanted(), None, 9)] == ["kept"]


def test_a_store_that_is_no_store_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "logs.sqlite3"
    broken.write_text("no database at all, and long enough to be looked at as one" * 50)
    with pytest.raises(Unavailable):
        older(broken, Wanted(), None, 9)
    assert older(tmp_path / "none.sqlite3", Wanted(), None, 9) == []
    with pytest.raises(SettingsRejected):
        path_of("postgresql+asyncpg://host/logs")


def test_the_settings_of_a_process_fill_its_store(tmp_path: Path, restored_logging: None) -> None:
    settings = TelemetrySettings(log_level="info")
    logs.configure(settings)
    with logs.stored(f"sqlite+aiosqlite:///{tmp_path}/logs.sqlite3", settings):
        log = structlog.get_logger("services.tts.line")
        log.debug("not.this")
        log.info("voice.opened", session="s9", engine="espeak")
    structlog.get_logger("services.tts.line").info("not.any.more")
    (entry,) = older(tmp_path / "logs.sqlite3", Wanted(), None, 9)
    assert (entry.service, entry.event, entry.session, entry.level, dict(entry.fields)) == ("tts", "voice.opened", "s9", "info", {"engine": "espeak"})


class _Unsayable:
    def __str__(self) -> str:
        raise RuntimeError


def test_what_cannot_be_written_as_it_is_does_not_end_the_log(tmp_path: Path) -> None:
    """Half a surrogate pair is replaced, an entry that cannot be written out is lost alone, a batch that fails is counted; the thread goes on."""
    store = tmp_path / "logs.sqlite3"
    failed = LOG_DROPPED.labels("failed")._value.get()
    with Writer(store, days=1, rows=1000) as writer:
        writer.put(_entry("half.\udc80", said="\ud83d", service="st\ud800", **{"na\udfffme": 1}))
        writer.put(_entry("not.text", odd=_Unsayable()))
        _until(lambda: store.exists() and bool(older(store, Wanted(), None, 9)))
        assert LOG_DROPPED.labels("failed")._value.get() == failed + 1
        writer.put(_entry("too.late", at_ms=2**63))
        _until(lambda: LOG_DROPPED.labels("failed")._value.get() == failed + 2)
        writer.put(_entry("kept", odd=float("nan")))
        _until(lambda: len(older(store, Wanted(), None, 9)) > 1)
    kept, half = older(store, Wanted(), None, 9)
    assert (kept.event, dict(kept.fields)) == ("kept", {"odd": "NaN"})
    assert (half.event, half.service, dict(half.fields)) == ("half.?", "st?", {"said": "?", "na?me": 1})


def test_a_store_that_fails_is_told_once_and_not_to_itself(tmp_path: Path, restored_logging: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Each entry that is lost is one entry, not two."""
    (tmp_path / "here").write_text("a file where a folder should be")
    failed = LOG_DROPPED.labels("failed")._value.get()
    settings = TelemetrySettings(log_level="info")
    logs.configure(settings)
    with logs.stored(f"sqlite:///{tmp_path}/here/logs.sqlite3", settings):
        for number in range(1, 4):
            structlog.get_logger("services.tts.line").info("voice.opened")
            _until(lambda: LOG_DROPPED.labels("failed")._value.get() >= failed + number)  # noqa: B023 - called at once
    assert LOG_DROPPED.labels("failed")._value.get() == failed + 3
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "logstore.failed" in line]
    assert [(entry["service"], entry["entries"], entry["reason"]) for entry in told] == [("core", 1, "FileExistsError")]
