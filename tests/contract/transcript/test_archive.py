"""The archive's contract, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text
from structlog.testing import capture_logs

from services.core.errors import InvalidRequest, SettingsRejected, Unavailable
from services.core.model.fact import Author, Draft, Fact
from services.core.model.facts import Joined, Left, SceneSet
from services.transcript.archive import Archive, CastRow, SessionRow
from services.transcript.database import open_database
from services.transcript.outbox import Outbox
from services.transcript.store import Entry
from tests.unit.services.transcript.drafts import AT_MS, draft, said


@pytest_asyncio.fixture
async def archive(url: str) -> AsyncIterator[Archive]:
    """The archive under test."""
    opened = await Archive.open(url)
    yield opened
    await opened.close()


@pytest.fixture
def sid() -> str:
    """A session that no other test knows."""
    return uuid4().hex


def entries(*drafts: Draft, first: int = 1) -> list[Entry]:
    """Drafts as the stream would hold them."""
    return [Entry(seq, item.key, item.at(seq).to_json()) for seq, item in enumerate(drafts, first)]


def facts(found: list[Entry]) -> list[Fact]:
    """Their facts."""
    return [entry.fact() for entry in found]


async def test_keeps_facts_letter_for_letter(archive: Archive, sid: str) -> None:
    """What was stored is read back exactly: keys, envelopes, scripts, NUL characters, and fields of a newer version."""
    stored = entries(said("u1", "Ünï «да» 好 \u0000 '; --"), said("u2"))
    newer = stored[1].envelope.replace('"v":1', '"v":1,"mood":{"x":[1]}')
    stored[1] = Entry(2, "u2", newer)
    assert await archive.store(sid, stored) == 2
    assert await archive.entries(sid) == stored
    assert await archive.read(sid) == facts(stored)
    assert await archive.mark(sid) == 2


async def test_reads_ranges(archive: Archive, sid: str) -> None:
    """`after`, `upto` and `limit` bound what is read, per session."""
    stored = entries(*(said(f"u{number}") for number in range(1, 11)))
    await archive.store(sid, stored)
    await archive.store(sid + "x", stored[:3])
    assert await archive.read(sid, after=3, upto=7) == facts(stored[3:7])
    assert await archive.read(sid, 8, limit=1) == facts(stored[8:9])
    assert await archive.read("nobody") == []
    assert await archive.mark("nobody") == 0
    assert await archive.session("nobody") is None


async def test_storing_twice_changes_nothing(archive: Archive, sid: str) -> None:
    """A batch may be stored again, whole or in part, and by several at once."""
    stored = entries(*(said(f"u{number}") for number in range(1, 9)))
    with capture_logs() as logs:
        await asyncio.gather(*(archive.store(sid, stored[: 4 + offset]) for offset in range(4)))
        assert await archive.store(sid, stored[2:6]) == 7
        assert await archive.store(sid, stored) == 8
        assert await archive.store(sid, []) == 8
    assert await archive.entries(sid) == stored
    assert logs == []


async def test_the_mark_never_falls_back(archive: Archive, sid: str) -> None:
    """Of two who store the same session at once, the one with less does not undo what the other one has noted."""
    stored = entries(*(said(f"u{number}") for number in range(1, 41)))
    for number in range(12):
        await asyncio.gather(*(archive.store(f"{sid}{number}", stored[:count]) for count in (40, 2, 1, 39)))
        assert await archive.mark(f"{sid}{number}") == 40


async def test_a_different_body_is_an_alarm(archive: Archive, sid: str) -> None:
    """The first version stays, and that another one came is reported without its text."""
    stored = entries(said("u1", "first"), said("u2"))
    await archive.store(sid, stored)
    with capture_logs() as logs:
        await archive.store(sid, entries(said("u1", "second"), said("u2")))
    assert await archive.entries(sid) == stored
    assert logs == [{"event": "archive.mismatch", "log_level": "critical", "session": sid, "seq": 1, "missing": False}]


async def test_a_key_used_twice_is_an_alarm_and_stops_the_mark(archive: Archive, sid: str) -> None:
    """One key has one fact: the second one is not stored, and the mark does not pass the place where it is missing."""
    with capture_logs() as logs:
        assert await archive.store(sid, entries(said("u1"), said("u1"), said("u3"))) == 1
    assert [(log["event"], log["seq"], log["missing"]) for log in logs] == [("archive.mismatch", 2, True)]
    assert [entry.seq for entry in await archive.entries(sid)] == [1, 3]


async def test_the_mark_stops_at_a_gap(archive: Archive, sid: str) -> None:
    """Facts stored ahead do not count until what is missing before them has come."""
    stored = entries(*(said(f"u{number}") for number in range(1, 7)))
    assert await archive.store(sid, stored[3:]) == 0
    assert await archive.store(sid, stored[:3]) == 3
    assert await archive.store(sid, stored[3:]) == 6


async def test_a_session_row_follows_its_facts(archive: Archive, sid: str) -> None:
    """Title, mode, cast, times and head come from the facts; storing old facts again does not turn them back."""
    story = entries(
        draft("a", SceneSet(title="The Ford", mode="approve", heading="INN"), at_ms=AT_MS + 5),
        draft("b", Joined(member="mirelle", role="character", name="Mirelle")),
        draft("c", Joined(member="p-1", role="player", name="Ann"), by=Author("player", "u-1")),
        draft("d", Joined(member="drak", role="character", name="Drak"), at_ms=AT_MS + 900),
    )
    await archive.store(sid, story)
    both = (CastRow("mirelle", "Mirelle"), CastRow("drak", "Drak"))
    expected = SessionRow(
        id=sid,
        title="The Ford",
        mode="approve",
        cast=both,
        created_at_ms=AT_MS + 5,
        active_at_ms=AT_MS + 900,
        head=4,
    )
    assert await archive.session(sid) == expected
    renamed = draft("g", Joined(member="mirelle", role="character", name="Mira"))
    later = entries(draft("e", SceneSet(title="Storm")), draft("f", Left(member="drak")), renamed, first=5)
    await archive.store(sid, later)
    await archive.store(sid, story)
    row = await archive.session(sid)
    assert row is not None
    assert (row.title, row.mode, row.cast, row.head) == ("Storm", "approve", (CastRow("mirelle", "Mira"),), 7)


async def test_an_unreadable_body_is_kept(archive: Archive, sid: str) -> None:
    """Unknown kinds and bodies of another shape are archived like any fact."""
    odd = [
        Draft(key="a", kind="joined", at_ms=AT_MS, by=Author("stage"), body={"who": 1}),
        Draft(key="b", kind="portal_opened", at_ms=AT_MS, by=Author("stage"), body={"to": "x"}),
    ]
    with capture_logs() as logs:
        assert await archive.store(sid, entries(*odd)) == 2
    assert [log["event"] for log in logs] == ["archive.unreadable_body"]
    assert await archive.entries(sid) == entries(*odd)


async def test_lists_sessions_by_last_activity(archive: Archive) -> None:
    """Pages follow each other without a gap, the last active first, also among sessions of the same instant."""
    base = 4_000_000_000_000
    mine = [f"{uuid4().hex}" for _ in range(7)]
    for number, sid in enumerate(mine):
        await archive.store(sid, entries(said("u", at_ms=base + number // 2)))
    expected = [sid for number, sid in sorted(enumerate(mine), key=lambda item: (item[0] // 2, item[1]), reverse=True)]
    found: list[str] = []
    cursor: str | None = None
    while len(found) < 7:
        page = await archive.sessions(3, cursor)
        found += [row.id for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found[:7] == expected


@pytest.mark.parametrize("cursor", ["x", "12", "12:", "9" * 30 + ":a", "１:a"])
async def test_refuses_foreign_cursors(archive: Archive, cursor: str) -> None:
    """A cursor that this list did not give out is a bad request."""
    with pytest.raises(InvalidRequest):
        await archive.sessions(3, cursor)


async def test_several_processes_may_open_it_at_once(url: str, sid: str) -> None:
    """Migrations run once, whoever comes first; opening again changes nothing that is stored."""
    opened = await asyncio.gather(*(Archive.open(url) for _ in range(4)))
    try:
        await opened[0].store(sid, entries(said("u1")))
        assert [await archive.mark(sid) for archive in opened] == [1] * 4
    finally:
        for archive in opened:
            await archive.close()
    again = await Archive.open(url)
    assert await again.mark(sid) == 1
    await again.close()


@pytest.mark.nightly
async def test_a_new_file_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    """Turning a new file to write-ahead and making its tables does not fail when others do the same at that moment."""
    for number in range(15):
        opened = await asyncio.gather(*(Archive.open(f"sqlite:///{tmp_path}/{number}.sqlite3") for _ in range(6)))
        for archive in opened:
            await archive.close()


async def test_databases_of_several_kinds_may_be_opened_at_once(tmp_path: Path) -> None:
    """The services of a process do not wait for each other's start, and what runs their migrations is one for all of them."""
    for number in range(12):
        archive, outbox = await asyncio.gather(Archive.open(f"sqlite:///{tmp_path}/a{number}.sqlite3"), Outbox.open(f"sqlite:///{tmp_path}/o{number}.sqlite3"))
        await archive.close()
        await outbox.close()


async def test_sqlite_is_opened_durably(tmp_path: Path) -> None:
    """SQLite writes ahead and syncs at every commit."""
    engine = await open_database(f"sqlite:///{tmp_path}/a.sqlite3")
    async with engine.connect() as connection:
        assert await connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert await connection.scalar(text("PRAGMA synchronous")) == 2
    await engine.dispose()


@pytest.mark.parametrize("url", ["", "no url", "mysql://x/y", "sqlite://", "sqlite:///:memory:"])
async def test_refuses_other_databases(url: str) -> None:
    """Anything but an SQLite file or PostgreSQL is a fault of the settings."""
    with pytest.raises(SettingsRejected):
        await Archive.open(url)


async def test_a_database_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    """A file that is no database, and a folder that cannot be written, say `Unavailable`."""
    (tmp_path / "text").write_text("this is not a database at all" * 100)
    for bad in (tmp_path / "text", tmp_path / "text" / "a.sqlite3"):
        with pytest.raises(Unavailable):
            await Archive.open(f"sqlite:///{bad}")


async def test_a_failing_statement_does_not_repeat_what_was_said(archive: Archive, sid: str) -> None:
    """A database that breaks under us is `Unavailable`, and no text of a fact stands in the error or its causes."""
    async with archive._engine.begin() as connection:
        await connection.execute(text("ALTER TABLE facts RENAME TO hidden"))
    try:
        with pytest.raises(Unavailable) as failure:
            await archive.store(sid, entries(said("u1", "canary")))
    finally:
        async with archive._engine.begin() as connection:
            await connection.execute(text("ALTER TABLE hidden RENAME TO facts"))
    error: BaseException | None = failure.value
    while error is not None:
        assert "canary" not in str(error)
        error = error.__cause__
    assert await archive.store(sid, entries(said("u1", "canary"))) == 1


def test_the_tables_match_the_migrations(tmp_path: Path) -> None:
    """A database that the migrations made has exactly the tables that the code declares."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine

    from services.transcript.tables import metadata

    path = tmp_path / "m.sqlite3"

    async def make() -> None:
        await (await open_database(f"sqlite:///{path}")).dispose()

    asyncio.run(make())
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        # The full-text index of SQLite is several tables, which no code of ours declares.
        ours = {"include_name": lambda name, kind, _: kind != "table" or not str(name).startswith("memory_terms")}
        assert compare_metadata(MigrationContext.configure(connection, opts=ours), metadata) == []
    engine.dispose()
