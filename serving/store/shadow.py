"""What a challenger would have said of consignments that the champion assessed. Nothing acts on it.

One row for an assessment and a model; the first answer stands. Times are microseconds since 1970 UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import pandas as pd
from sqlalchemy import BigInteger, Connection, Double, Index, PrimaryKeyConstraint, Table, Text, select
from sqlalchemy import Column as SqlColumn

from serving.store.append import append, microseconds
from serving.store.tables import ASSESSMENT_ROWS, METADATA, ORDERED_TEXT

SHADOW_ANSWERS: Final = Table(
    "shadow_answers",
    METADATA,
    SqlColumn("assessment_id", ORDERED_TEXT, nullable=False),
    SqlColumn("model_fingerprint", ORDERED_TEXT, nullable=False),
    SqlColumn("model_version", Text, nullable=False),
    SqlColumn("consignment_id", ORDERED_TEXT, nullable=False),
    SqlColumn("probability", Double, nullable=False),
    SqlColumn("rank", BigInteger, nullable=False),
    SqlColumn("lane", Text, nullable=False),
    SqlColumn("scored_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("assessment_id", "model_fingerprint", name="pk_shadow_answers"),
    Index("ix_shadow_answers_model", "model_fingerprint", "scored_at"),
)
"""`assessment_id` is the champion's answer that this stands beside; `rank` and `lane` are under the same capacity."""

_NAMES: Final = [column.name for column in SHADOW_ANSWERS.columns]


def save(connection: Connection, answers: pd.DataFrame) -> int:
    """Keep the answers (columns of the table, `scored_at` as time) that are not there yet; how many were new."""
    columns = {name: answers[name].tolist() for name in _NAMES if name != "scored_at"}
    columns["scored_at"] = [microseconds(moment) for moment in answers["scored_at"]]
    return append(connection, SHADOW_ANSWERS, {name: columns[name] for name in _NAMES}) if len(answers) else 0


def beside(connection: Connection, model_fingerprint: str, scored_from: datetime | None = None) -> pd.DataFrame:
    """Both answers side by side, by time: probability, rank and lane of each (`shadow_` the other's)."""
    mine, theirs = SHADOW_ANSWERS.c, ASSESSMENT_ROWS.c
    query = (
        select(
            mine.consignment_id,
            theirs.probability,
            theirs.rank,
            theirs.lane,
            mine.probability.label("shadow_probability"),
            mine.rank.label("shadow_rank"),
            mine.lane.label("shadow_lane"),
        )
        .join(ASSESSMENT_ROWS, theirs.id == mine.assessment_id)
        .where(mine.model_fingerprint == model_fingerprint)
        .order_by(mine.scored_at, mine.assessment_id)
    )
    if scored_from is not None:
        query = query.where(mine.scored_at >= microseconds(scored_from))
    rows = connection.execute(query).all()
    return pd.DataFrame(rows, columns=["consignment_id", "probability", "rank", "lane", "shadow_probability",
                                       "shadow_rank", "shadow_lane"])  # fmt: skip
