"""The archive: every fact in SQL for good, and one row per session that says what it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.core.errors import InvalidRequest
from services.core.model.fact import Fact, Kind
from services.core.model.facts import Joined, Left, SceneSet, body_of
from services.transcript.database import database_errors, forget_pages, forget_terms, open_database
from services.transcript.erasing import erased_by, tombstone
from services.transcript.store import Entry
from services.transcript.tables import facts as _facts
from services.transcript.tables import memories as _memories
from services.transcript.tables import sessions as _sessions

_LARGEST_PAGE: Final = 500
_CHANGE: Final = update(_sessions).where(_sessions.c.id == bindparam("of"))

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CastRow:
    """One character of a session."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """What the list of sessions shows; kept up from the facts, in the transaction that stores them."""

    id: str
    title: str = ""
    mode: str = "auto"
    cast: tuple[CastRow, ...] = ()
    """Characters present, in order of entry."""
    created_at_ms: int
    active_at_ms: int
    head: int = 0
    """Everything up to this seq is archived."""


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Sessions, the last active first."""

    items: tuple[SessionRow, ...]
    next_cursor: str | None
    """For the next page; None = there is none."""


class Archive:
    """Facts and sessions in SQLite or PostgreSQL. Every method raises `Unavailable` when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        """`engine` is one that `database.open_database` made."""
        self._engine = engine
        insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        self._add_facts = insert(_facts).on_conflict_do_nothing()
        self._add_session = insert(_sessions).on_conflict_do_nothing()

    @classmethod
    async def open(cls, url: str) -> Archive:
        """Open the database at `url` (SQLAlchemy's form) and bring it up to date."""
        return cls(await open_database(url))

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()

    async def store(self, sid: str, entries: Sequence[Entry]) -> int:
        """Keep `entries`; the mark behind them. Storing again what is there changes nothing.

        An entry that is there with other content is left as it is and reported as an alarm. What an `erased` among them names is
        overwritten in the same transaction.
        """
        return (await self.store_all({sid: entries}))[sid] if entries else await self.mark(sid)

    async def store_all(self, parts: Mapping[str, Sequence[Entry]]) -> dict[str, int]:
        """As `store`, for many sessions in one transaction, which is one fsync: session -> mark. No part may be empty."""
        # In one order everywhere: two processes that store the same sessions wait for each other, and never crosswise.
        read = {sid: [(entry, entry.fact()) for entry in parts[sid]] for sid in sorted(parts)}
        rows = [
            {"session": sid, "seq": entry.seq, "key": entry.key, "kind": str(fact.kind), "at_ms": fact.at_ms, "envelope": entry.envelope}
            for sid, pairs in read.items()
            for entry, fact in pairs
        ]
        async with database_errors(), self._engine.begin() as connection:
            # A change first: SQLite then waits for its turn to write, instead of failing to turn a reader into a writer.
            added = (await connection.execute(self._add_facts, rows)).rowcount
            before = await self._sessions(connection, {sid: pairs[0][1] for sid, pairs in read.items()})
            after: dict[str, SessionRow] = {}
            for sid, pairs in read.items():
                # Where every row was new, what is kept is what was given.
                kept = pairs if added == len(rows) else await _kept(connection, sid, parts[sid])
                after[sid] = _advanced(before[sid], kept)
            erased = [await _bury(connection, sid, seqs) for sid, entries in parts.items() if (seqs := [seq for item in entries for seq in erased_by(item)])]
            if changed := [{"of": sid, **_row_values(row)} for sid, row in after.items() if row != before[sid]]:
                await connection.execute(_CHANGE, changed)
        if erased:
            await forget_pages(self._engine)
        return {sid: row.head for sid, row in after.items()}

    async def _sessions(self, connection: AsyncConnection, firsts: Mapping[str, Fact]) -> dict[str, SessionRow]:
        """The rows of these sessions, locked; made where there is none yet."""
        found = await _locked(connection, list(firsts))
        if missing := [_row_values(_blank(sid, first)) for sid, first in firsts.items() if sid not in found]:
            await connection.execute(self._add_session, missing)
            found |= await _locked(connection, [str(row["id"]) for row in missing])
        return found

    async def mark(self, sid: str) -> int:
        """Seq up to which every fact is archived; 0 if none is."""
        async with database_errors(), self._engine.connect() as connection:
            return int(await connection.scalar(select(_sessions.c.head).where(_sessions.c.id == sid)) or 0)

    async def erased(self, sid: str) -> int:
        """Seq of the last fact of the session whose words were erased; 0 if none was."""
        mine = and_(_facts.c.session == sid, _facts.c.kind == Kind.ERASED)
        async with database_errors(), self._engine.connect() as connection:
            found = await connection.execute(select(_facts.c.seq, _facts.c.key, _facts.c.envelope).where(mine))
            return max((seq for row in found for seq in erased_by(Entry(*row))), default=0)

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        """Archived facts with `after` < seq <= `upto`, in order, at most `limit`."""
        return [entry.fact() for entry in await self.entries(sid, after, upto, limit)]

    async def entries(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Entry]:
        """As `read`, but letter for letter and with their keys."""
        wanted = select(_facts.c.seq, _facts.c.key, _facts.c.envelope).where(_facts.c.session == sid, _facts.c.seq > after)
        if upto is not None:
            wanted = wanted.where(_facts.c.seq <= upto)
        async with database_errors(), self._engine.connect() as connection:
            found = await connection.execute(wanted.order_by(_facts.c.seq).limit(limit))
            return [Entry(int(seq), key, envelope) for seq, key, envelope in found]

    async def session(self, sid: str) -> SessionRow | None:
        """One session; None if nothing of it is archived."""
        async with database_errors(), self._engine.connect() as connection:
            found = (await connection.execute(select(_sessions).where(_sessions.c.id == sid))).mappings().first()
        return None if found is None else _session_row(found)

    async def sessions(self, limit: int = 100, cursor: str | None = None) -> SessionPage:
        """A page of at most `limit` (1 to 500) sessions; `cursor` is `next_cursor` of the page before. Raises `InvalidRequest`."""
        size = min(max(limit, 1), _LARGEST_PAGE)
        wanted = select(_sessions).order_by(_sessions.c.active_at_ms.desc(), _sessions.c.id.desc()).limit(size + 1)
        if cursor:
            wanted = wanted.where(_behind(cursor))
        async with database_errors(), self._engine.connect() as connection:
            found = [_session_row(row) for row in (await connection.execute(wanted)).mappings()]
        items = tuple(found[:size])
        return SessionPage(items, f"{items[-1].active_at_ms}:{items[-1].id}" if len(found) > size else None)


async def _locked(connection: AsyncConnection, sids: Sequence[str]) -> dict[str, SessionRow]:
    found = await connection.execute(select(_sessions).where(_sessions.c.id.in_(sids)).order_by(_sessions.c.id).with_for_update())
    return {row["id"]: _session_row(row) for row in found.mappings()}


async def _kept(connection: AsyncConnection, sid: str, entries: Sequence[Entry]) -> list[tuple[Entry, Fact]]:
    """What stands where `entries` belong. What is not the same is reported."""
    seqs = [entry.seq for entry in entries]
    found = await connection.execute(
        select(_facts.c.seq, _facts.c.key, _facts.c.envelope).where(_facts.c.session == sid, _facts.c.seq.between(min(seqs), max(seqs))).order_by(_facts.c.seq)
    )
    kept = [Entry(int(seq), key, envelope) for seq, key, envelope in found]
    _compare(sid, entries, kept)
    return [(entry, entry.fact()) for entry in kept]


async def _bury(connection: AsyncConnection, sid: str, seqs: Sequence[int]) -> int:
    """Leave tombstones, and no memory that rests on them; how many."""
    mine = and_(_facts.c.session == sid, _facts.c.seq.in_(seqs))
    found = await connection.execute(select(_facts.c.seq, _facts.c.key, _facts.c.envelope).where(mine))
    stones = [tombstone(Entry(int(seq), key, envelope)) for seq, key, envelope in found]
    for stone in stones:
        await connection.execute(update(_facts).where(_facts.c.session == sid, _facts.c.seq == stone.seq).values(envelope=stone.envelope))
    # What was made after a correction has its wording, though it rests on what was corrected.
    gone = frozenset(seqs).union(_targets(stones))
    kept = select(_memories.c.number, _memories.c.sources).where(_memories.c.session == sid)
    if numbers := [number for number, sources in await connection.execute(kept) if not gone.isdisjoint(sources)]:
        await connection.execute(delete(_memories).where(_memories.c.number.in_(numbers)))
        await forget_terms(connection)
    return len(stones)


def _targets(stones: Iterable[Entry]) -> Iterator[int]:
    for fact in (stone.fact() for stone in stones):
        if fact.kind == Kind.CORRECTED and isinstance(target := fact.body.get("target"), int):
            yield target


def _compare(sid: str, entries: Sequence[Entry], kept: Sequence[Entry]) -> None:
    by_seq = {entry.seq: entry for entry in kept}
    for entry in entries:
        if by_seq.get(entry.seq) not in (entry, tombstone(entry)):
            # Two hands have written one session, or the store gave a number out twice: for a person to look at, so never silent.
            _log.critical("archive.mismatch", session=sid, seq=entry.seq, missing=entry.seq not in by_seq)


def _advanced(session: SessionRow, kept: Sequence[tuple[Entry, Fact]]) -> SessionRow:
    for entry, fact in kept:
        if entry.seq == session.head + 1:
            session = _with_fact(session, fact)
    return session


def _with_fact(session: SessionRow, fact: Fact) -> SessionRow:
    created = fact.at_ms if fact.seq == 1 else session.created_at_ms
    session = replace(session, head=fact.seq, created_at_ms=created, active_at_ms=max(session.active_at_ms, fact.at_ms))
    try:
        if fact.kind == Kind.SCENE_SET:
            scene = body_of(SceneSet, fact.body)
            return replace(session, title=scene.title or session.title, mode=scene.mode or session.mode)
        if fact.kind == Kind.JOINED:
            joined = body_of(Joined, fact.body)
            return replace(session, cast=_with_member(session.cast, joined)) if joined.role == "character" else session
        if fact.kind == Kind.LEFT:
            left = body_of(Left, fact.body)
            return replace(session, cast=tuple(item for item in session.cast if item.slug != left.member))
    except ValueError:
        # The fact is kept whatever it is; a row that lacks its title is better than an archive that stands still.
        _log.warning("archive.unreadable_body", session=session.id, seq=fact.seq, kind=fact.kind)
    return session


def _with_member(cast: tuple[CastRow, ...], joined: Joined) -> tuple[CastRow, ...]:
    row = CastRow(joined.member, joined.name)
    if any(item.slug == row.slug for item in cast):
        return tuple(row if item.slug == row.slug else item for item in cast)
    return (*cast, row)


def _blank(sid: str, first: Fact) -> SessionRow:
    return SessionRow(id=sid, created_at_ms=first.at_ms, active_at_ms=first.at_ms)


def _row_values(session: SessionRow) -> dict[str, Any]:
    return {
        "id": session.id,
        "title": session.title,
        "mode": session.mode,
        "cast": [{"slug": item.slug, "name": item.name} for item in session.cast],
        "created_at_ms": session.created_at_ms,
        "active_at_ms": session.active_at_ms,
        "head": session.head,
    }


def _session_row(row: Any) -> SessionRow:
    values = dict(row)
    return SessionRow(**(values | {"cast": tuple(CastRow(item["slug"], item["name"]) for item in values["cast"])}))


def _behind(cursor: str) -> ColumnElement[bool]:
    active, _, sid = cursor.partition(":")
    if not active.isascii() or not active.isdigit() or len(active) > 18 or not sid:
        raise InvalidRequest("that is no cursor of this list")
    at_ms = int(active)
    return or_(_sessions.c.active_at_ms < at_ms, and_(_sessions.c.active_at_ms == at_ms, _sessions.c.id < sid))
