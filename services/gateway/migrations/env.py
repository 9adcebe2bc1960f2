"""Alembic's entry: runs on the connection that the caller has open."""

from __future__ import annotations

from typing import Final

from alembic import context
from sqlalchemy import Connection, text

from services.gateway.characters import store
from services.gateway.database import Base

_LOCK: Final = 7_356_001
"""PostgreSQL advisory lock: several gateways may start at once."""


def _run(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    context.configure(connection=connection, target_metadata=Base.metadata, version_table="application_version", render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


assert store.CharacterRow.metadata is Base.metadata, "every table must be known before migrations are compared"  # noqa: S101 - guards the import above
_run(context.config.attributes["connection"])
