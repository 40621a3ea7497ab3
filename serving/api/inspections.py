"""Inspections: what was found, entered in a minute, completed and corrected later."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from serving.api.guard import Principal, may_see, record, require
from serving.api.service import Desk
from serving.api.shapes import Outcome
from serving.api.times import Time
from serving.day_work import NotThereError
from serving.inspecting import correct, one
from serving.inspecting import record as store_outcome
from serving.store import worklist

router = APIRouter(tags=["inspections"])
Result = Literal["nothing", "document", "other_offence", "wildlife", "inconclusive"]
Text = Annotated[str | None, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Code = Annotated[str | None, Field(max_length=200, pattern=r"^\S+$")]
Number = Annotated[int, Path(ge=1, lt=2**63, description="Number of an inspection.")]


class Findings(BaseModel):
    """What an inspection found; all may be added later."""

    model_config = ConfigDict(extra="forbid")

    inspected_at: Time | None = Field(None, description="Now, if left out.")
    selection_reason: Literal["random", "rule", "model", "intelligence", "officer", "other"] | None = Field(
        None, description="Why it was chosen; from the worklist, if left out."
    )
    selection_probability: float | None = Field(None, ge=0, le=1)
    method: Text = None
    depth: Literal["documents", "scan", "tailgate", "partial", "full"] | None = None
    commodity_group: Text = None
    species: Text = None
    cites_appendix: Literal["I", "II", "III"] | None = None
    quantity: float | None = Field(None, ge=0, le=1e12)
    unit: Text = None
    concealment: Text = None
    lab_result: Text = None
    operation_id: Code = None


class Inspection(Findings):
    """An inspection: the consignment and the result are enough."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"consignment_id": "C00245403", "result": "nothing", "depth": "scan"},
                {
                    "consignment_id": "C00245403",
                    "result": "wildlife",
                    "depth": "full",
                    "method": "physical",
                    "species": "Manis javanica",
                    "cites_appendix": "I",
                    "quantity": 120,
                    "unit": "kg",
                },
            ]
        },
    )

    consignment_id: str = Field(min_length=1, max_length=500, pattern=r"^\S+$")
    line_no: int = Field(0, ge=0, lt=2**31, description="Goods line; 0 for the whole consignment.")
    result: Result


class Correction(Findings):
    """What is known better now; everything left out stays as recorded."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"result": "wildlife", "lab_result": "pangolin scales (DNA)"}]},
    )

    result: Result | None = None

    @model_validator(mode="after")
    def _something(self) -> Correction:
        if not self.model_fields_set:
            raise ValueError("a correction says at least one thing anew")
        return self


@router.post("/v1/inspections", summary="Enter what an inspection found", status_code=201, response_model=Outcome)
def enter(
    service: Desk, who: Annotated[Principal, Depends(require("inspections:enter"))], found: Inspection
) -> dict[str, Any]:
    """It counts as history and as a label from now on; it ends your claim."""
    with service.store.transaction() as connection:
        entry = worklist.one(connection, found.consignment_id)
        if entry is not None:
            may_see(who, entry["office"])
        said = {**found.model_dump(exclude_none=True), "consignment_id": found.consignment_id}
        target = service.champion.current.target
        stored = store_outcome(connection, said, who.code, service.now(), target.name)
        details = {"result": found.result, "inspection": stored["id"]}
        record(connection, who, "inspection.enter", found.consignment_id, None, details)
    return stored


@router.post(
    "/v1/inspections/{number}/corrections",
    summary="Add a laboratory's finding or correct an inspection",
    status_code=201,
    response_model=Outcome,
)
def better(
    service: Desk, who: Annotated[Principal, Depends(require("inspections:enter"))], number: Number, said: Correction
) -> dict[str, Any]:
    """A new outcome that counts from now on; until now the earlier one stands."""
    with service.store.transaction() as connection:
        before = one(connection, number)
        if before is None:
            raise NotThereError(f"there is no inspection {number}")
        entry = worklist.one(connection, before["consignment_id"])
        may_see(who, None if entry is None else entry["office"])
        changes = said.model_dump(exclude_unset=True, exclude_none=True)
        stored = correct(connection, number, changes, service.now(), service.champion.current.target.name)
        details = {"corrects": number, "inspection": stored["id"], "fields": sorted(changes)}
        record(connection, who, "inspection.correct", before["consignment_id"], None, details)
    return stored


@router.get("/v1/inspections/{number}", summary="An inspection as it was recorded", response_model=Outcome)
def as_recorded(
    service: Desk, who: Annotated[Principal, Depends(require("consignments:read"))], number: Number
) -> dict[str, Any]:
    """One outcome by its number."""
    with service.store.reading() as connection:
        found = one(connection, number)
        if found is None:
            raise NotThereError(f"there is no inspection {number}")
        entry = worklist.one(connection, found["consignment_id"])
    may_see(who, None if entry is None else entry["office"])
    return found
