"""How Alembic reaches the outbox: over the connection, and in the transaction, that `database.migrate` hands in."""

from __future__ import annotations

from alembic import context

from services.transcript.outbox.tables import VERSIONS, metadata

# Its own table of versions: characters and accounts live in the same database and are brought up to date by others.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSIONS, transactional_ddl=True, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
