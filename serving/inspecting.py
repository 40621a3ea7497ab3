"""What an inspection found, as an outcome: entered in a minute, completed and corrected later.

An outcome counts from the moment it is recorded. A correction is another outcome, recorded later, that repeats what
still holds; nothing recorded is ever changed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, func, select

from risk import layout
from risk.inspection import OUTCOMES
from serving.day_work import ClashError, NotThereError, why_selected
from serving.store import claims, outcomes, worklist
from serving.store.append import moment
from serving.store.tables import OUTCOME_ROWS

NAMES: Final = layout.column_names(OUTCOMES)
_TIMES: Final = {column.name for column in OUTCOMES if column.kind == "time"}


def record(connection: Connection, found: dict[str, Any], who: str, now: datetime, label: str) -> dict[str, Any]:
    """Store the outcome of an inspection; ends the officer's claim and marks the consignment as inspected.

    Why it was selected and with what probability is taken from the worklist where the entry does not say.
    Raises NotThereError for a consignment that was never filed, ClashError for one filed later than now.
    """
    name = found["consignment_id"]
    entry = worklist.one(connection, name)
    reason, probability = why_selected(entry)
    whole = {"selection_reason": reason, "selection_probability": probability, "inspected_at": now, **found}
    stored = _store(connection, {**whole, "officer_id": whole.get("officer_id") or who}, now, label)
    worklist.set_state(connection, [name], worklist.INSPECTED)
    claims.release(connection, name, who)
    return stored


def correct(connection: Connection, number: int, changes: dict[str, Any], now: datetime, label: str) -> dict[str, Any]:
    """Store a later finding on an inspection: what `changes` says anew, everything else as recorded before.

    Raises NotThereError when there is no such outcome, ClashError when it was corrected by a later one.
    """
    before = one(connection, number)
    if before is None:
        raise NotThereError(f"there is no inspection {number}")
    column = OUTCOME_ROWS.c
    same = (column.consignment_id == before["consignment_id"], column.line_no == before["line_no"])
    last = connection.execute(select(func.max(column.id)).where(*same)).scalar_one()
    if last != number:
        raise ClashError(f"inspection {number} was corrected already, by {last}; correct that one")
    whole = {name: before[name] for name in NAMES if name != "recorded_at"}
    later = max(now, before["recorded_at"] + timedelta(microseconds=1))
    return _store(connection, {**whole, **changes}, later, label)


def one(connection: Connection, number: int) -> dict[str, Any] | None:
    """An outcome by its number, times as datetime."""
    columns = [OUTCOME_ROWS.c.id, *(OUTCOME_ROWS.c[name] for name in NAMES)]
    row = connection.execute(select(*columns).where(OUTCOME_ROWS.c.id == number)).mappings().one_or_none()
    return None if row is None else shown(row)


def of(connection: Connection, consignment_id: str) -> list[dict[str, Any]]:
    """The outcomes of a consignment in the order they were recorded."""
    columns = [OUTCOME_ROWS.c.id, *(OUTCOME_ROWS.c[name] for name in NAMES)]
    query = select(*columns).where(OUTCOME_ROWS.c.consignment_id == consignment_id)
    rows = connection.execute(query.order_by(OUTCOME_ROWS.c.recorded_at, OUTCOME_ROWS.c.id)).mappings()
    return [shown(row) for row in rows]


def shown(row: Any) -> dict[str, Any]:
    """A row with its times as datetime."""
    return {name: moment(value) if name in _TIMES and value is not None else value for name, value in row.items()}


def _store(connection: Connection, whole: dict[str, Any], now: datetime, label: str) -> dict[str, Any]:
    recorded = now.astimezone(UTC)
    frame = pd.DataFrame(
        {
            column.name: pd.Series(
                [_value({"line_no": 0, **whole, "recorded_at": recorded}.get(column.name), column.kind)],
                dtype=layout.dtype(column),
            )
            for column in OUTCOMES
        }
    )
    added = outcomes.add(connection, frame, "inspection", label=label, received_at=recorded)
    if added.unknown:
        raise NotThereError(f"no consignment {whole['consignment_id']} was filed here")
    if added.early:
        raise ClashError(f"{whole['consignment_id']} was filed later than now; an inspection cannot be earlier")
    same = (OUTCOME_ROWS.c.consignment_id == whole["consignment_id"], OUTCOME_ROWS.c.label == label)
    number = connection.execute(select(func.max(OUTCOME_ROWS.c.id)).where(*same)).scalar_one()
    found = one(connection, number)
    assert found is not None
    return found


def _value(value: Any, kind: str) -> Any:
    if value is None and kind == "number":
        return float("nan")
    if value is None and kind == "time":
        return pd.NaT
    return value
