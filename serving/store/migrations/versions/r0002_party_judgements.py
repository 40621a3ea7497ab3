"""What people said about parties."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ORDERED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "party_judgements",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("left_id", ORDERED_TEXT, nullable=False),
        sa.Column("right_id", ORDERED_TEXT, nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=False),
        sa.Column("judged_by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_party_judgements_pair", "party_judgements", ["left_id", "right_id"])


def downgrade() -> None:
    """Drop the table with all that is in it."""
    op.drop_table("party_judgements")
