"""Reference statistics of the indicators, learnt as of a moment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ORDERED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "reference_statistics",
        sa.Column("fingerprint", ORDERED_TEXT, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("learnt_at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_reference_statistics"),
    )
    op.create_index("ix_reference_statistics_as_of", "reference_statistics", ["target", "as_of", "learnt_at"])


def downgrade() -> None:
    """Drop the table with all that is in it."""
    op.drop_table("reference_statistics")
