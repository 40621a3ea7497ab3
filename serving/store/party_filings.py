"""In which consignments the spellings of a party appear, and what inspections of them found, before a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, literal, or_, select, union_all

from risk.parties.mentions import Mention
from serving.store.append import microseconds, moment
from serving.store.parties import ROLES
from serving.store.rows import CHUNK
from serving.store.tables import FILINGS, OUTCOME_ROWS


def history(
    connection: Connection, spellings: Sequence[Mention], before: datetime | None, limit: int
) -> dict[str, Any]:
    """How many consignments, how many inspected with which last result, and the latest of them."""
    parts = [_appearances(role, spellings, before) for role in ROLES]
    parts.append(_forwarded(spellings, before))
    rows = sorted(connection.execute(union_all(*parts)), key=lambda row: (-row[2], row[0], row[1]))
    names = list(dict.fromkeys(row[0] for row in rows))
    found = _results(connection, names, before)
    latest = [
        {
            "consignment_id": row[0],
            "role": row[1],
            "filed_at": moment(row[2]),
            "result": found[row[0]][0] if row[0] in found else None,
            "recorded_at": moment(found[row[0]][1]) if row[0] in found else None,
        }
        for row in rows[:limit]
    ]
    results = Counter(result for result, _ in found.values())
    return {"consignments": len(names), "inspected": len(found), "results": dict(results), "latest": latest}


def _appearances(role: str, spellings: Sequence[Mention], before: datetime | None) -> Any:
    columns = [FILINGS.c[f"{role}_{part}"] for part in ("name", "country", "address", "id")]
    same = or_(
        *(
            and_(
                columns[0] == spelling.name,
                *(func.coalesce(column, "") == value for column, value in zip(
                    columns[1:], (spelling.country, spelling.address, spelling.identifier), strict=True)),
            )
            for spelling in spellings
        )
    )  # fmt: skip
    return _first_filed(role, same, before)


def _forwarded(spellings: Sequence[Mention], before: datetime | None) -> Any:
    return _first_filed("forwarder", FILINGS.c.forwarder_name.in_([one.name for one in spellings]), before)


def _first_filed(role: str, wanted: Any, before: datetime | None) -> Any:
    columns = FILINGS.c
    query = select(columns.consignment_id, literal(role).label("role"), func.min(columns.filed_at).label("filed_at"))
    if before is not None:
        wanted = and_(wanted, columns.filed_at < microseconds(before))
    return query.where(wanted).group_by(columns.consignment_id)


def _results(connection: Connection, names: Sequence[str], before: datetime | None) -> dict[str, tuple[str, int]]:
    """The last result of each consignment inspected, and when it was recorded."""
    columns, found = OUTCOME_ROWS.c, dict[str, tuple[str, int]]()
    for start in range(0, len(names), CHUNK):
        query = select(columns.consignment_id, columns.result, columns.recorded_at)
        query = query.where(columns.consignment_id.in_(list(names[start : start + CHUNK])))
        if before is not None:
            query = query.where(columns.recorded_at < microseconds(before))
        for row in connection.execute(query.order_by(columns.recorded_at, columns.id)):
            found[row[0]] = (row[1], row[2])
    return found
