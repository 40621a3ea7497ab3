"""The first tables: filings, outcomes, assessments, imports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ORDERED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "assessments",
        sa.Column("id", ORDERED_TEXT, nullable=False),
        sa.Column("consignment_id", ORDERED_TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.Text()),
        sa.Column("scored_at", sa.BigInteger(), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text()),
        sa.Column("model_fingerprint", sa.Text(), nullable=False),
        sa.Column("reference_fingerprint", sa.Text()),
        sa.Column("pack_fingerprint", sa.Text()),
        sa.Column("history_as_of", sa.BigInteger()),
        sa.Column("input_fingerprint", sa.Text()),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("raw_score", sa.Double()),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("out_of", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.Text()),
        sa.Column("propensity", sa.Double()),
        sa.Column("selected_by", sa.Text()),
        sa.Column("reasons", sa.Text()),
        sa.Column("indicators", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_assessments"),
    )
    op.create_index("ix_assessments_consignment_id", "assessments", ["consignment_id", "version"])
    op.create_index("ix_assessments_scored_at", "assessments", ["scored_at"])
    op.create_table(
        "filings",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("consignment_id", ORDERED_TEXT, nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.Text()),
        sa.Column("filed_at", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.Text()),
        sa.Column("customs_office", sa.Text()),
        sa.Column("carrier", sa.Text()),
        sa.Column("vessel_imo", sa.Text()),
        sa.Column("voyage", sa.Text()),
        sa.Column("bl_no", sa.Text()),
        sa.Column("bl_type", sa.Text()),
        sa.Column("master_bl_no", sa.Text()),
        sa.Column("origin_country", sa.Text()),
        sa.Column("place_of_receipt", sa.Text()),
        sa.Column("original_loading_port", sa.Text()),
        sa.Column("loading_port", sa.Text()),
        sa.Column("loading_country", sa.Text()),
        sa.Column("transhipment_ports", sa.Text()),
        sa.Column("discharge_port", sa.Text()),
        sa.Column("destination_country", sa.Text()),
        sa.Column("final_destination", sa.Text()),
        sa.Column("etd", sa.BigInteger()),
        sa.Column("eta", sa.BigInteger()),
        sa.Column("shipper_id", sa.Text()),
        sa.Column("shipper_name", sa.Text()),
        sa.Column("shipper_address", sa.Text()),
        sa.Column("shipper_country", sa.Text()),
        sa.Column("consignee_id", sa.Text()),
        sa.Column("consignee_name", sa.Text()),
        sa.Column("consignee_address", sa.Text()),
        sa.Column("consignee_country", sa.Text()),
        sa.Column("notify_id", sa.Text()),
        sa.Column("notify_name", sa.Text()),
        sa.Column("notify_address", sa.Text()),
        sa.Column("notify_country", sa.Text()),
        sa.Column("forwarder_name", sa.Text()),
        sa.Column("declarant_id", sa.Text()),
        sa.Column("hs_code", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("marks", sa.Text()),
        sa.Column("package_type", sa.Text()),
        sa.Column("packages", sa.Double()),
        sa.Column("gross_weight_kg", sa.Double()),
        sa.Column("net_weight_kg", sa.Double()),
        sa.Column("volume_m3", sa.Double()),
        sa.Column("value", sa.Double()),
        sa.Column("currency", sa.Text()),
        sa.Column("freight", sa.Double()),
        sa.Column("freight_payment", sa.Text()),
        sa.Column("containers", sa.Text()),
        sa.Column("permits", sa.Text()),
        sa.Column("extra", sa.Text()),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("content_hash", ORDERED_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("consignment_id", "line_no", "version", name="uq_filings_line"),
    )
    op.create_index("ix_filings_consignee_id", "filings", ["consignee_id"])
    op.create_index("ix_filings_customs_office", "filings", ["customs_office", "filed_at"])
    op.create_index("ix_filings_filed_at", "filings", ["filed_at", "consignment_id", "line_no", "version"])
    op.create_table(
        "imports",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger()),
        sa.Column("accepted", sa.BigInteger()),
        sa.Column("known", sa.BigInteger()),
        sa.Column("rejected", sa.BigInteger()),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_imports_sha256", "imports", ["sha256"])
    op.create_table(
        "outcomes",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("consignment_id", ORDERED_TEXT, nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("inspected_at", sa.BigInteger()),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("selection_reason", sa.Text()),
        sa.Column("selection_probability", sa.Double()),
        sa.Column("method", sa.Text()),
        sa.Column("depth", sa.Text()),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("commodity_group", sa.Text()),
        sa.Column("species", sa.Text()),
        sa.Column("cites_appendix", sa.Text()),
        sa.Column("quantity", sa.Double()),
        sa.Column("unit", sa.Text()),
        sa.Column("concealment", sa.Text()),
        sa.Column("lab_result", sa.Text()),
        sa.Column("officer_id", sa.Text()),
        sa.Column("operation_id", sa.Text()),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("content_hash", ORDERED_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("label", "content_hash", name="uq_outcomes_content"),
    )
    op.create_index("ix_outcomes_consignment_id", "outcomes", ["consignment_id"])
    op.create_index("ix_outcomes_recorded_at", "outcomes", ["recorded_at"])


def downgrade() -> None:
    """Drop the tables with all that is in them."""
    for table in ("assessments", "filings", "imports", "outcomes"):
        op.drop_table(table)
