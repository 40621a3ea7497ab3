"""What consignments of the worklist can be found by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ORDERED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "worklist_words",
        sa.Column("word", ORDERED_TEXT, nullable=False),
        sa.Column("consignment_id", ORDERED_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("word", "consignment_id", name="pk_worklist_words"),
    )


def downgrade() -> None:
    """Drop the table with all that is in it."""
    op.drop_table("worklist_words")
