"""The archive's tables as they are now; `migrations` brings an older file up to them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Index, MetaData, String, Table, Text, UniqueConstraint

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
