"""What characters remember, and its full-text index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQLITE = (
    "CREATE VIRTUAL TABLE memory_terms USING fts5(terms, content='memories', content_rowid='number', tokenize='unicode61 remove_diacritics 2')",
    "CREATE TRIGGER memories_added AFTER INSERT ON memories BEGIN INSERT INTO memory_terms(rowid, terms) VALUES (new.number, new.terms); END",
    "CREATE TRIGGER memories_removed AFTER DELETE ON memories BEGIN"
    " INSERT INTO memory_terms(memory_terms, rowid, terms) VALUES ('delete', old.number, old.terms); END",
    "CREATE TRIGGER memories_changed AFTER UPDATE OF terms ON memories BEGIN"
    " INSERT INTO memory_terms(memory_terms, rowid, terms) VALUES ('delete', old.number, old.terms);"
    " INSERT INTO memory_terms(rowid, terms) VALUES (new.number, new.terms); END",
)
_POSTGRESQL = (
    "ALTER TABLE memories ADD COLUMN indexed tsvector GENERATED ALWAYS AS (array_to_tsvector(string_to_array(terms, ' '))) STORED",
    "CREATE INDEX ix_memories_indexed ON memories USING gin (indexed)",
)


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "memories",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(128), nullable=False),
        sa.Column("character", sa.String(128), nullable=False),
        sa.Column("session", sa.String(128), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("importance", sa.Float, nullable=False),
        sa.Column("sources", sa.JSON, nullable=False),
        sa.Column("present", sa.JSON, nullable=False),
        sa.Column("witnessed", sa.Boolean, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=True),
        sa.UniqueConstraint("tenant", "id", name="uq_memories_tenant_id"),
    )
    op.create_index("ix_memories_character", "memories", ["tenant", "character", "created_at_ms", "id"])
    op.create_index("ix_memories_session", "memories", ["tenant", "session"])
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Back to the one before."""
    if op.get_bind().dialect.name != "postgresql":
        for name in ("memories_added", "memories_removed", "memories_changed"):
            op.execute(f"DROP TRIGGER {name}")
        op.execute("DROP TABLE memory_terms")
    op.drop_table("memories")
