"""How Alembic reaches the archive: over the connection, and in the transaction, that `database.migrate` hands in."""

from __future__ import annotations

from alembic import context

from services.transcript.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    context.configure(url=context.config.get_main_option("sqlalchemy.url"), target_metadata=metadata, literal_binds=True)
else:
    # One transaction around everything: a migration that fails, or a process that dies in it, leaves the file as it was.
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
