"""The shapes of what the API says of consignments, for its OpenAPI document and its replies."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Lane = Literal["red", "yellow", "blue", "green"]

REASON: Final = {
    "concept": "parties",
    "words": "first consignment of this consignee",
    "direction": "raises",
    "share": 0.31,
    "log_odds": 0.82,
    "method": "path",
    "basis": "observed",
    "features": [
        {
            "name": "consignee_filings",
            "value": 0.0,
            "message": "first consignment of {of}",
            "values": {"of": {"message": "this consignee"}},
        }
    ],
}
ASSESSMENT: Final[dict[str, Any]] = {
    "consignment_id": "C00245403",
    "version": 1,
    "stage": "pre_arrival",
    "filed_at": "2026-02-19T08:00:00Z",
    "customs_office": "VNHPH1",
    "line_no": 1,
    "probability": 0.051,
    "raw_score": -2.9,
    "rank": 1,
    "out_of": 50,
    "lane": "red",
    "selected_by": "risk",
    "propensity": 1.0,
    "model_name": "risk",
    "model_version": "3",
    "model_fingerprint": "9f2c0c3a41d7be55",
    "reference_fingerprint": "fa1ef86cd41a50e8",
    "pack_fingerprint": None,
    "history_as_of": "2026-02-18T23:00:00Z",
    "input_fingerprint": "51e3f1c2b8a90d77",
    "scored_at": "2026-02-19T08:00:01Z",
    "reasons": [REASON],
    "indicators": [],
    "assessment_id": "0c9d8f6a5b4e3d2c1b0a998877665544",
}


class Assessment(BaseModel):
    """An assessment of one version of a consignment."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [ASSESSMENT]})

    assessment_id: str = Field(description="Made of consignment, version, stage and model: one answer for these.")
    consignment_id: str
    version: int
    stage: str | None = Field(None, description="How far the goods had come.")
    filed_at: str | None = Field(None, description="When this version reached customs, UTC.")
    customs_office: str | None = None
    line_no: int | None = Field(None, description="The riskiest goods line.")
    probability: float = Field(description="Calibrated probability that an inspection finds smuggled wildlife.")
    raw_score: float | None = Field(None, description="Score before calibration, log odds.")
    rank: int = Field(description="Place among those scored together, 1 the riskiest.")
    out_of: int = Field(description="How many were scored together.")
    lane: Lane | None = Field(None, description="Treatment proposed among those scored together.")
    selected_by: str | None = Field(None, description="risk or random; missing when not selected.")
    propensity: float | None = Field(None, description="Probability of being selected.")
    model_name: str
    model_version: str | None = None
    model_fingerprint: str
    reference_fingerprint: str | None = None
    pack_fingerprint: str | None = None
    history_as_of: str | None = Field(None, description="History was known up to here, UTC.")
    input_fingerprint: str | None = Field(None, description="Over all that the model was given.")
    scored_at: str = Field(description="When the answer was given, UTC.")
    reasons: list[dict[str, Any]] = Field(description="Reasons, the weightiest first.")
    indicators: list[dict[str, Any]] = Field(description="Red flags with state, band and evidence.")


class Decision(BaseModel):
    """Something decided about a consignment's lane."""

    id: int
    consignment_id: str
    assessment_id: str
    kind: Literal["selection", "override", "asked", "confirmed", "refused"] = Field(
        description="The day's draw; an override in force; one that a second person has to confirm; what they said."
    )
    lane: Lane
    lane_before: Lane
    selected_by: str | None = None
    propensity: float | None = None
    decided_at: datetime
    decided_by: str
    reason: str | None = None
    selection_id: int | None = None
    answers: int | None = Field(None, description="The decision that this one confirms or refuses.")


class Outcome(BaseModel):
    """What an inspection found, as recorded."""

    id: int
    consignment_id: str
    line_no: int
    inspected_at: datetime | None = None
    recorded_at: datetime = Field(description="It counts from here.")
    selection_reason: str | None = None
    selection_probability: float | None = None
    method: str | None = None
    depth: str | None = None
    result: str
    commodity_group: str | None = None
    species: str | None = None
    cites_appendix: str | None = None
    quantity: float | None = None
    unit: str | None = None
    concealment: str | None = None
    lab_result: str | None = None
    officer_id: str | None = None
    operation_id: str | None = None
