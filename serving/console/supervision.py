"""What a supervisor watches: what inspections find and by whom they were chosen, workload, overrides, what is owed.

Figures are of outcomes recorded in the last months, each consignment by its last outcome. Officers stand under
letters, so that the page speaks of practice and not of persons.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from string import ascii_uppercase
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import Connection, and_, func, select

from serving.store.append import microseconds, moment
from serving.store.tables import FILINGS, OUTCOME_ROWS
from serving.store.work import DECISIONS, SELECTIONS, WORKLIST
from training.backtest import wilson

DAYS: Final = 120
POINTS: Final = 60


def results(connection: Connection, label: str, offices: Sequence[str] | None, now: datetime) -> pd.DataFrame:
    """Consignments with an outcome recorded in the DAYS before the latest one.

    Columns: consignment_id, recorded_at, found (1.0, 0.0, NaN when inconclusive), chosen (how it was chosen), officer,
    office, and lane and probability where it was scored.
    """
    out, work, filed = OUTCOME_ROWS.c, WORKLIST.c, FILINGS.c
    latest = select(func.max(out.recorded_at)).where(out.recorded_at <= microseconds(now))
    last = connection.execute(latest).scalar_one() or 0
    office = func.coalesce(work.office, filed.customs_office)
    first = and_(filed.consignment_id == out.consignment_id, filed.line_no == 1, filed.version == 1)
    query = (
        select(out.consignment_id, out.recorded_at, out.result, out.selection_reason, out.officer_id, work.lane, office,
               work.probability)
        .join(WORKLIST, work.consignment_id == out.consignment_id, isouter=True)
        .join(FILINGS, first, isouter=True)
        .where(out.recorded_at > last - DAYS * 86_400_000_000, out.recorded_at <= last, out.label == label)
        .order_by(out.recorded_at, out.id)
    )  # fmt: skip
    if offices is not None:
        query = query.where(office.in_(list(offices)))
    frame = pd.DataFrame(
        connection.execute(query).all(),
        columns=["consignment_id", "recorded_at", "result", "chosen", "officer", "lane", "office", "probability"],
    ).drop_duplicates("consignment_id", keep="last")
    found = (frame["result"] == "wildlife").astype(float).where(frame["result"] != "inconclusive")
    stated = {"found": found, "chosen": frame["chosen"].fillna("not stated"), "office": frame["office"].fillna("?")}
    return frame.assign(**stated).reset_index(drop=True)


def rates(frame: pd.DataFrame, by: str) -> list[dict[str, Any]]:
    """For each value of a column: inspections, finds, their share and its 95 % interval (Wilson)."""
    known = frame[frame["found"].notna()]
    rows = []
    for name, part in known.groupby(by, sort=True):
        n, hits = len(part), int(part["found"].sum())
        interval = wilson(hits / n, n)
        counts = {"name": str(name), "inspections": n, "finds": hits, "rate": hits / n}
        rows.append({**counts, "low": interval["low"], "high": interval["high"]})
    return rows


def without_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Officers under letters, in an order that says nothing of them."""
    codes = sorted(frame["officer"].dropna().unique(), key=lambda code: hash_of(str(code)))
    letters = {code: _letter(number) for number, code in enumerate(codes)}
    return frame.assign(officer=frame["officer"].map(letters)).dropna(subset=["officer"])


def curve(frame: pd.DataFrame) -> list[dict[str, float]]:
    """Precision and recall among the inspected, by the probability from which one would have inspected."""
    known = frame[frame["found"].notna() & frame["probability"].notna()]
    known = known.sort_values("probability", ascending=False)
    if known.empty or not known["found"].sum():
        return []
    hits = known["found"].to_numpy().cumsum()
    counted = np.arange(1, len(known) + 1)
    places = np.unique(np.linspace(0, len(known) - 1, POINTS).astype(int))
    probability = known["probability"].to_numpy()
    return [
        {
            "threshold": float(probability[at]),
            "inspections": int(counted[at]),
            "precision": float(hits[at] / counted[at]),
            "recall": float(hits[at] / hits[-1]),
        }
        for at in places
    ]


def workload(connection: Connection, offices: Sequence[str] | None, most: int = 14) -> list[dict[str, Any]]:
    """The latest selections, the inspections they asked for, and those made."""
    query = select(*SELECTIONS.columns).order_by(SELECTIONS.c.day.desc(), SELECTIONS.c.office).limit(most)
    if offices is not None:
        query = query.where(SELECTIONS.c.office.in_(list(offices)))
    rows = []
    for made in connection.execute(query).mappings():
        done = select(func.count()).where(
            WORKLIST.c.office == made["office"], WORKLIST.c.day == made["day"], WORKLIST.c.lane == "red",
            WORKLIST.c.state == "inspected",
        )  # fmt: skip
        rows.append({**made, "done": connection.execute(done).scalar_one()})
    return rows


def owed(connection: Connection, offices: Sequence[str] | None, today: str, most: int = 50) -> list[dict[str, Any]]:
    """Consignments of earlier days that were to be inspected and have no outcome, the oldest first."""
    columns = WORKLIST.c
    query = select(*WORKLIST.columns).where(columns.day < today, columns.lane == "red", columns.state == "open")
    query = query.where(columns.decided.is_not(None)).order_by(columns.day, columns.place).limit(most)
    if offices is not None:
        query = query.where(columns.office.in_(list(offices)))
    return [dict(row) for row in connection.execute(query).mappings()]


def overrides(connection: Connection, offices: Sequence[str] | None, most: int = 30) -> list[dict[str, Any]]:
    """The latest overrides, asked for, confirmed or refused."""
    columns = DECISIONS.c
    query = (
        select(*DECISIONS.columns, WORKLIST.c.office)
        .join(WORKLIST, WORKLIST.c.consignment_id == columns.consignment_id)
        .where(columns.kind != "selection")
        .order_by(columns.id.desc())
        .limit(most)
    )
    if offices is not None:
        query = query.where(WORKLIST.c.office.in_(list(offices)))
    return [{**row, "decided_at": moment(row["decided_at"])} for row in connection.execute(query).mappings()]


def hash_of(code: str) -> bytes:
    """An order of codes that is the same everywhere and says nothing of them."""
    from hashlib import blake2b

    return blake2b(code.encode(), digest_size=8).digest()


def _letter(number: int) -> str:
    return ascii_uppercase[number % 26] + (str(number // 26) if number >= 26 else "")
