"""Batches, claims, decisions and what else the day's work leaves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ORDERED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "worklist",
        sa.Column("consignment_id", ORDERED_TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("office", ORDERED_TEXT, nullable=False),
        sa.Column("day", ORDERED_TEXT, nullable=False),
        sa.Column("place", ORDERED_TEXT, nullable=False),
        sa.Column("assessment_id", ORDERED_TEXT, nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("raw_score", sa.Double(), nullable=False),
        sa.Column("lane", ORDERED_TEXT, nullable=False),
        sa.Column("selected_by", sa.Text()),
        sa.Column("propensity", sa.Double()),
        sa.Column("decided", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("filed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consignment_id", name="pk_worklist"),
    )
    op.create_index("ix_worklist_office", "worklist", ["office", "day", "place"])
    op.create_index("ix_worklist_office_lane", "worklist", ["office", "day", "lane", "place"])
    op.create_index("ix_worklist_day", "worklist", ["day", "place"])
    op.create_index("ix_worklist_day_lane", "worklist", ["day", "lane", "place"])
    op.create_table(
        "decisions",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("consignment_id", ORDERED_TEXT, nullable=False),
        sa.Column("assessment_id", ORDERED_TEXT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("lane_before", sa.Text(), nullable=False),
        sa.Column("selected_by", sa.Text()),
        sa.Column("propensity", sa.Double()),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("selection_id", sa.BigInteger()),
        sa.Column("answers", sa.BigInteger()),
        sa.UniqueConstraint("answers", name="uq_decisions_answers"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_decisions_consignment_id", "decisions", ["consignment_id", "id"])
    op.create_table(
        "selections",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("office", ORDERED_TEXT, nullable=False),
        sa.Column("day", ORDERED_TEXT, nullable=False),
        sa.Column("capacity", sa.Double(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("random_share", sa.Double(), nullable=False),
        sa.Column("consignments", sa.BigInteger(), nullable=False),
        sa.Column("inspections", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.UniqueConstraint("office", "day", name="uq_selections_office_day"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "claims",
        sa.Column("consignment_id", ORDERED_TEXT, nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consignment_id", name="pk_claims"),
    )
    op.create_table(
        "assessment_bases",
        sa.Column("assessment_id", ORDERED_TEXT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("filings_to", sa.BigInteger(), nullable=False),
        sa.Column("outcomes_to", sa.BigInteger(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("assessment_id", name="pk_assessment_bases"),
    )
    op.create_table(
        "batches",
        sa.Column("id", ORDERED_TEXT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Double(), nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.Column("submitted_by", sa.Text(), nullable=False),
        sa.Column("offices", sa.Text()),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("worker", sa.Text()),
        sa.Column("alive_at", sa.BigInteger()),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("consignments", sa.BigInteger(), nullable=False),
        sa.Column("known", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
    )
    op.create_index("ix_batches_state", "batches", ["state", "submitted_at"])
    op.create_table(
        "batch_files",
        sa.Column("batch_id", ORDERED_TEXT, nullable=False),
        sa.Column("name", ORDERED_TEXT, nullable=False),
        sa.Column("part", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "name", "part", name="pk_batch_files"),
    )
    op.create_table(
        "kept_answers",
        sa.Column("owner", ORDERED_TEXT, nullable=False),
        sa.Column("key", ORDERED_TEXT, nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_kept_answers"),
    )
    op.create_table(
        "watch_entries",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("list", ORDERED_TEXT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entry", ORDERED_TEXT, nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger()),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("ended_by", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_watch_entries_list", "watch_entries", ["list", "entry"])


def downgrade() -> None:
    """Drop the tables with all that is in them."""
    for table in (
        "worklist",
        "decisions",
        "selections",
        "claims",
        "assessment_bases",
        "batches",
        "batch_files",
        "kept_answers",
        "watch_entries",
    ):
        op.drop_table(table)
