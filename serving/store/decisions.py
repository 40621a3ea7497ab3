"""What was decided about lanes: the day's selections and officers' overrides, each a row that stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from serving.store.append import append, microseconds, moment
from serving.store.rows import Columns
from serving.store.work import DECISIONS, SELECTIONS


def add(connection: Connection, *, decided_at: datetime, **values: Any) -> int:
    """Append a decision; returns its number. Raises IntegrityError when the row it answers has its answer."""
    statement = insert(DECISIONS).values(decided_at=microseconds(decided_at), **values)
    return int(connection.execute(statement.returning(DECISIONS.c.id)).scalar_one())


def add_all(connection: Connection, columns: Columns) -> None:
    """Append many decisions, column by column."""
    append(connection, DECISIONS, columns)


def of(connection: Connection, consignment_id: str) -> list[dict[str, Any]]:
    """The decisions about a consignment in the order they were made."""
    query = select(*DECISIONS.columns).where(DECISIONS.c.consignment_id == consignment_id).order_by(DECISIONS.c.id)
    return [_with_time(row, "decided_at") for row in connection.execute(query).mappings()]


def one(connection: Connection, number: int) -> dict[str, Any] | None:
    """One decision by its number."""
    row = connection.execute(select(*DECISIONS.columns).where(DECISIONS.c.id == number)).mappings().one_or_none()
    return None if row is None else _with_time(row, "decided_at")


def answer_to(connection: Connection, number: int) -> dict[str, Any] | None:
    """What a second person said of a decision that was asked for."""
    row = connection.execute(select(*DECISIONS.columns).where(DECISIONS.c.answers == number)).mappings().one_or_none()
    return None if row is None else _with_time(row, "decided_at")


def begin_selection(connection: Connection, *, made_at: datetime, **values: Any) -> int | None:
    """Note the selection of an office on a day; its number, or None when there is one already."""
    columns: dict[str, Sequence[Any]] = {name: [value] for name, value in values.items()}
    columns["made_at"] = [microseconds(made_at)]
    if not append(connection, SELECTIONS, {name: list(value) for name, value in columns.items()}):
        return None
    found = selection(connection, values["office"], values["day"])
    assert found is not None
    return int(found["id"])


def selection(connection: Connection, office: str, day: str) -> dict[str, Any] | None:
    """The selection of an office on a day, if it was made."""
    wanted = (SELECTIONS.c.office == office, SELECTIONS.c.day == day)
    row = connection.execute(select(*SELECTIONS.columns).where(*wanted)).mappings().one_or_none()
    return None if row is None else _with_time(row, "made_at")


def _with_time(row: Any, name: str) -> dict[str, Any]:
    return {**row, name: moment(row[name])}
