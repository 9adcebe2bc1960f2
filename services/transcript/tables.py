"""The archive's tables as they are now; `migrations` brings an older file up to them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

metadata: Final = MetaData()

facts: Final = Table(
    "facts",
    metadata,
    Column("session", String(128), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(256), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("envelope", Text, nullable=False),
    UniqueConstraint("session", "key", name="uq_facts_session_key"),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("title", Text, nullable=False),
    Column("mode", String(32), nullable=False),
    Column("cast", JSON, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("active_at_ms", BigInteger, nullable=False),
    Column("head", BigInteger, nullable=False),
    Index("ix_sessions_active", "active_at_ms", "id"),
)

memories: Final = Table(
    "memories",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False),
    Column("tenant", String(128), nullable=False),
    Column("character", String(128), nullable=False),
    Column("session", String(128), nullable=False),
    Column("text", Text, nullable=False),
    Column("terms", Text, nullable=False),
    Column("importance", Float, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("present", JSON, nullable=False),
    Column("witnessed", Boolean, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("model", String(64), nullable=False),
    Column("vector", LargeBinary, nullable=True),
    UniqueConstraint("tenant", "id", name="uq_memories_tenant_id"),
    Index("ix_memories_character", "tenant", "character", "created_at_ms", "id"),
    Index("ix_memories_session", "tenant", "session"),
)
"""What characters remember. Its words are indexed by a table of SQLite's own, or by a column of PostgreSQL's, that only the migrations know."""
