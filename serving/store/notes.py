"""Notes that people leave on a consignment. They are only ever added."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Index, Table, Text, insert, select
from sqlalchemy import Column as SqlColumn

from serving.store.append import microseconds, moment
from serving.store.tables import METADATA, ORDERED_TEXT, SERIAL

NOTES: Final = Table(
    "notes",
    METADATA,
    SqlColumn("id", SERIAL, primary_key=True),
    SqlColumn("consignment_id", ORDERED_TEXT, nullable=False),
    SqlColumn("noted_at", BigInteger, nullable=False),
    SqlColumn("noted_by", Text, nullable=False),
    SqlColumn("note", Text, nullable=False),
    Index("ix_notes_consignment_id", "consignment_id", "id"),
)
"""One row for each note."""


def add(connection: Connection, consignment_id: str, who: str, note: str, now: datetime) -> None:
    """Leave a note."""
    values = {"consignment_id": consignment_id, "noted_at": microseconds(now), "noted_by": who, "note": note}
    connection.execute(insert(NOTES).values(values))


def of(connection: Connection, consignment_id: str) -> list[dict[str, Any]]:
    """The notes on a consignment in the order they were left."""
    query = select(*NOTES.columns).where(NOTES.c.consignment_id == consignment_id).order_by(NOTES.c.id)
    return [{**row, "noted_at": moment(row["noted_at"])} for row in connection.execute(query).mappings()]
