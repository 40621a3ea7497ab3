"""The tables of the store, built from the layouts of the project: the one definition stays where it is.

A time is a whole number of microseconds since 1970 UTC, the integer that the fold of history uses as well.
Text and JSON are text, numbers are doubles. Columns of an administration's own (`extra.*`) lie together in
one JSON text column, so that they need no migration. Knows nothing of frames, files or connections.

Every change here needs a migration in `migrations/versions`; a test holds the two equal.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import Column as SqlColumn
from sqlalchemy.types import TypeEngine

from risk import layout
from risk.consignment import CONSIGNMENTS, KEY, STAGES
from risk.inspection import OUTCOMES
from risk.layout import Column

METADATA: Final = MetaData()

EXTRA: Final = "extra"
"""The column that holds the `extra.*` columns of a filing as one JSON object, names without the prefix."""

ORDERED_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that rows are put in order by: by code point on every database, whatever the locale of the server."""

SERIAL: Final = BigInteger().with_variant(Integer, "sqlite")

ASSESSMENTS: Final[layout.Table] = (
    Column("consignment_id", "code", "The consignment scored.", "identity", required=True),
    Column("version", "integer", "The version scored.", "identity", minimum=1, default=1),
    Column("stage", "choice", "How far the goods had come.", "identity", choices=STAGES),
    Column("scored_at", "time", "When the answer was given.", "identity", required=True, unit="UTC"),
    Column("model_name", "text", "Registered name of the model.", "model", required=True),
    Column("model_version", "text", "Registered version of the model.", "model"),
    Column("model_fingerprint", "code", "Fingerprint of the model's files.", "model", required=True),
    Column("reference_fingerprint", "code", "Fingerprint of the reference tables.", "model"),
    Column("pack_fingerprint", "code", "Fingerprint of the pack of indicators.", "model"),
    Column("history_as_of", "time", "History was known up to here.", "model", unit="UTC"),
    Column("input_fingerprint", "code", "Fingerprint of the lines and the history scored.", "model"),
    Column("probability", "number", "Calibrated probability.", "answer", required=True, minimum=0, maximum=1),
    Column("raw_score", "number", "Score before calibration.", "answer"),
    Column("rank", "integer", "Place among those scored together, 1 the riskiest.", "answer", required=True, minimum=1),
    Column("out_of", "integer", "How many were scored together.", "answer", required=True, minimum=1),
    Column("lane", "choice", "Treatment proposed.", "answer", choices=("red", "yellow", "blue", "green")),
    Column("propensity", "number", "Probability of being selected.", "answer", minimum=0, maximum=1),
    Column("selected_by", "choice", "What selected it; missing when not selected.", "answer",
           choices=("random", "risk")),
    Column("reasons", "json", "Reasons, the weightiest first.", "answer"),
    Column("indicators", "json", "Indicators with state, band and evidence.", "answer"),
)  # fmt: skip
"""The layout of the assessments table, one answer for one version of one consignment a row."""

ASSESSMENT_KEY: Final = ("consignment_id", "version", "stage", "model_fingerprint")
"""One answer for these. History is no part of it: a version may use only what was known before it was filed."""


def _columns(table: layout.Table) -> list[SqlColumn[Any]]:
    return [SqlColumn(column.name, _type(column), nullable=not _always(column)) for column in table]


def _type(column: Column) -> TypeEngine[Any]:
    if column.name == "consignment_id":
        return ORDERED_TEXT
    if column.kind == "number":
        return Double()
    return BigInteger() if column.kind in ("integer", "time") else Text()


def _always(column: Column) -> bool:
    return column.required or column.kind == "integer"


def _receipt() -> list[SqlColumn[Any]]:
    """When the store got a row, where from, and the fingerprint of what it says."""
    return [
        SqlColumn("received_at", BigInteger, nullable=False),
        SqlColumn("source", Text, nullable=False),
        SqlColumn("content_hash", ORDERED_TEXT, nullable=False),
    ]


FILINGS: Final = Table(
    "filings",
    METADATA,
    SqlColumn("id", SERIAL, primary_key=True),
    *_columns(CONSIGNMENTS),
    SqlColumn(EXTRA, Text),
    *_receipt(),
    UniqueConstraint(*KEY, name="uq_filings_line"),
    Index("ix_filings_filed_at", "filed_at", *KEY),
    Index("ix_filings_customs_office", "customs_office", "filed_at"),
    Index("ix_filings_consignee_id", "consignee_id"),
    Index("ix_filings_consignee_name", "consignee_name"),
    Index("ix_filings_lane", "loading_port", "discharge_port"),
)
"""One row for each line of a consignment version. What was filed is never changed."""

OUTCOME_ROWS: Final = Table(
    "outcomes",
    METADATA,
    SqlColumn("id", SERIAL, primary_key=True),
    SqlColumn("label", Text, nullable=False),
    *_columns(OUTCOMES),
    *_receipt(),
    UniqueConstraint("label", "content_hash", name="uq_outcomes_content"),
    Index("ix_outcomes_consignment_id", "consignment_id"),
    Index("ix_outcomes_recorded_at", "recorded_at"),
)
"""One row for each result recorded, under the name of the target it is a label for."""

ASSESSMENT_ROWS: Final = Table(
    "assessments",
    METADATA,
    SqlColumn("id", ORDERED_TEXT, nullable=False),
    *_columns(ASSESSMENTS),
    PrimaryKeyConstraint("id", name="pk_assessments"),
    Index("ix_assessments_consignment_id", "consignment_id", "version"),
    Index("ix_assessments_scored_at", "scored_at"),
)
"""One row for each answer given. `id` is made from ASSESSMENT_KEY, so it holds the key unique."""

IMPORTS: Final = Table(
    "imports",
    METADATA,
    SqlColumn("id", SERIAL, primary_key=True),
    SqlColumn("name", Text, nullable=False),
    SqlColumn("sha256", Text, nullable=False),
    SqlColumn("rows", BigInteger),
    SqlColumn("accepted", BigInteger),
    SqlColumn("known", BigInteger),
    SqlColumn("rejected", BigInteger),
    SqlColumn("started_at", BigInteger, nullable=False),
    SqlColumn("finished_at", BigInteger),
    Index("ix_imports_sha256", "sha256"),
)
"""One row for each run of an import; without `finished_at` it was interrupted."""
