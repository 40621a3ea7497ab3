"""What people said about parties, and parties as they were written in the filings.

Judgements are appended, never changed: who said what about which two, when and why. The last one holds (see
`risk.parties.judgements`). Mentions are not stored; they are read out of the filings.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast

import pandas as pd
from sqlalchemy import BigInteger, Connection, Index, Table, Text, func, insert, literal, select, union_all
from sqlalchemy import Column as SqlColumn

from risk.parties.judgements import Judgement, Verdict
from serving.store.append import microseconds, moment
from serving.store.tables import FILINGS, METADATA, ORDERED_TEXT, SERIAL

PARTY_JUDGEMENTS: Final = Table(
    "party_judgements",
    METADATA,
    SqlColumn("id", SERIAL, primary_key=True),
    SqlColumn("left_id", ORDERED_TEXT, nullable=False),
    SqlColumn("right_id", ORDERED_TEXT, nullable=False),
    SqlColumn("verdict", Text, nullable=False),
    SqlColumn("judged_at", BigInteger, nullable=False),
    SqlColumn("judged_by", Text, nullable=False),
    SqlColumn("why", Text, nullable=False),
    Index("ix_party_judgements_pair", "left_id", "right_id"),
)
"""One row for each judgement made."""

ROLES: Final = ("consignee", "shipper", "notify")
"""The roles whose parties are matched, each with a column of its name, address, country and number."""


def add(connection: Connection, judgement: Judgement) -> int:
    """Append a judgement; returns its number."""
    statement = insert(PARTY_JUDGEMENTS).values(
        left_id=judgement.left,
        right_id=judgement.right,
        verdict=judgement.verdict,
        judged_at=microseconds(judgement.judged_at),
        judged_by=judgement.judged_by,
        why=judgement.why,
    )
    return int(connection.execute(statement.returning(PARTY_JUDGEMENTS.c.id)).scalar_one())


def judgements(connection: Connection, *, judged_before: datetime | None = None) -> list[Judgement]:
    """The judgements made before a time (exclusive), in the order they were stored; all by default."""
    query = select(PARTY_JUDGEMENTS).order_by(PARTY_JUDGEMENTS.c.id)
    if judged_before is not None:
        query = query.where(PARTY_JUDGEMENTS.c.judged_at < microseconds(judged_before))
    return [
        Judgement(
            row["left_id"],
            row["right_id"],
            cast(Verdict, row["verdict"]),
            moment(row["judged_at"]),
            row["judged_by"],
            row["why"],
        )
        for row in connection.execute(query).mappings()
    ]


def mentions(connection: Connection, *, filed_before: datetime | None = None) -> pd.DataFrame:
    """Each way in which a party was written in the lines filed before a time (exclusive; all by default).

    Columns `name, country, address, identifier` (text, "" where missing), `first_seen` (microseconds since 1970
    UTC, int64) and `seen` (lines, int64), the frame that `risk.parties.mentions.gather` takes.
    """
    parts = [_mentioned(role, filed_before) for role in ROLES]
    parts.append(_grouped(FILINGS.c.forwarder_name, *[literal("")] * 3, filed_before=filed_before))
    rows: list[Any] = list(connection.execute(union_all(*parts)))
    columns = ["name", "country", "address", "identifier", "first_seen", "seen"]
    frame = pd.DataFrame.from_records(rows, columns=columns)
    return frame.astype({"first_seen": "int64", "seen": "int64"})


def _mentioned(role: str, filed_before: datetime | None) -> Any:
    parts = [FILINGS.c[f"{role}_{part}"] for part in ("name", "country", "address", "id")]
    return _grouped(*parts, filed_before=filed_before)


def _grouped(name: Any, *others: Any, filed_before: datetime | None) -> Any:
    parts = [name, *(func.coalesce(other, "") for other in others)]
    labelled = [part.label(label) for part, label in zip(parts, ("name", "country", "address", "number"), strict=True)]
    query = select(*labelled, func.min(FILINGS.c.filed_at).label("first_seen"), func.count().label("seen"))
    query = query.where(name.is_not(None))
    if filed_before is not None:
        query = query.where(FILINGS.c.filed_at < microseconds(filed_before))
    columns = [name, *(other for other in others if hasattr(other, "table"))]
    return query.group_by(*columns)
