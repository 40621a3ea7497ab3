"""The outcomes in the store: every result recorded, under the name of the target it is a label for.

The same result again is known. Another result for the same consignment is a correction and is stored beside
the first; which one counts at which time is for `risk.inspection` and the fold to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import pandas as pd
from sqlalchemy import Connection, func, select

from risk.inspection import OUTCOMES, Target
from risk.layout import column_names
from serving.store.append import Added, append, microseconds, stream
from serving.store.rows import chunks, frame_of
from serving.store.tables import FILINGS, OUTCOME_ROWS

LABEL: Final = Target().name

_CONTENT: Final = [OUTCOME_ROWS.c[name] for name in column_names(OUTCOMES)]


def add(
    connection: Connection,
    frame: pd.DataFrame,
    source: str,
    *,
    label: str = LABEL,
    allow_unknown: bool = False,
    received_at: datetime | None = None,
) -> Added:
    """Store the rows of an outcomes frame within the caller's transaction.

    Outcomes of consignments that the store does not hold come back as `unknown`, those recorded before the
    consignment was first filed as `early`; neither is stored, unless `allow_unknown`: then they are, and count once
    their consignment is there.
    Raises InputError when the frame does not have the layout (see `serving.store.rows.chunks`).
    """
    received = microseconds(received_at or datetime.now(UTC))
    added = Added()
    for chunk in chunks(frame, OUTCOMES):
        ids = chunk.column("consignment_id")
        kept = list(range(len(ids)))
        if not allow_unknown:
            filed, recorded = _first_filed(connection, sorted(set(ids))), chunk.column("recorded_at")
            kept = [place for place, name in enumerate(ids) if name in filed and recorded[place] >= filed[name]]
            refused = sorted(set(range(len(ids))) - set(kept))
            added.unknown += [chunk.start + place for place in refused if ids[place] not in filed]
            added.early += [chunk.start + place for place in refused if ids[place] in filed]
        # In the order of the unique key, so that two writers of the same rows cannot wait for each other in a ring.
        kept.sort(key=lambda place, hashes=chunk.hashes: hashes[place])  # type: ignore[misc]
        columns = chunk.with_all(label=label, received_at=received, source=source)
        columns = {name: [values[place] for place in kept] for name, values in columns.items()}
        new = append(connection, OUTCOME_ROWS, columns)
        added.new += new
        added.known += len(kept) - new
    return added


def read(
    connection: Connection,
    *,
    label: str = LABEL,
    recorded_before: datetime | None = None,
    consignment_id: str | None = None,
) -> pd.DataFrame:
    """The outcomes in the layout of `risk.inspection`, by time recorded, consignment and line.

    `recorded_before` (exclusive, with a zone) leaves out what was not known at that time.
    """
    columns = OUTCOME_ROWS.c
    query = select(*_CONTENT).where(columns.label == label)
    query = query.order_by(columns.recorded_at, columns.consignment_id, columns.line_no, columns.content_hash)
    if recorded_before is not None:
        query = query.where(columns.recorded_at < microseconds(recorded_before))
    if consignment_id is not None:
        query = query.where(columns.consignment_id == consignment_id)
    return frame_of(stream(connection, query), OUTCOMES)


def count(connection: Connection) -> int:
    """How many outcomes of all labels."""
    return connection.execute(select(func.count()).select_from(OUTCOME_ROWS)).scalar_one()


def _first_filed(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """When each of the consignments that the store holds was first filed, in microseconds."""
    column = FILINGS.c.consignment_id
    query = select(column, func.min(FILINGS.c.filed_at)).where(column.in_(ids)).group_by(column)
    return {row[0]: row[1] for row in connection.execute(query)}
