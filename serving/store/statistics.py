"""Reference statistics in the store: each as the bytes of one file, with the moment they were learnt as of.

Several are kept, because an answer is made again with those it was made with; the newest that is early enough serves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Connection, Index, LargeBinary, PrimaryKeyConstraint, Table, Text, delete, select
from sqlalchemy import Column as SqlColumn

from serving.store.append import append, microseconds, moment
from serving.store.tables import METADATA, ORDERED_TEXT

STATISTICS: Final = Table(
    "reference_statistics",
    METADATA,
    SqlColumn("fingerprint", ORDERED_TEXT, nullable=False),
    SqlColumn("target", Text, nullable=False),
    SqlColumn("as_of", BigInteger, nullable=False),
    SqlColumn("learnt_at", BigInteger, nullable=False),
    SqlColumn("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("fingerprint", name="pk_reference_statistics"),
    Index("ix_reference_statistics_as_of", "target", "as_of", "learnt_at"),
)
"""One row for each time that statistics were learnt, for what counts as a find (`target`)."""


@dataclass(frozen=True)
class Entry:
    """Statistics in the store without their content."""

    fingerprint: str
    target: str
    as_of: datetime
    learnt_at: datetime


def add(connection: Connection, entry: Entry, content: bytes) -> bool:
    """Keep statistics; False when the same ones are there already."""
    values = {
        "fingerprint": entry.fingerprint,
        "target": entry.target,
        "as_of": microseconds(entry.as_of),
        "learnt_at": microseconds(entry.learnt_at),
        "content": content,
    }
    return append(connection, STATISTICS, {name: [value] for name, value in values.items()}) == 1


def newest(connection: Connection, target: str, upto: datetime | None = None) -> Entry | None:
    """The latest ones, learnt as of a moment not after `upto` when it is given."""
    columns = STATISTICS.c
    query = select(*_ENTRY).where(columns.target == target)
    if upto is not None:
        query = query.where(columns.as_of <= microseconds(upto))
    row = connection.execute(query.order_by(columns.as_of.desc(), columns.learnt_at.desc()).limit(1)).one_or_none()
    return None if row is None else _entry(*row)


def entries(connection: Connection) -> list[Entry]:
    """All there are, the latest first."""
    rows = connection.execute(select(*_ENTRY).order_by(STATISTICS.c.as_of.desc(), STATISTICS.c.learnt_at.desc()))
    return [_entry(*row) for row in rows]


def content(connection: Connection, fingerprint: str) -> bytes | None:
    """The bytes of statistics; None when they are not kept."""
    found = connection.execute(select(STATISTICS.c.content).where(STATISTICS.c.fingerprint == fingerprint)).scalar()
    return None if found is None else bytes(found)


def forget(connection: Connection, before: datetime) -> int:
    """Drop those learnt before a time; how many."""
    return connection.execute(delete(STATISTICS).where(STATISTICS.c.learnt_at < microseconds(before))).rowcount


_ENTRY: Final = (STATISTICS.c.fingerprint, STATISTICS.c.target, STATISTICS.c.as_of, STATISTICS.c.learnt_at)


def _entry(fingerprint: str, target: str, as_of: int, learnt_at: int) -> Entry:
    return Entry(fingerprint, target, moment(as_of), moment(learnt_at))
