"""Characters and the samples that have been laid out once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "characters",
        sa.Column("slug", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sample", sa.Boolean, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_table("samples_laid_out", sa.Column("slug", sa.String(64), primary_key=True))


def downgrade() -> None:
    """Take back."""
    op.drop_table("samples_laid_out")
    op.drop_table("characters")
