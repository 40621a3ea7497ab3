"""The worklist: what to inspect, in the strict order of risk; claims, overrides, the day's selection."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from serving import desk
from serving.api.guard import Principal, may_see, record, require
from serving.api.service import Desk
from serving.api.shapes import Decision, Lane
from serving.day_work import ClashError, Draw, NotThereError, Override, override
from serving.receiving import records
from serving.store import assessments, claims, decisions, worklist
from serving.store.worklist import Wanted

router = APIRouter(tags=["worklist"])
_PLACE: Final = re.compile(r"[0-9a-f]{48}[^\0]*", re.DOTALL)
ConsignmentId = Annotated[str, Path(min_length=1, max_length=500, description="Id of a consignment.")]
Office = Annotated[str, Field(max_length=100, description="Customs office; empty for filings that name none.")]


class Entry(BaseModel):
    """A consignment on the worklist."""

    consignment_id: str
    version: int
    office: str
    day: date = Field(description="Day of filing, UTC.")
    assessment_id: str
    probability: float
    lane: Lane
    selected_by: str | None = Field(None, description="risk, random, officer; missing when not selected.")
    propensity: float | None = None
    decided: str | None = Field(None, description="selection or override; missing while the lane is the assessment's.")
    state: Literal["open", "inspected", "cancelled"]
    claimed_by: str | None = None
    claimed_until: datetime | None = None
    reasons: list[dict[str, Any]]
    indicators: list[dict[str, Any]]


class Page(BaseModel):
    """Entries in order of risk, and where the next page begins."""

    day: date | None = None
    consignments: list[Entry]
    next: str | None = Field(None, description="Give it as `after` for the next page; missing on the last one.")


class Claimed(BaseModel):
    """A claim in force."""

    consignment_id: str
    claimed_by: str
    claimed_at: datetime
    expires_at: datetime


class OverrideWish(BaseModel):
    """Another lane for a consignment."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"lane": "yellow", "reason": "opened last week for another agency"}]},
    )

    lane: Lane
    reason: str = Field(min_length=3, max_length=2000, description="Why, for those who come later.")


class SecondOpinion(BaseModel):
    """What a second person says of an override."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"confirm": True, "reason": "agreed"}]})

    confirm: bool
    reason: str = Field(min_length=3, max_length=2000)


class DrawWish(BaseModel):
    """The selection of a day at an office."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"office": "VNHPH1", "day": "2026-02-19", "capacity": 50}]}
    )

    office: Office
    day: date
    capacity: float | None = Field(None, gt=0, le=1e9, description="Inspections: a share below 1, else a number.")


class Drawn(BaseModel):
    """A selection that was made."""

    id: int
    office: str
    day: date
    capacity: float
    seed: int
    random_share: float
    consignments: int = Field(description="Among so many it was made.")
    inspections: int = Field(description="So many of them are to be inspected.")
    made_at: datetime
    made_by: str
    new: bool = Field(description="False when it had been made before; then nothing was changed.")


@router.get("/v1/worklist", summary="What to inspect, the riskiest first", response_model=Page)
def page(
    service: Desk,
    who: Annotated[Principal, Depends(require("worklist:read"))],
    office: Annotated[
        str | None, Query(max_length=100, description="One office; all that you may see if left out.")
    ] = None,
    day: Annotated[date | None, Query(description="Day of filing, UTC; the latest if left out.")] = None,
    lane: Annotated[Lane | None, Query(description="One lane; all if left out.")] = None,
    state: Annotated[Literal["open", "inspected", "cancelled"], Query()] = "open",
    after: Annotated[str | None, Query(max_length=2000, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """One page, in the same strict order on every page: nobody is shown twice or left out while it is read."""
    place = _place(after)
    if office is not None:
        may_see(who, office)
    offices = [office] if office is not None else None if who.offices is None else sorted(who.offices)
    with service.store.reading() as connection:
        wanted_day = day.isoformat() if day else worklist.latest_day(connection)
        if wanted_day is None:
            return {"consignments": []}
        entries = worklist.page(connection, Wanted(wanted_day, offices, lane, state, place), limit + 1)
        shown = entries[:limit]
        told = {entry["id"]: entry for entry in _told(connection, [entry["assessment_id"] for entry in shown])}
    at = service.now()
    for entry in shown:
        said = told.get(entry["assessment_id"], {"reasons": [], "indicators": []})
        entry |= {"reasons": said["reasons"], "indicators": said["indicators"]}
        if entry["expires_at"] is not None and worklist.time(entry["expires_at"]) > at:
            entry["claimed_until"] = worklist.time(entry["expires_at"])
        else:
            entry["claimed_by"] = None
    more = shown[-1]["place"] if len(entries) > limit else None
    return {"day": wanted_day, "consignments": shown, "next": None if more is None else _cursor(more)}


@router.post(
    "/v1/worklist/{consignment_id:path}/claim", summary="Take a consignment to work on", response_model=Claimed
)
def claim(
    service: Desk, who: Annotated[Principal, Depends(require("worklist:claim"))], consignment_id: ConsignmentId
) -> dict[str, Any]:
    """Nobody else can take it until the claim runs out or is given back; claiming again prolongs it."""
    at, lasts = service.now(), timedelta(minutes=service.settings.claim_minutes)
    held = desk.claim(service.store, who, consignment_id, at, lasts)
    if held.claimed_by != who.id:
        until = held.expires_at.strftime("%H:%M")
        raise ClashError(f"{consignment_id} is held by {held.claimed_by} until {until} UTC")
    return vars(held)


@router.delete("/v1/worklist/{consignment_id:path}/claim", summary="Give a consignment back", status_code=204)
def release(
    service: Desk, who: Annotated[Principal, Depends(require("worklist:claim"))], consignment_id: ConsignmentId
) -> Response:
    """Only who holds it can give it back; what is not held stays so."""
    with service.store.transaction() as connection:
        desk.entry_of(connection, who, consignment_id)
        held = claims.holder(connection, consignment_id, service.now())
        if held is not None and held.claimed_by != who.id:
            raise ClashError(f"{consignment_id} is held by {held.claimed_by}")
        claims.release(connection, consignment_id, who.id)
        record(connection, who, "worklist.release", consignment_id)
    return Response(status_code=204)


@router.post(
    "/v1/worklist/{consignment_id:path}/override",
    summary="Put a consignment into another lane",
    response_model=Decision,
    responses={202: {"model": Decision, "description": "Noted; a second person has to confirm it"}},
)
def another_lane(
    service: Desk,
    who: Annotated[Principal, Depends(require("worklist:override"))],
    consignment_id: ConsignmentId,
    wanted: OverrideWish,
    response: Response,
) -> dict[str, Any]:
    """At once, or after a second person when a grave or randomly drawn consignment would leave the red lane."""
    with service.store.transaction() as connection:
        desk.entry_of(connection, who, consignment_id)
        level = service.settings.second_person_from
        made = override(connection, Override(consignment_id, wanted.lane, wanted.reason, level), who.id, service.now())
        record(
            connection, who, "worklist.override", consignment_id, wanted.reason,
            {"lane": wanted.lane, "kind": made["kind"], "decision": made["id"]},
        )  # fmt: skip
    response.status_code = 202 if made["kind"] == "asked" else 200
    return made


@router.post("/v1/overrides/{number}/answer", summary="Confirm or refuse an override", response_model=Decision)
def second(
    service: Desk,
    who: Annotated[Principal, Depends(require("worklist:confirm"))],
    number: Annotated[int, Path(ge=1, lt=2**63)],
    said: SecondOpinion,
) -> dict[str, Any]:
    """Said once, and by somebody else than who asked for it."""
    return desk.answer_override(service.store, who, number, confirm=said.confirm, reason=said.reason, now=service.now())


@router.post("/v1/selections", summary="Make the day's selection of an office", response_model=Drawn)
def draw(
    service: Desk, who: Annotated[Principal, Depends(require("selections:make"))], wanted: DrawWish
) -> dict[str, Any]:
    """Part at random, the rest by risk, each with its propensity; made once, and given again when asked again."""
    own = service.settings
    how = Draw(own.capacity if wanted.capacity is None else wanted.capacity, own.seed, own.random_share)
    return desk.make_selection(service.store, who, wanted.office, wanted.day.isoformat(), how, service.now())


@router.get("/v1/selections", summary="The selection of an office on a day", response_model=Drawn)
def drawn(
    service: Desk,
    who: Annotated[Principal, Depends(require("worklist:read"))],
    office: Annotated[str, Query(max_length=100)],
    day: date,
) -> dict[str, Any]:
    """With its seed and capacity, by which anybody can draw it again."""
    may_see(who, office)
    with service.store.reading() as connection:
        found = decisions.selection(connection, office, day.isoformat())
    if found is None:
        raise NotThereError(f"no selection was made for {office or 'no office'} on {day.isoformat()}")
    return {**found, "new": False}


def _told(connection: Any, ids: list[str]) -> list[dict[str, Any]]:
    frame = assessments.read(connection, ids=ids) if ids else None
    if frame is None or frame.empty:
        return []
    return [{**entry, "id": key} for entry, key in zip(records(frame), frame["id"].tolist(), strict=True)]


def _cursor(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place(cursor: str | None) -> str:
    if cursor is None:
        return ""
    try:
        place = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        place = ""
    if not _PLACE.fullmatch(place):
        raise HTTPException(422, "`after` is not one that this service gave; begin again without it")
    return place
