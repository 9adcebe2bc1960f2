"""The memories of all characters in SQLite or PostgreSQL, beside the archive: added, recalled, reviewed, forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.core.clock import Clock, SystemClock
from services.core.errors import InvalidRequest, NotFound, SouffleurError
from services.core.model.fact import Kind
from services.transcript.database import database_errors, forget_pages, forget_terms, open_database
from services.transcript.erasing import erased_by
from services.transcript.memory.lookup import PostgresLookup, SqliteLookup
from services.transcript.memory.meaning import Embedder, nearest
from services.transcript.memory.memory import Memory, checked, checked_importance, checked_text
from services.transcript.memory.terms import groups_of, indexed, sought
from services.transcript.memory.weighing import merged, weight
from services.transcript.store import Entry
from services.transcript.tables import facts as _facts
from services.transcript.tables import memories as _memories
from services.transcript.tables import sessions as _sessions

_log = structlog.get_logger(__name__)
_LARGEST_PAGE: Final = 500
_LARGEST_BATCH: Final = 500
_QUERY_TERMS: Final = 32
_QUERY_WORDS: Final = 16
_MOST_VECTORS: Final = 5_000
_COLUMNS: Final = (
    _memories.c.id, _memories.c.character, _memories.c.text, _memories.c.session, _memories.c.importance,
    _memories.c.sources, _memories.c.present, _memories.c.created_at_ms,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MemoryPage:
    """Memories, the newest first."""

    items: tuple[Memory, ...]
    next_cursor: str | None
    """For the next page; None = there is none."""


class MemoryStore:
    """Every method raises `Unavailable` when the database cannot be used. What one tenant keeps no other one finds."""

    def __init__(self, engine: AsyncEngine, embedder: Embedder | None = None, *, tenant: str = "", clock: Clock | None = None) -> None:
        """`engine` is one that `database.open_database` made; with `embedder` memories are found by meaning too."""
        self._engine = engine
        self._embedder = embedder
        self._tenant = tenant
        self._clock = clock or SystemClock()
        on_postgres = engine.dialect.name == "postgresql"
        self._lookup = PostgresLookup() if on_postgres else SqliteLookup()
        self._add = (postgresql.insert if on_postgres else sqlite.insert)(_memories).on_conflict_do_nothing(index_elements=["tenant", "id"])
        self._standing = and_(_memories.c.tenant == tenant, _memories.c.deleted.is_(False))

    @classmethod
    async def open(cls, url: str, embedder: Embedder | None = None, *, tenant: str = "", clock: Clock | None = None) -> MemoryStore:
        """Open the archive's database at `url` and bring it up to date."""
        return cls(await open_database(url), embedder, tenant=tenant, clock=clock)

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()

    async def add(self, memories: Sequence[Memory]) -> int:
        """Keep them; how many are new. One that is there, that somebody deleted, or that rests on erased words changes nothing. Raises `InvalidRequest`."""
        if len(memories) > _LARGEST_BATCH:
            raise InvalidRequest(f"at most {_LARGEST_BATCH} memories at a time")
        if not memories:
            return 0
        whole = [checked(memory, self._clock.wall_ms()) for memory in memories]
        model, vectors = await self._vectors([memory.text for memory in whole])
        added = 0
        async with database_errors(), self._engine.begin() as connection:
            erased = await _erased(connection, sorted({memory.session for memory in whole}))
            for memory, vector in zip(whole, vectors, strict=True):
                if erased.isdisjoint((memory.session, seq) for seq in memory.sources):
                    added += (await connection.execute(self._add, self._row(memory, model, vector))).rowcount
        return added

    async def recall(self, character: str, present: Sequence[str], text: str, limit: int) -> list[Memory]:
        """What of its own experience comes to the character's mind at `text`, the best first; `present` = who is here now."""
        terms = sought(text, _QUERY_TERMS)
        if limit <= 0 or not (terms or self._embedder):
            return []
        model, (query,) = await self._vectors([text])
        own = and_(self._standing, _memories.c.character == character, _memories.c.witnessed.is_(True))
        async with database_errors(), self._engine.connect() as connection:
            rows = await self._lookup.ranked(connection, select(*_COLUMNS, _memories.c.terms).where(own), terms) if terms else []
            near: list[tuple[Any, float]] = []
            if query:
                kept = select(*_COLUMNS, _memories.c.vector).where(own, _memories.c.model == model)
                found = await connection.execute(kept.order_by(_memories.c.created_at_ms.desc()).limit(_MOST_VECTORS))
                near = nearest(query, [(row, row["vector"]) for row in found.mappings() if row["vector"]])
        now = self._clock.wall_ms()
        rankings = [[(memory, fit * weight(memory, present, now)) for memory, fit in ((_memory(row), fit) for row, fit in each)] for each in (rows, near)]
        return merged(*rankings)[:limit]

    async def blank(self, character: str) -> bool:
        """It remembers nothing at all."""
        any_of_its = select(_memories.c.id).where(self._standing, _memories.c.character == character).limit(1)
        async with database_errors(), self._engine.connect() as connection:
            return (await connection.execute(any_of_its)).first() is None

    async def page(self, character: str = "", text: str = "", limit: int = 100, cursor: str = "") -> MemoryPage:
        """At most `limit` (1 to 500) memories, of one character or with these words if wanted, the newest first. Raises `InvalidRequest`."""
        size = min(max(limit, 1), _LARGEST_PAGE)
        wanted = select(*_COLUMNS).where(self._standing)
        if character:
            wanted = wanted.where(_memories.c.character == character)
        if text.strip():
            groups = groups_of(text, _QUERY_WORDS)
            if not groups:
                return MemoryPage((), None)
            wanted = wanted.where(self._lookup.matching(groups))
        if cursor:
            wanted = wanted.where(_behind(cursor))
        wanted = wanted.order_by(_memories.c.created_at_ms.desc(), _memories.c.id.desc()).limit(size + 1)
        async with database_errors(), self._engine.connect() as connection:
            found = [_memory(row) for row in (await connection.execute(wanted)).mappings()]
        items = tuple(found[:size])
        return MemoryPage(items, f"{items[-1].created_at_ms}:{items[-1].id}" if len(found) > size else None)

    async def get(self, name: str) -> Memory:
        """One memory. Raises `NotFound`."""
        async with database_errors(), self._engine.connect() as connection:
            row = (await connection.execute(select(*_COLUMNS).where(self._standing, _memories.c.id == name))).mappings().first()
        if row is None:
            raise NotFound("there is no such memory")
        return _memory(row)

    async def edit(self, name: str, text: str | None = None, importance: float | None = None) -> Memory:
        """New wording or weight. Raises `NotFound` or `InvalidRequest`."""
        values: dict[str, Any] = {}
        if text is not None:
            new = checked_text(text)
            model, (vector,) = await self._vectors([new])
            values |= {"text": new, "terms": indexed(new), "model": model, "vector": vector}
        if importance is not None:
            values["importance"] = checked_importance(importance)
        if values:
            await self._change(name, values)
        return await self.get(name)

    async def delete(self, name: str) -> None:
        """Forget one for good: its words are gone, and the same one is not added again. Raises `NotFound`."""
        gone = {"deleted": True, "text": "", "terms": "", "sources": [], "present": [], "vector": None}
        await self._change(name, gone)

    async def _change(self, name: str, values: Mapping[str, Any]) -> None:
        """Words that it had before are nowhere in the file then. Raises `NotFound`."""
        async with database_errors(), self._engine.begin() as connection:
            done = await connection.execute(update(_memories).where(self._standing, _memories.c.id == name).values(values))
            if done.rowcount != 1:
                raise NotFound("there is no such memory")
            if "text" in values:
                await forget_terms(connection)
        if "text" in values:
            await forget_pages(self._engine)

    async def learn_meanings(self, most: int = 100) -> int:
        """Give vectors to memories that were added without this embedder, at most so many; how many there were."""
        if self._embedder is None:
            return 0
        lacking = select(_memories.c.id, _memories.c.text).where(self._standing, _memories.c.model != self._embedder.name).limit(most)
        async with database_errors(), self._engine.connect() as connection:
            found = (await connection.execute(lacking)).all()
        model, vectors = await self._vectors([text for _, text in found])
        if not model:
            return 0
        async with database_errors(), self._engine.begin() as connection:
            for (name, text), vector in zip(found, vectors, strict=True):
                # Unless its words were changed in the meantime.
                same = and_(self._standing, _memories.c.id == name, _memories.c.text == text)
                await connection.execute(update(_memories).where(same).values(model=model, vector=vector))
        return len(found)

    async def forget_sources(self, session: str, stands: Callable[[int], bool]) -> list[Memory]:
        """Drop the memories of a session that rest on a fact for which `stands` is false; what they were."""
        async with database_errors(), self._engine.begin() as connection:
            own = and_(self._standing, _memories.c.session == session)
            found = [_memory(row) for row in (await connection.execute(select(*_COLUMNS).where(own))).mappings()]
            gone = [memory for memory in found if not all(map(stands, memory.sources))]
            for memory in gone:
                await connection.execute(delete(_memories).where(own, _memories.c.id == memory.id))
        return gone

    def _row(self, memory: Memory, model: str, vector: bytes | None) -> dict[str, Any]:
        return {
            "id": memory.id,
            "tenant": self._tenant,
            "character": memory.character,
            "session": memory.session,
            "text": memory.text,
            "terms": indexed(memory.text),
            "importance": memory.importance,
            "sources": list(memory.sources),
            "present": list(memory.present),
            "witnessed": memory.witnessed,
            "created_at_ms": memory.created_at_ms,
            "deleted": False,
            "model": model,
            "vector": vector,
        }

    async def _vectors(self, texts: Sequence[str]) -> tuple[str, list[bytes | None]]:
        """The model's name with a vector for each text; no name where there is no model that works."""
        if self._embedder is None or not texts:
            return "", [None] * len(texts)
        try:
            return self._embedder.name, [vector or None for vector in await self._embedder.embed(texts)]
        except SouffleurError as error:
            _log.warning("memory.words_only", reason=error.detail)
            return "", [None] * len(texts)


def _memory(row: Any) -> Memory:
    return Memory(
        id=row["id"],
        character=row["character"],
        text=row["text"],
        session=row["session"],
        importance=float(row["importance"]),
        sources=tuple(row["sources"]),
        present=tuple(row["present"]),
        created_at_ms=int(row["created_at_ms"]),
    )


def _behind(cursor: str) -> ColumnElement[bool]:
    created, _, name = cursor.partition(":")
    if not created.isascii() or not created.isdigit() or len(created) > 18 or not name:
        raise InvalidRequest("that is no cursor of this list")
    at_ms = int(created)
    return or_(_memories.c.created_at_ms < at_ms, and_(_memories.c.created_at_ms == at_ms, _memories.c.id < name))


async def _erased(connection: AsyncConnection, sessions: Sequence[str]) -> frozenset[tuple[str, int]]:
    """(session, seq) of every fact of theirs whose words are gone, and no other one from now to the end of the transaction.

    An erasure takes along the memories that it finds, with the session's row in its hand; so that none comes behind it, this takes the row first.
    """
    for sid in sessions:
        await connection.execute(update(_sessions).where(_sessions.c.id == sid).values(id=_sessions.c.id))
    mine = and_(_facts.c.session.in_(sessions), _facts.c.kind == Kind.ERASED)
    found = await connection.execute(select(_facts.c.session, _facts.c.seq, _facts.c.key, _facts.c.envelope).where(mine))
    return frozenset((sid, seq) for sid, *entry in found for seq in erased_by(Entry(*entry)))
