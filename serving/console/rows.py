"""The worklist as rows to read: what was filed, the top reason, the rank of the day, put together for one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection, func, select

from risk.explanation import Explanation
from risk.reference import countries, ports
from serving.store import bases, decisions
from serving.store.append import microseconds, moment
from serving.store.tables import ASSESSMENT_ROWS, FILINGS
from serving.store.work import WORKLIST

Tell = Callable[[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]], Explanation]

_FILED: Final = [
    FILINGS.c[name]
    for name in (
        "consignment_id", "version", "line_no", "bl_no", "stage", "consignee_name", "consignee_id", "hs_code",
        "description", "gross_weight_kg", "loading_port", "loading_country", "origin_country", "discharge_port",
        "destination_country",
    )
]  # fmt: skip


def shown(
    connection: Connection,
    entries: Sequence[Mapping[str, Any]],
    now: Any,
    tell: Tell,
    offices: Sequence[str] | None,
) -> list[dict[str, Any]]:
    """Entries of the worklist with what an officer reads of each, in the order given.

    `tell` puts stored reasons and indicators into one explanation, as this officer may see it; `offices` are those
    among which the rank of the day is counted, all when None.
    """
    if not entries:
        return []
    ids = [entry["assessment_id"] for entry in entries]
    told = _reasons(connection, ids)
    riskiest = bases.riskiest_lines(connection, ids)
    lines = _lines(connection, [entry["consignment_id"] for entry in entries])
    ranks = _ranks(connection, entries, offices)
    found = []
    for entry in entries:
        own = lines.get((entry["consignment_id"], entry["version"]), [])
        speaking = riskiest.get(entry["assessment_id"])
        line: Mapping[str, Any] = next((one for one in own if one["line_no"] == speaking), own[0] if own else {})
        explained = tell(*told.get(entry["assessment_id"], ([], []))).items
        held = entry.get("claimed_by") if (entry.get("expires_at") or 0) > microseconds(now) else None
        found.append(
            {
                **entry,
                "rank": ranks.get(entry["consignment_id"]),
                "bill": line.get("bl_no"),
                "stage": line.get("stage"),
                "consignee": line.get("consignee_name") or line.get("consignee_id"),
                "route": f"{place(line, 'loading')} → {place(line, 'discharge')}",
                "goods": goods(line, len(own)),
                "reason": next((one for one in explained if one.direction == "raises"), None),
                "claimed_by": held,
                "filed": moment(entry["filed_at"]),
            }
        )
    return found


def place(line: Mapping[str, Any], end: str) -> str:
    """Where goods are loaded or discharged: the port with its country, or the country alone."""
    code = line.get(f"{end}_port")
    country = line.get("loading_country" if end == "loading" else "destination_country")
    known = ports.port(code) if code else None
    if known is not None:
        return f"{known.name} ({countries.name(known.country) or known.country})"
    named = countries.name(country) or country if country else None
    return f"{code} ({named})" if code and named else code or named or "?"


def goods(line: Mapping[str, Any], lines: int = 1) -> str:
    """What the riskiest line holds, in one line of text."""
    parts = [str(line["description"])[:80]] if line.get("description") else []
    parts += [f"HS {line['hs_code']}"] if line.get("hs_code") else []
    parts += [f"{line['gross_weight_kg']:,.0f} kg"] if line.get("gross_weight_kg") is not None else []
    parts += [f"+ {lines - 1}"] if lines > 1 else []
    return ", ".join(parts) or "?"


def inspections_left(connection: Connection, day: str, offices: Sequence[str]) -> int | None:
    """Inspections of the day's selections that were not made yet; None where nothing was selected."""
    made = [found for office in offices if (found := decisions.selection(connection, office, day)) is not None]
    if not made:
        return None
    columns = WORKLIST.c
    done = connection.execute(
        select(func.count()).where(
            columns.day == day,
            columns.lane == "red",
            columns.state == "inspected",
            columns.office.in_([one["office"] for one in made]),
        )
    ).scalar_one()
    return max(sum(int(one["inspections"]) for one in made) - int(done), 0)


def offices_of(connection: Connection, day: str) -> list[str]:
    """The offices that have entries on a day."""
    query = select(WORKLIST.c.office).where(WORKLIST.c.day == day).distinct().order_by(WORKLIST.c.office)
    return [row[0] for row in connection.execute(query)]


def _reasons(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[list[Any], list[Any]]]:
    columns = ASSESSMENT_ROWS.c
    query = select(columns.id, columns.reasons, columns.indicators).where(columns.id.in_(list(ids)))
    return {row[0]: (_loaded(row[1]), _loaded(row[2])) for row in connection.execute(query)}


def _loaded(text: str | None) -> list[Any]:
    return list(orjson.loads(text)) if text else []


def _lines(connection: Connection, ids: Sequence[str]) -> dict[tuple[str, int], list[dict[str, Any]]]:
    query = select(*_FILED).where(FILINGS.c.consignment_id.in_(list(ids)))
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in connection.execute(query.order_by(FILINGS.c.line_no)).mappings():
        found.setdefault((row["consignment_id"], row["version"]), []).append(dict(row))
    return found


def _ranks(
    connection: Connection, entries: Sequence[Mapping[str, Any]], offices: Sequence[str] | None
) -> dict[str, int]:
    """The place of each among all of its day at these offices, 1 the riskiest."""
    columns = WORKLIST.c
    found: dict[str, int] = {}
    for day in {entry["day"] for entry in entries}:
        own = sorted((str(entry["place"]), entry["consignment_id"]) for entry in entries if entry["day"] == day)
        there = [columns.day == day, *([] if offices is None else [columns.office.in_(list(offices))])]
        before = connection.execute(select(func.count()).where(*there, columns.place < own[0][0])).scalar_one()
        between = select(columns.place).where(*there, columns.place >= own[0][0], columns.place <= own[-1][0])
        rank = {place: number for number, (place,) in enumerate(connection.execute(between.order_by(columns.place)), 1)}
        found |= {name: int(before) + rank[place] for place, name in own if place in rank}
    return found
