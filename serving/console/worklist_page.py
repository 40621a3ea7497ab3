"""The first page: the day's consignments in strict order of risk, narrowed, searched, and kept fresh."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from risk.consignment import MODES
from risk.reference import tables
from risk.selection import LANES
from serving.access.roles import Permission
from serving.api.service import Desk
from serving.console import rows
from serving.console.door import PageRoute, Principal, allowed
from serving.console.web import explained_to, language, page
from serving.console.words import words
from serving.store import finding, worklist

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SIZE: Final = 50
DAYS: Final = 14


@router.get("/", response_class=HTMLResponse)
def show(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed("worklist:read"))],
    q: Annotated[str, Query(max_length=200)] = "",
    day: Annotated[str, Query(max_length=10)] = "",
    office: Annotated[str, Query(max_length=100)] = "",
    lane: Annotated[str, Query(max_length=10)] = "",
    mode: Annotated[str, Query(max_length=20)] = "",
    origin: Annotated[str, Query(max_length=2)] = "",
    destination: Annotated[str, Query(max_length=2)] = "",
    hs: Annotated[str, Query(max_length=10)] = "",
    group: Annotated[str, Query(max_length=40)] = "",
    state: Annotated[str, Query(max_length=10)] = "open",
    after: Annotated[str, Query(max_length=600)] = "",
    said: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """The worklist of a day, or what a search finds on any day."""
    say = words(language(request))
    narrowed = finding.Filter(
        lane if lane in LANES else "",
        mode if mode in MODES else "",
        _prefixes(hs, group),
        origin.upper(),
        destination.upper(),
        state if state in ("open", "inspected", "cancelled") else "open",
    )
    mine = None if who.offices is None else sorted(who.offices)
    with service.store.reading() as connection:
        days = finding.days(connection, mine, DAYS)
        shown_day = day or (days[0] if days else "")
        offices = mine if mine is not None else rows.offices_of(connection, shown_day)
        wanted = [office] if office and office in offices else mine
        if q:
            found = [worklist.one(connection, one) for one in finding.ids(connection, q, mine, SIZE)]
            entries = [entry for entry in found if entry is not None]
        else:
            entries = finding.page(connection, shown_day, wanted, narrowed, after, SIZE + 1)
        listed = rows.shown(connection, entries[:SIZE], service.now(), partial(explained_to, who), wanted)
        counts = {} if q else finding.counts(connection, shown_day, wanted)
        left = None if q else rows.inspections_left(connection, shown_day, wanted if wanted is not None else offices)
    if q and len(listed) == 1:
        return RedirectResponse(f"/consignments/{listed[0]['consignment_id']}", 303)
    asked = {"day": shown_day, "office": office, "lane": lane, "mode": mode, "origin": origin,
             "destination": destination, "hs": hs, "group": group, "state": state}  # fmt: skip
    kept = {name: value for name, value in asked.items() if value}
    more = not q and len(entries) > SIZE
    values: dict[str, Any] = {
        "q": q,
        "days": days if shown_day in days or not shown_day else [shown_day, *days],
        "shown_day": shown_day,
        "offices": offices,
        "office": office,
        "lanes": LANES,
        "modes": MODES,
        "groups": _groups(),
        "group": group,
        "hs": hs,
        "filter": narrowed,
        "lane_counts": counts,
        "left": left,
        "entries": listed,
        "most": max((entry["probability"] for entry in listed), default=1.0),
        "here": "/?" + urlencode({**kept, **({"after": after} if after else {})}),
        "following": "/?" + urlencode({**kept, "after": entries[SIZE - 1]["place"]}) if more else "",
        "notice": say("{count} consignments found", count=len(listed)) if q and listed else said,
        "to_select": _to_select(who, office, offices, left, bool(q)),
        "empty": _empty(say, q, bool(days), len(kept) > 2),
    }
    return page(request, "worklist.html", values)


def _to_select(who: Principal, office: str, offices: list[str], left: int | None, searching: bool) -> str | None:
    """The office whose selection of the day could be made from here, if any."""
    if searching or left is not None or not who.may(Permission.MAKE_SELECTION):
        return None
    return office or (offices[0] if len(offices) == 1 else None)


def _empty(say: Any, q: str, anything: bool, narrowed: bool) -> str:
    """What to do when there is nothing to show."""
    if q:
        return str(say("Nothing was found. Try the beginning of the number, or fewer words of the name."))
    if not anything:
        return str(say("Nothing was scored yet. Send a manifest to /v1/manifests, or run risk score FILE."))
    if narrowed:
        return str(say("No consignment fits these choices. Widen them, or choose another day."))
    return str(say("Everything of this day is done. Choose another day or state."))


def _prefixes(hs: str, group: str) -> tuple[str, ...]:
    """Beginnings of HS codes for a code typed in or a species group chosen."""
    if hs.isdigit():
        return (hs,)
    return tuple(row["prefix"] for row in tables.rows("wildlife") if group and group in row["groups"].split())


def _groups() -> list[str]:
    return sorted({group for row in tables.rows("wildlife") for group in row["groups"].split()})
