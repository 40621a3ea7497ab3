"""The folded history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ORDERED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables, empty: the next import or `risk history rebuild` fills them."""
    op.create_table(
        "history_keys",
        sa.Column("kind", ORDERED_TEXT, nullable=False),
        sa.Column("hash", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.LargeBinary(), nullable=False),
        sa.Column("open", sa.LargeBinary()),
        sa.Column("open_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("kind", "hash", name="pk_history_keys"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "history_state",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("filings_to", sa.BigInteger(), nullable=False),
        sa.Column("outcomes_to", sa.BigInteger(), nullable=False),
        sa.Column("evicted_before", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_history_state"),
    )


def downgrade() -> None:
    """Drop the tables; what they held can be folded again from the filings and outcomes."""
    op.drop_table("history_keys")
    op.drop_table("history_state")
