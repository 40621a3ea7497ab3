"""What consignments of the worklist can be found by, and the notes people leave on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ORDERED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "worklist_words",
        sa.Column("word", ORDERED_TEXT, nullable=False),
        sa.Column("consignment_id", ORDERED_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("word", "consignment_id", name="pk_worklist_words"),
    )
    op.create_table(
        "notes",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("consignment_id", ORDERED_TEXT, nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_notes_consignment_id", "notes", ["consignment_id", "id"])
    op.create_index("ix_filings_consignee_name", "filings", ["consignee_name"])
    op.create_index("ix_filings_lane", "filings", ["loading_port", "discharge_port"])


def downgrade() -> None:
    """Drop the tables with all that is in them."""
    op.drop_index("ix_filings_lane", "filings")
    op.drop_index("ix_filings_consignee_name", "filings")
    op.drop_table("notes")
    op.drop_table("worklist_words")
