"""Which consignments the store holds with their parties, and not only as a line of a flight or house manifest.

A manifest that lists a bill says less of it than the bill's own message, so it gives no version of such a one.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, or_, select

from serving.store.rows import CHUNK
from serving.store.tables import FILINGS


def described(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of the consignments of which a stored version names a shipper or a consignee."""
    columns, found = FILINGS.c, set[str]()
    named = or_(columns.shipper_name.is_not(None), columns.consignee_name.is_not(None))
    for start in range(0, len(ids), CHUNK):
        part = list(ids[start : start + CHUNK])
        query = select(columns.consignment_id).distinct().where(columns.consignment_id.in_(part), named)
        found.update(connection.execute(query).scalars())
    return found
