"""What an officer reads about one consignment: the record, its versions, the parties' past, similar cases.

Makes plain dictionaries for the page out of the store; asks nothing of the web.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import pandas as pd
from sqlalchemy import Connection, RowMapping, and_, func, or_, select

from risk.consignment import CONSIGNMENTS
from risk.layout import column_names
from risk.parties.mentions import Mention
from risk.parties.resolver import Parties
from risk.reference import identifiers
from serving.console.route_map import Way
from serving.console.rows import goods, place
from serving.store.append import moment
from serving.store.tables import FILINGS, OUTCOME_ROWS

MOST_EVENTS: Final = 60
MOST_SIMILAR: Final = 8
MOST_SPELLINGS: Final = 50
USUAL_OF: Final = 500
"""So many of the latest filings of a port pair say what its usual route is."""
_SUMMARY: Final = [FILINGS.c[name] for name in (
    "consignment_id", "version", "line_no", "filed_at", "hs_code", "description", "gross_weight_kg", "loading_port",
    "loading_country", "origin_country", "discharge_port", "destination_country", "consignee_name", "shipper_name",
)]  # fmt: skip


def versions(lines: pd.DataFrame) -> list[dict[str, Any]]:
    """Each version with its lines; every field with its value and whether it differs from the version before."""
    found: list[dict[str, Any]] = []
    before: dict[int, Mapping[str, Any]] = {}
    own = {"consignment_id", "line_no", "version", "stage", "filed_at", "containers", "permits"}
    fields = [name for name in column_names(CONSIGNMENTS) if name in lines and name not in own]
    for version in sorted(set(lines["version"].tolist())):
        part = lines[lines["version"] == version]
        rows: dict[int, Mapping[str, Any]] = {int(row["line_no"]): row for row in _records(part)}
        first = next(iter(rows.values()))
        shown = []
        for number, row in rows.items():
            values = [
                {"name": name, "value": row[name], "changed": bool(before) and _differs(before.get(number), row, name)}
                for name in fields
                if not absent(row[name]) or (bool(before) and _differs(before.get(number), row, name))
            ]
            shown.append({"line_no": number, "fields": values})
        gone = sorted(set(before) - set(rows))
        found.append({"version": version, "stage": first.get("stage"), "filed_at": first["filed_at"],
                      "lines": shown, "gone": gone})  # fmt: skip
        before = rows
    return found


def containers(lines: pd.DataFrame) -> list[dict[str, Any]]:
    """The containers of a version, each once, with what its number's check digit says."""
    seen: dict[str, dict[str, Any]] = {}
    for text in lines.get("containers", ()):
        for box in orjson.loads(text) if isinstance(text, str) else ():
            number = str(box.get("no") or "")
            if number and number not in seen:
                seen[number] = {**box, "valid": identifiers.valid_container(number)}
    return list(seen.values())


def permits(lines: pd.DataFrame) -> list[dict[str, Any]]:
    """The permits named in a version, each once."""
    texts = dict.fromkeys(text for text in lines.get("permits", ()) if isinstance(text, str))
    return [permit for text in texts for permit in orjson.loads(text)]


def ways(connection: Connection, line: Mapping[str, Any]) -> list[Way]:
    """The way declared, and the usual one of the port pair where it is another."""
    start, end = _text(line, "loading_port"), _text(line, "discharge_port")
    first = _text(line, "original_loading_port")
    declared = tuple(code for code in (first if first != start else None, start, *_ports(line), end) if code)
    found = [Way("declared", declared, " → ".join(declared))] if declared else []
    if start and end:
        columns = FILINGS.c
        latest = (
            select(columns.transhipment_ports)
            .where(columns.loading_port == start, columns.discharge_port == end)
            .order_by(columns.id.desc())
            .limit(USUAL_OF)
            .subquery()
        )
        number = func.count().label("number")
        usual = connection.execute(
            select(latest.c.transhipment_ports, number).group_by(latest.c.transhipment_ports).order_by(number.desc())
        ).first()
        if usual is not None:
            codes = (start, *_split(usual[0]), end)
            if codes != declared:
                found.append(Way("usual", codes, " → ".join(codes)))
    return found


def past_of_consignee(connection: Connection, line: Mapping[str, Any], spellings: Sequence[str]) -> dict[str, Any]:
    """Filings, inspections and finds of the consignee: events by time, the latest first, and their totals.

    `spellings` are names that were matched to this party (inferred); its own number and name are observed.
    """
    columns = FILINGS.c
    code, name = _text(line, "consignee_id"), _text(line, "consignee_name")
    names = list(dict.fromkeys([*([name] if name else []), *spellings]))
    same = [columns.consignee_id == code] if code else []
    same += [columns.consignee_name.in_(names)] if names else []
    if not same:
        return {"events": [], "filings": 0, "inspections": 0, "finds": 0, "names": []}
    own = or_(*same)
    total = connection.execute(select(func.count(columns.consignment_id.distinct())).where(own)).scalar_one()
    rows = connection.execute(
        select(*_SUMMARY).where(own).order_by(columns.filed_at.desc(), columns.line_no).limit(MOST_EVENTS * 2)
    ).mappings()
    filed = {row["consignment_id"]: _plain(row) for row in reversed(list(rows))}
    outcomes = _outcomes(connection, select(columns.consignment_id).where(own))
    events = [
        {"at": moment(row["filed_at"]), "kind": "filed", "consignment_id": key, "goods": goods(row),
         "route": f"{place(row, 'loading')} → {place(row, 'discharge')}", "name": row["consignee_name"]}
        for key, row in filed.items()
    ]  # fmt: skip
    events += [
        {"at": moment(row["recorded_at"]), "kind": row["result"], "consignment_id": row["consignment_id"],
         "goods": " ".join(str(row[name]) for name in ("species", "quantity", "unit") if row[name] is not None),
         "route": "", "name": None}
        for row in outcomes
    ]  # fmt: skip
    events.sort(key=lambda event: event["at"], reverse=True)
    used = {str(event["name"]) for event in events if event["name"]}
    return {
        "events": events[:MOST_EVENTS],
        "filings": int(total),
        "inspections": len({row["consignment_id"] for row in outcomes}),
        "finds": sum(row["result"] == "wildlife" for row in outcomes),
        "names": [{"name": one, "observed": one == name or one not in spellings} for one in sorted(used)],
    }


def party_of(parties: Parties | None, line: Mapping[str, Any]) -> dict[str, Any] | None:
    """The party that the consignee belongs to by matching: its id, the other spellings, score and rule; inferred."""
    name = _text(line, "consignee_name")
    if parties is None or name is None:
        return None
    parts = (name, *(_text(line, f"consignee_{part}") or "" for part in ("country", "address", "id")))
    linked = next((match for match in parties.resolve(Mention(*parts)) if match.linked), None)
    if linked is None:
        return None
    written = parties.mentions.written["name"]
    others = [str(written.iloc[row]) for row in parties.members(linked.party).tolist()]
    spellings = [one for one in dict.fromkeys(others) if one != name][:MOST_SPELLINGS]
    return {"id": linked.party, "score": linked.score, "rule": linked.rule, "spellings": spellings}


def similar_finds(connection: Connection, line: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Earlier wildlife finds in the same goods (HS heading) or from the same port, the latest first."""
    columns, found = FILINGS.c, OUTCOME_ROWS.c
    hs, start = _text(line, "hs_code"), _text(line, "loading_port")
    alike = [columns.hs_code.startswith(hs[:4], autoescape=True)] if hs else []
    alike += [columns.loading_port == start] if start else []
    if not alike:
        return []
    query = (
        select(*_SUMMARY, found.recorded_at, found.species, found.quantity, found.unit, found.concealment)
        .join(OUTCOME_ROWS, and_(found.consignment_id == columns.consignment_id, found.result == "wildlife"))
        .where(or_(*alike), columns.consignment_id != line["consignment_id"])
        .order_by(found.recorded_at.desc(), columns.line_no)
        .limit(MOST_SIMILAR * 4)
    )
    seen: dict[str, dict[str, Any]] = {}
    for row in map(_plain, connection.execute(query).mappings()):
        seen.setdefault(
            row["consignment_id"],
            {**row, "goods": goods(row), "route": f"{place(row, 'loading')} → {place(row, 'discharge')}",
             "recorded": moment(row["recorded_at"])},
        )  # fmt: skip
    return list(seen.values())[:MOST_SIMILAR]


def _outcomes(connection: Connection, ids: Any) -> list[dict[str, Any]]:
    columns = OUTCOME_ROWS.c
    wanted = [columns[name] for name in ("consignment_id", "recorded_at", "result", "species", "quantity", "unit")]
    query = select(*wanted).where(columns.consignment_id.in_(ids)).order_by(columns.recorded_at)
    return [dict(row) for row in connection.execute(query).mappings()]


def _records(lines: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in lines.to_dict("records")]


def _differs(before: Mapping[str, Any] | None, after: Mapping[str, Any], name: str) -> bool:
    if before is None:
        return True
    return not (absent(before[name]) and absent(after[name])) and before[name] != after[name]


def _plain(row: RowMapping) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def absent(value: Any) -> bool:
    """Whether a cell says nothing."""
    return value is None or bool(pd.isna(value))


def _text(line: Mapping[str, Any], name: str) -> str | None:
    value = line.get(name)
    return value if isinstance(value, str) and value else None


def _ports(line: Mapping[str, Any]) -> tuple[str, ...]:
    return _split(_text(line, "transhipment_ports"))


def _split(ports: str | None) -> tuple[str, ...]:
    return tuple(ports.split()) if ports else ()
