"""What is known of a consignment: its versions, assessments, decisions and outcomes."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import pandas as pd
from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response
from pydantic import BaseModel, Field

from risk.layout import utc
from serving.api.guard import Principal, may_see, record, require
from serving.api.service import Desk
from serving.api.shapes import Assessment, Decision, Outcome
from serving.day_work import NotThereError
from serving.inspecting import of as outcomes_of
from serving.receiving import records
from serving.store import assessments, cancellations, claims, decisions, filings, worklist

router = APIRouter(tags=["consignments"])
ConsignmentId = Annotated[str, Path(min_length=1, max_length=500, description="Id of a consignment.")]


class Version(BaseModel):
    """One filing of a consignment: its goods lines as filed."""

    version: int
    stage: str | None = None
    filed_at: str
    lines: list[dict[str, Any]] = Field(description="The goods lines, columns of docs/formats.md; what is missing is "
                                        "left out.")  # fmt: skip


class Held(BaseModel):
    """Who is at work on it."""

    claimed_by: str
    expires_at: str


class Place(BaseModel):
    """Its entry in the worklist."""

    office: str
    day: str
    lane: str
    state: str
    decided: str | None = Field(None, description="selection or override; missing while the lane is the assessment's.")
    selected_by: str | None = None
    propensity: float | None = None


class Consignment(BaseModel):
    """All that is known of a consignment."""

    consignment_id: str
    versions: list[Version]
    assessments: list[Assessment] = Field(description="By time scored.")
    decisions: list[Decision] = Field(description="In the order they were made.")
    outcomes: list[Outcome] = Field(description="By time recorded; a later one corrects an earlier one.")
    cancelled_at: list[str] = Field(description="When messages took it back.")
    worklist: Place | None = None
    claim: Held | None = None


@router.get(
    "/v1/consignments/{consignment_id:path}",
    summary="All that is known of a consignment",
    responses={200: {"model": Consignment}},
)
def one(
    service: Desk, who: Annotated[Principal, Depends(require("consignments:read"))], consignment_id: ConsignmentId
) -> Response:
    """Its versions as filed, the answers given, what was decided and what was found. That it was seen is recorded."""
    with service.store.reading() as connection:
        lines = filings.versions(connection, consignment_id)
        found = assessments.read(connection, consignment_id=consignment_id)
        if lines.empty and found.empty:
            raise NotThereError(f"there is no consignment {consignment_id}")
        entry = worklist.one(connection, consignment_id)
        content = {
            "consignment_id": consignment_id,
            "versions": _versions(lines),
            "assessments": _assessed(found, lines),
            "decisions": [Decision(**row).model_dump(mode="json") for row in decisions.of(connection, consignment_id)],
            "outcomes": [Outcome(**row).model_dump(mode="json") for row in outcomes_of(connection, consignment_id)],
            "cancelled_at": [utc(row.cancelled_at) for row in cancellations.read(connection, consignment_id)],
            "worklist": None if entry is None else Place(**entry).model_dump(),
        }
        held = claims.holder(connection, consignment_id, service.now())
    may_see(who, _office(lines, entry))
    content["claim"] = None if held is None else {"claimed_by": held.claimed_by, "expires_at": utc(held.expires_at)}
    with service.store.transaction() as connection:
        record(connection, who, "consignment.read", consignment_id)
    return Response(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


def _office(lines: pd.DataFrame, entry: dict[str, Any] | None) -> str | None:
    """The office of the last version."""
    if entry is not None:
        return str(entry["office"])
    office = lines["customs_office"].iloc[-1] if "customs_office" in lines and len(lines) else None
    return office if isinstance(office, str) else None


def _versions(lines: pd.DataFrame) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    own = {"consignment_id", "version", "stage", "filed_at"}
    for row in lines.to_dict("records"):
        stated = {str(name): value for name, value in row.items() if not pd.isna(value)}
        times = {name: utc(value) if isinstance(value, pd.Timestamp) else value for name, value in stated.items()}
        head: dict[str, Any] = {
            "version": times["version"],
            "stage": times.get("stage"),
            "filed_at": times["filed_at"],
            "lines": [],
        }
        entry = found.setdefault(int(times["version"]), head)
        entry["lines"].append({name: value for name, value in times.items() if name not in own})
    return list(found.values())


def _assessed(found: pd.DataFrame, lines: pd.DataFrame) -> list[dict[str, Any]]:
    if found.empty:
        return []
    filed = lines.drop_duplicates("version").set_index("version")
    of = filed.reindex(found["version"])
    office = of["customs_office"].to_numpy() if "customs_office" in of else None
    times = pd.DatetimeIndex(of["filed_at"]) if len(filed) else None
    whole = found.assign(**({"customs_office": office} if office is not None else {}))
    whole = whole if times is None else whole.assign(filed_at=times)
    return [{**entry, "assessment_id": key} for entry, key in zip(records(whole), found["id"].tolist(), strict=True)]
