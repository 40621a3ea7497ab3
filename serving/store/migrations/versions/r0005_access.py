"""Who may do what, and the audit of what they did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ORDERED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, and let the audit be added to only."""
    op.create_table(
        "users",
        sa.Column("name", ORDERED_TEXT, nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("offices", sa.Text()),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.create_table(
        "api_keys",
        sa.Column("prefix", ORDERED_TEXT, nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("name", ORDERED_TEXT, nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("offices", sa.Text()),
        sa.Column("rate", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("prefix", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_name", "api_keys", ["name"])
    op.create_table(
        "sessions",
        sa.Column("id_hash", ORDERED_TEXT, nullable=False),
        sa.Column("user_name", ORDERED_TEXT, nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name="pk_sessions"),
    )
    op.create_index("ix_sessions_user_name", "sessions", ["user_name"])
    op.create_table(
        "login_failures",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("subject", ORDERED_TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_login_failures_subject", "login_failures", ["subject", "at"])
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", ORDERED_TEXT, nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("action", ORDERED_TEXT, nullable=False),
        sa.Column("subject", ORDERED_TEXT, nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("details", sa.Text()),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", ORDERED_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
        sa.UniqueConstraint("hash", name="uq_audit_hash"),
        sa.UniqueConstraint("previous", name="uq_audit_previous"),
    )
    op.create_index("ix_audit_who", "audit", ["who", "number"])
    op.create_index("ix_audit_subject", "audit", ["subject", "number"])
    for statement in _ONLY_ADDED[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Drop the tables with all that is in them."""
    for table in ("users", "api_keys", "sessions", "login_failures", "audit"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION risk_audit_is_only_added_to()")


_ONLY_ADDED = {
    "sqlite": [
        f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION risk_audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is only added to'; END $$",
        "CREATE TRIGGER audit_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION risk_audit_is_only_added_to()",
    ],
}
"""A mistake or a careless hand is stopped by the database; who owns it can drop a trigger, which the chain shows."""
