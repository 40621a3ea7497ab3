"""What a challenger would have said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ORDERED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "shadow_answers",
        sa.Column("assessment_id", ORDERED_TEXT, nullable=False),
        sa.Column("model_fingerprint", ORDERED_TEXT, nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("consignment_id", ORDERED_TEXT, nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("scored_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("assessment_id", "model_fingerprint", name="pk_shadow_answers"),
    )
    op.create_index("ix_shadow_answers_model", "shadow_answers", ["model_fingerprint", "scored_at"])


def downgrade() -> None:
    """Drop the table with all that is in it."""
    op.drop_table("shadow_answers")
