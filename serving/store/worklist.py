"""The worklist in the store: each consignment by its last version, in the strict order of risk, page by page.

`place` is that order as text: probability and raw score from high to low, then the same hash of the consignment's id
that ranks use, then the id. So one index serves any page at any depth, and a cursor is the last place seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, select, update

from risk.selection import stable_hash
from serving.store import cancellations
from serving.store.append import moment
from serving.store.rows import CHUNK, Columns, plain
from serving.store.work import CLAIMS, WORKLIST

OPEN: Final = "open"
INSPECTED: Final = "inspected"
CANCELLED: Final = "cancelled"
_COLUMNS: Final = [column.name for column in WORKLIST.columns]
_SCORED: Final = ("version", "office", "place", "assessment_id", "probability", "raw_score", "filed_at")
_DECIDED: Final = ("day", "lane", "selected_by", "propensity")


@dataclass(frozen=True)
class Wanted:
    """Which entries: of these offices (all when None), of a day, in a lane, after a place (exclusive)."""

    day: str
    offices: Sequence[str] | None = None
    lane: str | None = None
    state: str | None = OPEN
    after: str = ""


def places(ids: Sequence[str], probability: NDArray[np.float64], raw: NDArray[np.float64]) -> list[str]:
    """For each consignment the text that puts them in the order of `risk.selection.ranks`."""
    parts = (_descending(probability), _descending(raw), stable_hash(ids))
    return [f"{p:016x}{r:016x}{h:016x}{name}" for p, r, h, name in zip(*(part.tolist() for part in parts), ids,
                                                                     strict=True)]  # fmt: skip


def _descending(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Whole numbers that grow as the values fall."""
    bits = (np.asarray(values, np.float64) + 0.0).view(np.uint64)  # + 0.0: of the two zeros there is one
    top = np.uint64(1) << np.uint64(63)
    return np.asarray(np.where(bits & top, bits, ~(bits | top)))


def put(connection: Connection, assessed: pd.DataFrame, ids: Sequence[str]) -> None:
    """Take assessments (with `filed_at` and `customs_office`) in; `ids` are theirs.

    Only a newer version changes an entry. It keeps the day and the lane that were decided, so that nobody can amend
    a consignment out of an inspection, and stays inspected.
    """
    if assessed.empty:
        return
    names = assessed["consignment_id"].tolist()
    raw = assessed["raw_score"].to_numpy(np.float64)
    filed = plain(assessed["filed_at"])
    values = {
        "consignment_id": names,
        "version": assessed["version"].tolist(),
        "office": [office or "" for office in plain(assessed["customs_office"])],
        "day": [moment(time).strftime("%Y-%m-%d") for time in filed],
        "place": places(names, assessed["probability"].to_numpy(np.float64), raw),
        "assessment_id": list(ids),
        "probability": assessed["probability"].tolist(),
        "raw_score": raw.tolist(),
        "lane": assessed["lane"].tolist(),
        "selected_by": plain(assessed["selected_by"]),
        "propensity": assessed["propensity"].tolist(),
        "decided": [None] * len(names),
        "state": [OPEN] * len(names),
        "filed_at": filed,
    }
    quote = connection.dialect.identifier_preparer.quote
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    sets = [f"{quote(name)} = excluded.{quote(name)}" for name in _SCORED]
    sets += [
        f"{name} = CASE WHEN worklist.decided IS NULL THEN excluded.{name} ELSE worklist.{name} END"
        for name in _DECIDED
    ]
    sets.append("state = CASE WHEN worklist.state = 'inspected' THEN worklist.state ELSE excluded.state END")
    statement = (
        f"INSERT INTO worklist ({', '.join(map(quote, _COLUMNS))}) VALUES ({', '.join([mark] * len(_COLUMNS))}) "
        f"ON CONFLICT (consignment_id) DO UPDATE SET {', '.join(sets)} WHERE excluded.version > worklist.version"
    )
    order = sorted(range(len(names)), key=names.__getitem__)  # so that two writers cannot wait for each other in a ring
    connection.exec_driver_sql(statement, [tuple(values[name][at] for name in _COLUMNS) for at in order])
    if cancellations.some(connection):
        settle(connection, names)


def page(connection: Connection, wanted: Wanted, limit: int, *narrowed: ColumnElement[bool]) -> list[dict[str, Any]]:
    """At most so many entries in order, with who holds them, of those that fulfil all further conditions."""
    columns = WORKLIST.c
    query = (
        select(*WORKLIST.columns, CLAIMS.c.claimed_by, CLAIMS.c.expires_at)
        .select_from(WORKLIST.outerjoin(CLAIMS, CLAIMS.c.consignment_id == columns.consignment_id))
        .where(columns.day == wanted.day, columns.place > wanted.after, *narrowed)
        .order_by(columns.place)
        .limit(limit)
    )
    if wanted.lane is not None:
        query = query.where(columns.lane == wanted.lane)
    if wanted.state is not None:
        query = query.where(columns.state == wanted.state)
    if wanted.offices is not None and len(wanted.offices) != 1:
        return _merged(connection, query, wanted.offices, limit)
    if wanted.offices is not None:
        query = query.where(columns.office == wanted.offices[0])
    return [dict(row) for row in connection.execute(query).mappings()]


def _merged(connection: Connection, query: Any, offices: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """The first entries of several offices: each by its own stretch of the index."""
    found = [
        dict(row)
        for office in offices
        for row in connection.execute(query.where(WORKLIST.c.office == office)).mappings()
    ]
    return sorted(found, key=lambda entry: str(entry["place"]))[:limit]


def day_of(connection: Connection, office: str, day: str) -> list[dict[str, Any]]:
    """All open entries of an office on a day whose lane was not decided yet, in order."""
    columns = WORKLIST.c
    query = select(*WORKLIST.columns).where(columns.office == office, columns.day == day, columns.state == OPEN)
    query = query.where(columns.decided.is_(None))
    return [dict(row) for row in connection.execute(query.order_by(columns.place)).mappings()]


def latest_day(connection: Connection) -> str | None:
    """The last day of which there is an entry."""
    day: str | None = connection.execute(select(func.max(WORKLIST.c.day))).scalar_one()
    return day


def one(connection: Connection, consignment_id: str, *, lock: bool = False) -> dict[str, Any] | None:
    """The entry of a consignment; `lock` keeps other writers off it until the end of the transaction."""
    query = select(*WORKLIST.columns).where(WORKLIST.c.consignment_id == consignment_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return None if row is None else dict(row)


def set_lanes(connection: Connection, columns: Columns, decided: str) -> None:
    """Put consignments into lanes: `consignment_id`, `lane`, `selected_by` and `propensity`, column by column."""
    statement = (
        update(WORKLIST)
        .where(WORKLIST.c.consignment_id == bindparam("key"))
        .values(decided=decided, **{name: bindparam(f"new_{name}") for name in ("lane", "selected_by", "propensity")})
    )
    names = ("consignment_id", "lane", "selected_by", "propensity")
    rows = zip(*(columns[name] for name in names), strict=True)
    words = ("key", "new_lane", "new_selected_by", "new_propensity")
    connection.execute(statement, [dict(zip(words, row, strict=True)) for row in sorted(rows, key=lambda row: row[0])])


def set_state(connection: Connection, ids: Sequence[str], state: str) -> None:
    """Say that consignments are inspected, cancelled or open."""
    for start in range(0, len(ids), CHUNK):
        part = list(ids[start : start + CHUNK])
        wanted = and_(WORKLIST.c.consignment_id.in_(part), WORKLIST.c.state != state)
        connection.execute(update(WORKLIST).where(wanted).values(state=state))


def settle(connection: Connection, ids: Sequence[str] | None = None) -> None:
    """Close the entries of consignments cancelled since their last filing, and open those filed again since.

    Looked at are these consignments, or all closed entries when None. What is inspected stays so.
    """
    columns = WORKLIST.c
    query = select(columns.consignment_id, columns.state, columns.filed_at)
    if ids is None:
        parts = [query.where(columns.state == CANCELLED)]
    else:
        wanted = list(dict.fromkeys(ids))
        named = [wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK)]
        parts = [query.where(columns.consignment_id.in_(part), columns.state != INSPECTED) for part in named]
    entries = [row for part in parts for row in connection.execute(part)]
    taken_back = cancellations.latest(connection, [name for name, _, _ in entries])
    filed = cancellations.last_filed(connection, list(taken_back))
    gone = {name for name, _, at in entries if taken_back.get(name, -1) >= max(at, filed.get(name, at))}
    closed = sorted(name for name, state, _ in entries if name in gone and state != CANCELLED)
    opened = sorted(name for name, state, _ in entries if name not in gone and state == CANCELLED)
    set_state(connection, closed, CANCELLED)
    set_state(connection, opened, OPEN)


def time(value: int) -> datetime:
    """A time of an entry."""
    return moment(value)
