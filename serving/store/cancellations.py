"""The cancellations in the store: which consignment a message took back, and from when on.

Rows are only added, and what was filed stays. A consignment is cancelled while no filing of it is later than its
last cancellation. A cancellation may come before its filing, as files arrive in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import BigInteger, Connection, Table, Text, UniqueConstraint, func, select
from sqlalchemy import Column as SqlColumn

from risk.manifests.cancellations import Cancellation
from serving.store.append import append, microseconds, moment
from serving.store.rows import CHUNK
from serving.store.tables import FILINGS, METADATA, ORDERED_TEXT, SERIAL

CANCELLATIONS: Final = Table(
    "cancellations",
    METADATA,
    SqlColumn("id", SERIAL, primary_key=True),
    SqlColumn("consignment_id", ORDERED_TEXT, nullable=False),
    SqlColumn("cancelled_at", BigInteger, nullable=False),
    SqlColumn("source", Text, nullable=False),
    SqlColumn("received_at", BigInteger, nullable=False),
    UniqueConstraint("consignment_id", "cancelled_at", name="uq_cancellations_moment"),
)
"""One row for each moment at which a consignment was taken back."""


@dataclass(frozen=True)
class Taken:
    """How many cancellations were new and known, and which consignments among them the store does not hold."""

    new: int
    known: int
    unfiled: tuple[str, ...]


def add(
    connection: Connection, rows: Sequence[Cancellation], source: str, *, received_at: datetime | None = None
) -> Taken:
    """Store cancellations within the caller's transaction; those stored already are known."""
    received = microseconds(received_at or datetime.now(UTC))
    # In the order of the unique key, so that two writers of the same rows cannot wait for each other in a ring.
    keys = sorted({(row.consignment_id, microseconds(row.cancelled_at)) for row in rows})
    new = append(
        connection,
        CANCELLATIONS,
        {
            "consignment_id": [name for name, _ in keys],
            "cancelled_at": [at for _, at in keys],
            "source": [source] * len(keys),
            "received_at": [received] * len(keys),
        },
    )
    ids = list(dict.fromkeys(row.consignment_id for row in rows))
    filed = last_filed(connection, ids)
    return Taken(new, len(keys) - new, tuple(name for name in ids if name not in filed))


def read(connection: Connection, consignment_id: str | None = None) -> list[Cancellation]:
    """All cancellations, or those of one consignment, by time and consignment."""
    columns = CANCELLATIONS.c
    query = select(columns.consignment_id, columns.cancelled_at).order_by(columns.cancelled_at, columns.consignment_id)
    if consignment_id is not None:
        query = query.where(columns.consignment_id == consignment_id)
    return [Cancellation(row[0], moment(row[1])) for row in connection.execute(query)]


def in_force(connection: Connection, ids: Sequence[str], unfiled_since: datetime) -> set[str]:
    """Which of the consignments were cancelled at or after their last filing.

    One that the store holds no filing of (it was scored from a file) counts as filed at `unfiled_since`.
    """
    cancelled = latest(connection, ids)
    filed = last_filed(connection, list(cancelled))
    since = microseconds(unfiled_since)
    return {name for name, at in cancelled.items() if at >= filed.get(name, since)}


def some(connection: Connection) -> bool:
    """Whether there is any cancellation."""
    return connection.execute(select(CANCELLATIONS.c.id).limit(1)).first() is not None


def latest(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """When each of the consignments that were ever cancelled last was, in microseconds."""
    found: dict[str, int] = {}
    column = CANCELLATIONS.c.consignment_id
    for part in _parts(ids):
        query = select(column, func.max(CANCELLATIONS.c.cancelled_at)).where(column.in_(part)).group_by(column)
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def last_filed(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """When each of the consignments that the store holds was last filed, in microseconds."""
    found: dict[str, int] = {}
    column = FILINGS.c.consignment_id
    for part in _parts(ids):
        query = select(column, func.max(FILINGS.c.filed_at)).where(column.in_(part)).group_by(column)
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def _parts(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[start : start + CHUNK]) for start in range(0, len(ids), CHUNK)]
