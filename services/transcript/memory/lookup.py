"""Finding memories by their words: SQLite's FTS5 ranks by itself, PostgreSQL finds by tsvector and is ranked here in the same way (BM25)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, Select, column, literal_column, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.transcript.tables import memories as _memories

CANDIDATES: Final = 40
_READ: Final = 1_000
"""Matches that are ranked here, the most important first."""
_K1: Final = 1.2
_B: Final = 0.75
_TERMS: Final = table("memory_terms", column("rowid"))


class Lookup(Protocol):
    """One database's way."""

    def matching(self, groups: Sequence[Sequence[str]]) -> ColumnElement[bool]:
        """Rows with a term of every group."""
        ...

    async def ranked(self, connection: AsyncConnection, wanted: Select[Any], terms: Sequence[str]) -> list[tuple[Any, float]]:
        """Rows of `wanted` with any of `terms`, the best first, with how well they match."""
        ...


class SqliteLookup:
    """FTS5."""

    def matching(self, groups: Sequence[Sequence[str]]) -> ColumnElement[bool]:
        """As `Lookup.matching`."""
        query = " AND ".join(f"({_either(group)})" for group in groups)
        found = select(_TERMS.c.rowid).where(text("memory_terms MATCH :memory_query").bindparams(memory_query=query))
        return _memories.c.number.in_(found)

    async def ranked(self, connection: AsyncConnection, wanted: Select[Any], terms: Sequence[str]) -> list[tuple[Any, float]]:
        """As `Lookup.ranked`; bm25() of SQLite is negative, the best the lowest."""
        rank: ColumnElement[float] = literal_column("bm25(memory_terms)").label("rank")
        query = (
            wanted.add_columns(rank)
            .join(_TERMS, _TERMS.c.rowid == _memories.c.number)
            .where(text("memory_terms MATCH :memory_query").bindparams(memory_query=_either(terms)))
            .order_by(rank)
            .limit(CANDIDATES)
        )
        return [(row, -float(row["rank"])) for row in (await connection.execute(query)).mappings()]


class PostgresLookup:
    """A tsvector of the same terms."""

    def matching(self, groups: Sequence[Sequence[str]]) -> ColumnElement[bool]:
        """As `Lookup.matching`."""
        query = " & ".join(f"({' | '.join(map(_lexeme, group))})" for group in groups)
        return _has(query)

    async def ranked(self, connection: AsyncConnection, wanted: Select[Any], terms: Sequence[str]) -> list[tuple[Any, float]]:
        """As `Lookup.ranked`."""
        query = wanted.where(_has(" | ".join(map(_lexeme, terms)))).order_by(_memories.c.importance.desc(), _memories.c.created_at_ms.desc()).limit(_READ)
        return _bm25([dict(row) for row in (await connection.execute(query)).mappings()], terms)


def _has(query: str) -> ColumnElement[bool]:
    return literal_column("memories.indexed").op("@@")(text("CAST(:memory_query AS tsquery)").bindparams(memory_query=query))


def _bm25(rows: Sequence[dict[str, Any]], terms: Sequence[str]) -> list[tuple[Any, float]]:
    documents = [set(str(row["terms"]).split()) for row in rows]
    wanted = set(terms)
    known = Counter(term for document in documents for term in document & wanted)
    mean = sum(map(len, documents)) / max(1, len(documents))
    ranked = []
    for row, document in zip(rows, documents, strict=True):
        weight = (_K1 + 1) / (1 + _K1 * (1 - _B + _B * len(document) / max(1.0, mean)))
        idfs = (math.log(1 + (len(rows) - known[term] + 0.5) / (known[term] + 0.5)) for term in document & wanted)
        ranked.append((row, weight * sum(idfs)))
    return sorted(ranked, key=lambda item: -item[1])[:CANDIDATES]


def _either(terms: Sequence[str]) -> str:
    # Terms are word characters only, so a quotation mark cannot stand in one.
    return " OR ".join(f'"{term}"' for term in terms)


def _lexeme(term: str) -> str:
    return f"'{term}'"
