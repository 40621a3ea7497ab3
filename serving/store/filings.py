"""The filings in the store: every line of every consignment version, as it reached customs.

A line is known by consignment, line number and version. The same line with the same content is known; with
another content it is a conflict, reported and not stored. Knows nothing of outcomes or assessments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, func, select

from risk.consignment import CONSIGNMENTS, KEY
from risk.layout import column_names
from serving.store.append import Added, Conflict, append, microseconds, moment, stream
from serving.store.rows import CHUNK, Chunk, chunks, frame_of
from serving.store.tables import EXTRA, FILINGS

_CONTENT: Final = [FILINGS.c[name] for name in [*column_names(CONSIGNMENTS), EXTRA]]
_ORDER: Final = [FILINGS.c[name] for name in ("filed_at", *KEY)]


@dataclass(frozen=True)
class Wanted:
    """Which filings: filed from (inclusive) and before (exclusive) a time with a zone, at these offices."""

    filed_from: datetime | None = None
    filed_before: datetime | None = None
    offices: Sequence[str] | None = None

    def query(self) -> Select[Any]:
        """The content of these filings by time filed, consignment, line and version."""
        query = select(*_CONTENT).order_by(*_ORDER)
        if self.filed_from is not None:
            query = query.where(FILINGS.c.filed_at >= microseconds(self.filed_from))
        if self.filed_before is not None:
            query = query.where(FILINGS.c.filed_at < microseconds(self.filed_before))
        if self.offices is not None:
            query = query.where(FILINGS.c.customs_office.in_(list(self.offices)))
        return query


def add(connection: Connection, frame: pd.DataFrame, source: str, *, received_at: datetime | None = None) -> Added:
    """Store the lines of a consignments frame within the caller's transaction.

    Raises InputError when the frame does not have the layout (see `serving.store.rows.chunks`).
    """
    received = microseconds(received_at or datetime.now(UTC))
    order = _lock_order(connection, frame)
    added = Added()
    for chunk in chunks(frame if order is None else frame.iloc[order], CONSIGNMENTS, extra=EXTRA):
        new = append(connection, FILINGS, chunk.with_all(received_at=received, source=source))
        conflicts = _conflicts(connection, chunk) if new < len(chunk.hashes) else []
        added.new += new
        added.known += len(chunk.hashes) - new - len(conflicts)
        added.conflicts += [
            conflict if order is None else replace(conflict, row=int(order[conflict.row])) for conflict in conflicts
        ]
    added.conflicts.sort(key=lambda conflict: conflict.row)
    return added


def read(connection: Connection, wanted: Wanted) -> pd.DataFrame:
    """The filings wanted in the layout of `risk.consignment`, by time filed and key."""
    return frame_of(stream(connection, wanted.query()), CONSIGNMENTS, extra=EXTRA)


def batches(connection: Connection, wanted: Wanted, rows: int) -> Iterator[pd.DataFrame]:
    """The same, at most `rows` at a time; a column that a batch does not fill is left out of it."""
    for part in stream(connection, wanted.query(), rows):
        yield frame_of([part], CONSIGNMENTS, extra=EXTRA)


def versions(connection: Connection, consignment_id: str) -> pd.DataFrame:
    """All lines of all versions of one consignment, by version and line."""
    query = select(*_CONTENT).where(FILINGS.c.consignment_id == consignment_id)
    query = query.order_by(FILINGS.c.version, FILINGS.c.line_no)
    return frame_of(stream(connection, query), CONSIGNMENTS, extra=EXTRA)


def filed(connection: Connection, ids: Sequence[str]) -> pd.DataFrame:
    """The versions stored of some consignments: `consignment_id`, `version`, `filed_at` in UTC, one row each."""
    columns = (FILINGS.c.consignment_id, FILINGS.c.version, FILINGS.c.filed_at)
    rows: list[Sequence[Any]] = []
    for start in range(0, len(ids), CHUNK):
        query = select(*columns).where(FILINGS.c.consignment_id.in_(list(ids[start : start + CHUNK]))).distinct()
        rows += connection.execute(query).all()
    found = pd.DataFrame(rows, columns=[column.name for column in columns]).drop_duplicates(
        ["consignment_id", "version"]
    )
    return found.assign(
        consignment_id=found["consignment_id"].astype("str"),
        filed_at=pd.to_datetime(found["filed_at"].astype("int64"), unit="us", utc=True),
    )


def count(connection: Connection) -> tuple[int, int]:
    """How many lines, and of how many consignments."""
    query = select(func.count(), func.count(FILINGS.c.consignment_id.distinct())).select_from(FILINGS)
    lines, consignments = connection.execute(query).one()
    return lines, consignments


def latest_filed_at(connection: Connection) -> datetime | None:
    """The time of the last filing in UTC; None in an empty store."""
    latest = connection.execute(select(func.max(FILINGS.c.filed_at))).scalar_one()
    return None if latest is None else moment(latest)


def _conflicts(connection: Connection, chunk: Chunk) -> list[Conflict]:
    """The rows of the chunk that the store holds with another content."""
    keys = list(zip(*(chunk.column(name) for name in KEY), strict=True))
    key_columns = [FILINGS.c[name] for name in KEY]
    query = select(*key_columns, FILINGS.c.content_hash)
    query = query.where(FILINGS.c.consignment_id.in_(sorted({key[0] for key in keys})))
    stored = {row[:3]: row[3] for row in map(tuple, connection.execute(query))}
    places = [place for place, key in enumerate(keys) if stored[key] != chunk.hashes[place]]
    if not places:
        return []
    query = select(*_CONTENT, FILINGS.c.source)
    query = query.where(FILINGS.c.consignment_id.in_(sorted({keys[place][0] for place in places})))
    full = {tuple(row[name] for name in KEY): row for row in connection.execute(query).mappings()}
    conflicts = []
    for place in places:
        old = full[keys[place]]
        name, line, version = keys[place]
        differs = tuple(each.name for each in _CONTENT if chunk.column(each.name)[place] != old[each.name])
        conflicts.append(Conflict(chunk.start + place, name, line, version, old["source"], differs))
    return conflicts


def _lock_order(connection: Connection, frame: pd.DataFrame) -> NDArray[np.intp] | None:
    """The order of the key on PostgreSQL, where two writers of the same lines could wait for each other in a ring.

    SQLite lets one writer in at a time, so any order is good.
    """
    keys = [name for name in KEY if name in frame.columns]
    if connection.dialect.name == "sqlite" or not keys:
        return None
    return frame[keys].reset_index(drop=True).sort_values(keys, kind="stable").index.to_numpy()
