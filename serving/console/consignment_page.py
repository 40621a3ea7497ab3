"""One consignment: why it is here, what was filed, where it goes, who it is for, and what was done about it."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import pandas as pd
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from risk.consignment import CONSIGNMENTS
from risk.inspection import DEPTHS, RESULTS
from risk.layout import column_names
from risk.reference import cites
from risk.selection import LANES
from serving.api.service import Desk
from serving.console import case, rows
from serving.console.charts import Mark, timeline
from serving.console.door import PageRoute, Principal, allowed, may_see, record
from serving.console.route_map import route_map
from serving.console.web import explained_to, language, page
from serving.console.words import Say, words
from serving.day_work import NotThereError
from serving.inspecting import of as outcomes_of
from serving.receiving import records
from serving.replay import replay
from serving.store import assessments, claims, decisions, filings, notes, worklist

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/consignments/{consignment_id:path}", response_class=HTMLResponse)
def show(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed("consignments:read"))],
    consignment_id: str,
    said: Annotated[str, Query(max_length=300)] = "",
    bad: bool = False,
) -> HTMLResponse:
    """The page of a consignment. That it was seen is recorded."""
    tongue, tell = language(request), partial(explained_to, who)
    say = words(tongue)
    with service.store.reading() as connection:
        lines = filings.versions(connection, consignment_id)
        entry = worklist.one(connection, consignment_id)
        if lines.empty:
            missing = say("There is no consignment {id}.", id=consignment_id)
            unfiled = say("It was scored from a file that was not imported. Run risk import FILE to see its record.")
            raise NotThereError(missing if entry is None else unfiled)
        office = entry["office"] if entry else _last(lines).get("customs_office")
        may_see(who, office if isinstance(office, str) else None)
        found = assessments.read(connection, consignment_id=consignment_id)
        told = records(found)
        last = lines[lines["version"] == lines["version"].max()]
        line = _speaking(last, told)
        drawn = case.ways(connection, line)
        party = case.party_of(service.parties.at_hand(), line)
        past = case.past_of_consignee(connection, line, party["spellings"] if party else [])
        explained = tell(told[-1]["reasons"], told[-1]["indicators"]) if told else None
        values: dict[str, Any] = {
            "id": consignment_id,
            "entry": entry,
            "place": _placed(connection, entry, service.now(), tell),
            "told": told[-1] if told else None,
            "explained": explained,
            "method": explained.method_text(tongue) if explained else "",
            "assessment_id": found["id"].iloc[-1] if len(found) else "",
            "earlier": told[:-1],
            "line": line,
            "versions": case.versions(lines)[::-1],
            "containers": case.containers(last),
            "permits": case.permits(last),
            "ways": drawn,
            "party": party,
            "past": past,
            "similar": case.similar_finds(connection, line),
            "decisions": decisions.of(connection, consignment_id),
            "outcomes": outcomes_of(connection, consignment_id),
            "notes": notes.of(connection, consignment_id),
            "held": claims.holder(connection, consignment_id, service.now()),
        }
    title = say("Route of {id}", id=consignment_id)
    asked = {decision["answers"] for decision in values["decisions"]}
    values |= {
        "map": route_map(drawn, title),
        "timeline": timeline(say("The consignee until now"), _marks(say, past["events"])),
        "waiting": [one for one in values["decisions"] if one["kind"] == "asked" and one["id"] not in asked],
        "lanes": LANES,
        "results": RESULTS,
        "depths": DEPTHS,
        "species": [taxon for listing in cites.listings().values() for taxon in listing.taxa],
        "said": said,
        "bad": bad,
    }
    with service.store.transaction() as connection:
        record(connection, who, "consignment.read", consignment_id)
    return page(request, "consignment.html", values)


@router.post("/assessments/{assessment_id}/replay")
def again(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(allowed("assessments:replay"))],
    assessment_id: str,
) -> RedirectResponse:
    """Compute the assessment again from what was stored, and say whether it comes out the same."""
    say = words(language(request))
    with service.store.reading() as connection:
        stored = assessments.one(connection, assessment_id)
        if stored is None:
            raise NotThereError(say("There is no assessment {id}.", id=assessment_id))
        entry = worklist.one(connection, stored["consignment_id"])
    may_see(who, None if entry is None else entry["office"])
    made = replay(service.store, service.champion, assessment_id)
    differing = ", ".join(made.differs)
    same, other = say("Computed again: the same."), say("Computed again: differs in {names}.", names=differing)
    sentence = same if made.same else other
    with service.store.transaction() as connection:
        record(connection, who, "assessment.replay", assessment_id, None, {"same": made.same})
    return back_to(made.consignment_id, sentence, bad=not made.same)


def back_to(consignment_id: str, sentence: str, *, bad: bool = False) -> RedirectResponse:
    """The page of a consignment again, with a sentence about what was done."""
    said = urlencode({"said": sentence[:300], **({"bad": "1"} if bad else {})})
    return RedirectResponse(f"/consignments/{quote(consignment_id, safe='')}?{said}", 303)


def _placed(connection: Any, entry: dict[str, Any] | None, now: Any, tell: rows.Tell) -> dict[str, Any] | None:
    """The entry of the worklist, ranked among those of its office and day."""
    return rows.shown(connection, [entry], now, tell, [entry["office"]])[0] if entry else None


def _marks(say: Say, events: list[dict[str, Any]]) -> list[Mark]:
    rows = {"filed": say("filed"), "wildlife": say("wildlife")}
    return [Mark(one["at"], rows.get(one["kind"], say("inspected")), one["kind"] == "wildlife") for one in events]


def _last(lines: pd.DataFrame) -> dict[str, Any]:
    return dict(lines.iloc[-1])


def _speaking(last: pd.DataFrame, told: list[dict[str, Any]]) -> dict[str, Any]:
    """The riskiest line of the last version, else its first."""
    number = told[-1]["line_no"] if told else None
    own = last[last["line_no"] == number]
    row = (own if len(own) else last).iloc[0].to_dict()
    stated = {str(name): value for name, value in row.items() if not case.absent(value)}
    return {**dict.fromkeys(column_names(CONSIGNMENTS)), **stated}
