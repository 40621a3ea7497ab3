"""Filings and outcomes as events: by time, by number in the store, and as one moment that no writer moves.

What the fold reads. Numbers (`id`) grow in the order in which rows were stored, so "everything up to a number" is a
set that never changes, provided that no writer with a lower number is still at work; `stored` sees to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, Select, func, or_, select

from risk.consignment import CONSIGNMENTS, KEY
from risk.inspection import OUTCOMES
from risk.layout import column_names
from serving.store.append import stream
from serving.store.rows import CHUNK, frame_of
from serving.store.tables import EXTRA, FILINGS, OUTCOME_ROWS

_LINES: Final = [FILINGS.c[name] for name in [*column_names(CONSIGNMENTS), EXTRA]]
_RESULTS: Final = [OUTCOME_ROWS.c[name] for name in column_names(OUTCOMES)]
_LINE_ORDER: Final = ("filed_at", *KEY)
_RESULT_ORDER: Final = ("recorded_at", "consignment_id", "line_no")


@dataclass(frozen=True)
class Numbers:
    """The number of the last filing and of the last outcome of a set of events."""

    filings: int = 0
    outcomes: int = 0


@dataclass(frozen=True)
class Span:
    """Which events: numbered above `after` and up to `upto`, at `start` or later and before `before` (microseconds)."""

    after: Numbers = Numbers()
    upto: Numbers | None = None
    start: int | None = None
    before: int | None = None

    def _where(self, query: Select[Any], number: Any, time: Any, after: int, upto: int | None) -> Select[Any]:
        query = query.where(number > after) if after else query
        query = query if upto is None else query.where(number <= upto)
        query = query if self.start is None else query.where(time >= self.start)
        return query if self.before is None else query.where(time < self.before)

    def filings(self, query: Select[Any]) -> Select[Any]:
        """A query of the filings, of these only."""
        upto = None if self.upto is None else self.upto.filings
        return self._where(query, FILINGS.c.id, FILINGS.c.filed_at, self.after.filings, upto)

    def outcomes(self, query: Select[Any], label: str) -> Select[Any]:
        """A query of the outcomes, of these with the label only."""
        upto = None if self.upto is None else self.upto.outcomes
        query = query.where(OUTCOME_ROWS.c.label == label)
        return self._where(query, OUTCOME_ROWS.c.id, OUTCOME_ROWS.c.recorded_at, self.after.outcomes, upto)


def one_moment(connection: Connection) -> None:
    """Let the connection see the store as it is now until its transaction ends, whatever others write meanwhile.

    To be called first in a transaction; with SQLite every transaction is so.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def stored(connection: Connection) -> Numbers:
    """The numbers up to which every filing and outcome is stored for good, to be called in a transaction of its own.

    On PostgreSQL it waits for the writers at work, for one that began before another may end after it.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE filings, outcomes IN SHARE MODE")
    last = (connection.execute(select(func.max(table.c.id))).scalar_one() for table in (FILINGS, OUTCOME_ROWS))
    return Numbers(*(number or 0 for number in last))


def lines(connection: Connection, span: Span) -> pd.DataFrame:
    """The lines filed in the span, by time filed and key."""
    return _lines(connection, [span.filings(select(*_LINES))])


def outcomes(connection: Connection, span: Span, label: str) -> pd.DataFrame:
    """The outcomes recorded in the span, by time recorded, consignment and line."""
    return _outcomes(connection, [span.outcomes(select(*_RESULTS), label)])


def lines_of(
    connection: Connection, ids: Sequence[str], folded: Numbers, *, span: Span | None = None
) -> pd.DataFrame:
    """The lines of some consignments that are numbered up to `folded`, or in the span; by time filed and key."""
    column = FILINGS.c
    wanted: Any = column.id <= folded.filings
    if span is not None:
        wanted = or_(wanted, column.id.in_(span.filings(select(column.id))))
    queries = [select(*_LINES).where(column.consignment_id.in_(part), wanted) for part in _parts(ids)]
    return _lines(connection, queries)


def outcomes_of(
    connection: Connection, ids: Sequence[str], label: str, folded: Numbers, *, span: Span | None = None
) -> pd.DataFrame:
    """The outcomes of some consignments that are numbered up to `folded`, or in the span; by time recorded."""
    column = OUTCOME_ROWS.c
    wanted: Any = column.id <= folded.outcomes
    if span is not None:
        wanted = or_(wanted, column.id.in_(span.outcomes(select(column.id), label)))
    queries = [
        select(*_RESULTS).where(column.label == label, column.consignment_id.in_(part), wanted) for part in _parts(ids)
    ]
    return _outcomes(connection, queries)
