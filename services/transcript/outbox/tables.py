"""The outbox's table as it is now; `migrations` brings an older file up to it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

metadata: Final = MetaData()
VERSIONS: Final = "outbox_version"
"""Alembic's own table: the database holds other tables with a history of their own."""

outbox: Final = Table(
    "outbox",
    metadata,
    # SQLite counts up by itself only where the column is an INTEGER.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("session", String(128), nullable=False),
    Column("id", String(128), nullable=False),
    Column("role", String(32), nullable=False),
    Column("principal", String(200), nullable=False),
    Column("name", String(300), nullable=False),
    Column("sort", String(16), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("body", JSON, nullable=False),
    Column("place", String(300), nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("hotwords", JSON, nullable=False),
    Column("undoes", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    Column("current", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at_ms", BigInteger, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    UniqueConstraint("session", "id", name="uq_outbox_session_id"),
    Index("ix_outbox_state", "state", "due_at_ms"),
    Index("ix_outbox_session", "session", "number"),
)
