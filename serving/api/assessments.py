"""Stored assessments: the answer itself, why, and whether it can be made again."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response
from pydantic import BaseModel, Field

from serving.api.guard import Principal, may_see, record, require
from serving.api.service import Desk, Service
from serving.api.shapes import Assessment
from serving.day_work import NotThereError
from serving.receiving import records
from serving.replay import replay
from serving.store import assessments, bases, worklist

router = APIRouter(tags=["assessments"])
AssessmentId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Id of an assessment.")]


class Explanation(BaseModel):
    """Why a consignment scored as it did."""

    assessment_id: str
    consignment_id: str
    probability: float
    line_no: int | None = Field(None, description="The riskiest line, which the reasons are about.")
    reasons: list[dict[str, Any]]
    indicators: list[dict[str, Any]]


class Difference(BaseModel):
    """A value that came out otherwise."""

    stored: Any
    again: Any


class Replayed(BaseModel):
    """What came out when the assessment was made again."""

    assessment_id: str
    consignment_id: str
    same: bool
    differs: dict[str, Difference]
    model_version: str
    note: str | None = None


@router.get("/v1/assessments/{assessment_id}", summary="A stored assessment", responses={200: {"model": Assessment}})
def one(
    service: Desk, who: Annotated[Principal, Depends(require("assessments:read"))], assessment_id: AssessmentId
) -> Response:
    """The answer as it was given, with what it was made with."""
    return _json(_found(service, who, assessment_id))


@router.get(
    "/v1/assessments/{assessment_id}/explanation", summary="Why it scored so", responses={200: {"model": Explanation}}
)
def explanation(
    service: Desk, who: Annotated[Principal, Depends(require("assessments:read"))], assessment_id: AssessmentId
) -> Response:
    """The reasons in an officer's words, and the indicators with their evidence."""
    found = _found(service, who, assessment_id)
    names = ("assessment_id", "consignment_id", "probability", "line_no", "reasons", "indicators")
    with service.store.transaction() as connection:
        record(connection, who, "assessment.explain", assessment_id)
    return _json({name: found[name] for name in names})


@router.post("/v1/assessments/{assessment_id}/replay", summary="Make it again", response_model=Replayed)
def again(
    service: Desk, who: Annotated[Principal, Depends(require("assessments:replay"))], assessment_id: AssessmentId
) -> dict[str, Any]:
    """Compute the assessment again from what was stored, and say whether it is the same or what differs."""
    _found(service, who, assessment_id)
    found = replay(service.store, service.champion, assessment_id)
    with service.store.transaction() as connection:
        record(connection, who, "assessment.replay", assessment_id, None, {"same": found.same})
    return found.content()


def _found(service: Service, who: Principal, assessment_id: str) -> dict[str, Any]:
    with service.store.reading() as connection:
        frame = assessments.read(connection, ids=[assessment_id])
        if frame.empty:
            raise NotThereError(f"there is no assessment {assessment_id}")
        found = {**records(frame)[0], "assessment_id": assessment_id}
        found["line_no"] = bases.riskiest_lines(connection, [assessment_id]).get(assessment_id)
        entry = worklist.one(connection, found["consignment_id"])
    may_see(who, None if entry is None else entry["office"])
    return found


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
