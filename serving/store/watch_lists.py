"""Watch lists: names, numbers and words that somebody wants to hear of, and for how long."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from serving.store.append import microseconds, moment
from serving.store.work import WATCH_ENTRIES

_TIMES = ("valid_from", "valid_until", "added_at")


def add(connection: Connection, *, valid_from: datetime, valid_until: datetime | None, added_at: datetime,
        **values: Any) -> int:  # fmt: skip
    """Add an entry; returns its number."""
    statement = insert(WATCH_ENTRIES).values(
        valid_from=microseconds(valid_from),
        valid_until=None if valid_until is None else microseconds(valid_until),
        added_at=microseconds(added_at),
        ended=False,
        **values,
    )
    return int(connection.execute(statement.returning(WATCH_ENTRIES.c.id)).scalar_one())


def lists(connection: Connection) -> list[tuple[str, int]]:
    """The lists and how many entries each has, ended ones too."""
    column = WATCH_ENTRIES.c.list
    rows = connection.execute(select(column, func.count()).group_by(column).order_by(column))
    return [(row[0], row[1]) for row in rows]


def entries(connection: Connection, name: str, at: datetime | None = None) -> list[dict[str, Any]]:
    """The entries of a list in the order they were added; with `at`, those valid at that time."""
    columns = WATCH_ENTRIES.c
    query = select(*columns).where(columns.list == name).order_by(columns.id)
    if at is not None:
        when = microseconds(at)
        query = query.where(columns.valid_from <= when, or_(columns.valid_until.is_(None), columns.valid_until > when))
    return [_shown(row) for row in connection.execute(query).mappings()]


def end(connection: Connection, name: str, number: int, who: str, now: datetime) -> dict[str, Any] | None:
    """Let an entry end now; the entry, or None when there is no such entry in force."""
    columns = WATCH_ENTRIES.c
    statement = update(WATCH_ENTRIES).where(columns.list == name, columns.id == number, columns.ended.is_(False))
    statement = statement.values(valid_until=microseconds(now), ended=True, ended_by=who)
    row = connection.execute(statement.returning(*columns)).mappings().one_or_none()
    return None if row is None else _shown(row)


def _shown(row: Any) -> dict[str, Any]:
    return {name: moment(value) if name in _TIMES and value is not None else value for name, value in row.items()}
