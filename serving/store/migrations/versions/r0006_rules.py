"""Officers' own rules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ORDERED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "rules",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("rule_id", ORDERED_TEXT, nullable=False),
        sa.Column("fingerprint", ORDERED_TEXT, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.UniqueConstraint("rule_id", "fingerprint", name="uq_rules_content"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "rule_states",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("rule", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("volume", sa.Double()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_rule_states_rule", "rule_states", ["rule", "id"])


def downgrade() -> None:
    """Drop the tables with all that is in them."""
    op.drop_table("rule_states")
    op.drop_table("rules")
