"""What messages took back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ORDERED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "cancellations",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("consignment_id", ORDERED_TEXT, nullable=False),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("consignment_id", "cancelled_at", name="uq_cancellations_moment"),
    )


def downgrade() -> None:
    """Drop the table with all that is in it."""
    op.drop_table("cancellations")
