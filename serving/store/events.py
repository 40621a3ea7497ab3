"""Filings and outcomes as events: by time, and by their number in the store. What the fold reads.

Numbers (`id`) grow in the order in which rows were stored, so "everything up to a number" is a set that never
changes, once no writer with a lower number is still at work; `stored` sees to that. Times are microseconds, UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, true

from risk.consignment import CONSIGNMENTS, KEY
from risk.inspection import OUTCOMES
from risk.layout import column_names
from serving.store.append import stream
from serving.store.rows import CHUNK, frame_of
from serving.store.tables import EXTRA, FILINGS, OUTCOME_ROWS

Series = NDArray[np.int64]
_LINES: Final = [FILINGS.c[name] for name in [*column_names(CONSIGNMENTS), EXTRA]]
_RESULTS: Final = [OUTCOME_ROWS.c[name] for name in column_names(OUTCOMES)]


@dataclass(frozen=True)
class Numbers:
    """The number of the last filing and of the last outcome of a set of events."""

    filings: int = 0
    outcomes: int = 0


@dataclass(frozen=True)
class Span:
    """Which events: numbered above `after` and up to `upto`, at `start` or later and before `before`."""

    after: Numbers = Numbers()
    upto: Numbers | None = None
    start: int | None = None
    before: int | None = None

    @property
    def filings(self) -> ColumnElement[bool]:
        """The condition for a filing to be of these."""
        upto = None if self.upto is None else self.upto.filings
        return self._condition(FILINGS.c.id, FILINGS.c.filed_at, self.after.filings, upto)

    @property
    def outcomes(self) -> ColumnElement[bool]:
        """The condition for an outcome to be of these."""
        upto = None if self.upto is None else self.upto.outcomes
        return self._condition(OUTCOME_ROWS.c.id, OUTCOME_ROWS.c.recorded_at, self.after.outcomes, upto)

    def _condition(self, number: Any, time: Any, after: int, upto: int | None) -> ColumnElement[bool]:
        parts = [
            number > after if after else None,
            number <= upto if upto is not None else None,
            time >= self.start if self.start is not None else None,
            time < self.before if self.before is not None else None,
        ]
        return and_(true(), *(part for part in parts if part is not None))


def one_moment(connection: Connection) -> None:
    """Let the connection see the store as it is now until its transaction ends, whatever others write meanwhile.

    To be called first in a transaction; with SQLite every transaction is so.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def stored(connection: Connection) -> Numbers:
    """The numbers up to which every filing and outcome is stored for good; in a transaction of its own.

    On PostgreSQL it waits for the writers at work, for one that began before another may end after it.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE filings, outcomes IN SHARE MODE")
    last = (connection.execute(select(func.max(table.c.id))).scalar_one() for table in (FILINGS, OUTCOME_ROWS))
    return Numbers(*(number or 0 for number in last))


def unfolded(connection: Connection, after: Numbers, upto: Numbers, label: str) -> tuple[Series, Series]:
    """Number and time of each filing and of each outcome above `after` and up to `upto`, in order of number."""
    found: list[Series] = []
    for table, (time, wanted) in zip((FILINGS, OUTCOME_ROWS), _timed(Span(after, upto), label), strict=True):
        rows = connection.execute(select(table.c.id, time).where(*wanted).order_by(table.c.id)).all()
        found.append(np.array([tuple(row) for row in rows], np.int64).reshape(-1, 2))
    return found[0], found[1]


def numbered(
    connection: Connection, filings: Sequence[int], results: Sequence[int], label: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The lines and the outcomes with these numbers; lines have a column `number` besides. By time filed and key."""
    query = select(*_LINES, FILINGS.c.id).order_by(*(FILINGS.c[name] for name in ("filed_at", *KEY)))
    rows: list[Sequence[Any]] = []
    for start in range(0, len(filings), CHUNK):
        rows += connection.execute(query.where(FILINGS.c.id.in_(list(filings[start : start + CHUNK])))).all()
    frame = frame_of([[row[:-1] for row in rows]], CONSIGNMENTS, extra=EXTRA)
    frame["number"] = np.array([row[-1] for row in rows], np.int64)
    if len(filings) > CHUNK:
        frame = frame.sort_values(["filed_at", *KEY], ignore_index=True)
    parts = [list(results[start : start + CHUNK]) for start in range(0, max(len(results), 1), CHUNK)]
    columns = OUTCOME_ROWS.c
    wanted = [select(*_RESULTS).where(columns.label == label, columns.id.in_(part)) for part in parts]
    return frame, _outcomes(connection, wanted)


def lines(connection: Connection, span: Span) -> pd.DataFrame:
    """The lines filed in the span, by time filed and key."""
    return _lines(connection, [select(*_LINES).where(span.filings)])


def outcomes(connection: Connection, span: Span, label: str) -> pd.DataFrame:
    """The outcomes recorded in the span, by time recorded, consignment and line."""
    return _outcomes(connection, [select(*_RESULTS).where(OUTCOME_ROWS.c.label == label, span.outcomes)])


def lines_of(connection: Connection, ids: Sequence[str], *spans: Span) -> pd.DataFrame:
    """The lines of some consignments that are in one of the spans, by time filed and key."""
    wanted = or_(*(span.filings for span in spans))
    return _lines(
        connection, [select(*_LINES).where(FILINGS.c.consignment_id.in_(part), wanted) for part in _parts(ids)]
    )


def outcomes_of(connection: Connection, ids: Sequence[str], label: str, *spans: Span) -> pd.DataFrame:
    """The outcomes of some consignments that are in one of the spans, by time recorded, consignment and line."""
    wanted = and_(OUTCOME_ROWS.c.label == label, or_(*(span.outcomes for span in spans)))
    return _outcomes(
        connection, [select(*_RESULTS).where(OUTCOME_ROWS.c.consignment_id.in_(part), wanted) for part in _parts(ids)]
    )


def times(connection: Connection, span: Span, label: str) -> tuple[int, int] | None:
    """The first and the last time of an event of the span; None when there is none."""
    some = []
    for time, wanted in _timed(span, label):
        if span.after == Numbers():  # the ends of the index on times
            ends = [
                connection.execute(select(time).where(*wanted).order_by(order).limit(1)).scalar_one_or_none()
                for order in (time.asc(), time.desc())
            ]
        else:
            ends = list(connection.execute(select(func.min(time + 0), func.max(time + 0)).where(*wanted)).one())
        some += [end for end in ends if end is not None]
    return (min(some), max(some)) if some else None


def cut(connection: Connection, span: Span, label: str, rows: int) -> int | None:
    """A time later than the first of the span before which about `rows` filings and as many outcomes lie at most.

    None when the span has no more than that. Events of one time are never parted, however many they are.
    """
    nth = []
    for time, wanted in _timed(span, label):
        order = time if span.after == Numbers() else time + 0  # few are new: sorted, not looked for in the whole index
        query = select(time).where(*wanted).order_by(order).limit(1).offset(rows)
        nth.append(connection.execute(query).scalar_one_or_none())
    found = min((time for time in nth if time is not None), default=None)
    first = times(connection, Span(span.after, span.upto, span.start, found), label) if found is not None else None
    if found is None or first is not None:
        return found
    later = times(connection, Span(span.after, span.upto, found + 1, span.before), label)
    return None if later is None else later[0]


def _timed(span: Span, label: str) -> tuple[tuple[Any, tuple[Any, ...]], tuple[Any, tuple[Any, ...]]]:
    return (
        (FILINGS.c.filed_at, (span.filings,)),
        (OUTCOME_ROWS.c.recorded_at, (OUTCOME_ROWS.c.label == label, span.outcomes)),
    )


def _lines(connection: Connection, queries: Sequence[Select[Any]]) -> pd.DataFrame:
    order = [FILINGS.c[name] for name in ("filed_at", *KEY)]
    parts = (part for query in queries for part in stream(connection, query.order_by(*order)))
    frame = frame_of(parts, CONSIGNMENTS, extra=EXTRA)
    return frame if len(queries) < 2 else frame.sort_values(["filed_at", *KEY], ignore_index=True)


def _outcomes(connection: Connection, queries: Sequence[Select[Any]]) -> pd.DataFrame:
    columns = OUTCOME_ROWS.c
    order = [columns.recorded_at, columns.consignment_id, columns.line_no, columns.content_hash]
    parts = (part for query in queries for part in stream(connection, query.order_by(*order)))
    frame = frame_of(parts, OUTCOMES)
    by = ["recorded_at", "consignment_id", "line_no"]
    return frame if len(queries) < 2 else frame.sort_values(by, kind="stable", ignore_index=True)


def _parts(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[start : start + CHUNK]) for start in range(0, len(ids), CHUNK)]
