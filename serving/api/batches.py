"""Batches: large manifests and how far they are, with their results and rejects as files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from serving.api.guard import Principal, require
from serving.api.service import Desk, Service
from serving.day_work import ClashError, NotThereError
from serving.store import batches

router = APIRouter(tags=["batches"])
BatchId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Id of a batch.")]


class Batch(BaseModel):
    """A manifest that was taken in to be scored later."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "5b0c1d2e3f405162738495a6b7c8d9e0",
                    "state": "running",
                    "size": 31457280,
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "submitted_at": "2026-02-19T08:00:00Z",
                    "submitted_by": "customs-system",
                    "done": 20000,
                    "lines": 50000,
                    "consignments": 0,
                    "known": 0,
                    "rejected": 0,
                    "attempts": 1,
                }
            ]
        }
    )

    id: str
    state: Literal["waiting", "running", "done", "failed"]
    size: int = Field(description="Bytes of the manifest.")
    sha256: str
    submitted_at: datetime
    submitted_by: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    done: int = Field(description="Lines scored so far.")
    lines: int = Field(description="Lines accepted; 0 while it is being read.")
    consignments: int = Field(description="Consignments in the results.")
    known: int = Field(description="Consignments among them whose answer had been given before.")
    rejected: int = Field(description="Records that were not accepted.")
    attempts: int = Field(description="How often it was begun.")
    error: str | None = Field(None, description="Why it failed.")
    results: str | None = Field(None, description="Where the results are, one assessment a line.")
    rejects: str | None = Field(None, description="Where the rejects are, one a line; none when there are none.")


class Batches(BaseModel):
    """The latest batches."""

    batches: list[Batch]


def shown(row: dict[str, Any]) -> Batch:
    """A batch as it is told."""
    done, place = row["state"] == "done", f"/v1/batches/{row['id']}"
    return Batch(
        **row,
        results=f"{place}/results" if done else None,
        rejects=f"{place}/rejects" if done and row["rejected"] else None,
    )


@router.get("/v1/batches", summary="The latest batches", response_model=Batches)
def latest(
    service: Desk,
    who: Annotated[Principal, Depends(require("batches:read"))],
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> Batches:
    """Those sent by the one who asks, the latest first."""
    with service.store.reading() as connection:
        return Batches(batches=[shown(row) for row in batches.recent(connection, limit, who.id)])


@router.get("/v1/batches/{batch_id}", summary="How far a batch is", response_model=Batch)
def one(service: Desk, who: Annotated[Principal, Depends(require("batches:read"))], batch_id: BatchId) -> Batch:
    """State, counts, progress and error."""
    return shown(_own(service, who, batch_id))


@router.get(
    "/v1/batches/{batch_id}/results",
    summary="The results of a batch, one assessment a line",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
def results(service: Desk, who: Annotated[Principal, Depends(require("batches:read"))], batch_id: BatchId) -> Response:
    """The assessments in order of rank."""
    return _file(service, who, batch_id, "results")


@router.get(
    "/v1/batches/{batch_id}/rejects",
    summary="The records of a batch that were not accepted, one a line",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
def rejects(service: Desk, who: Annotated[Principal, Depends(require("batches:read"))], batch_id: BatchId) -> Response:
    """Line, field, value and reason of each."""
    return _file(service, who, batch_id, "rejects")


def _own(service: Service, who: Principal, batch_id: str) -> dict[str, Any]:
    with service.store.reading() as connection:
        found = batches.one(connection, batch_id)
    if found is None or found["submitted_by"] != who.id:  # what others sent is as if it were not there
        raise NotThereError(f"there is no batch {batch_id}")
    return found


def _file(service: Service, who: Principal, batch_id: str, name: str) -> Response:
    state = _own(service, who, batch_id)["state"]
    if state != "done":
        raise ClashError(f"batch {batch_id} is {state}; its files are there when it is done")

    def parts() -> Iterator[bytes]:
        with service.store.reading() as connection:
            yield from batches.file(connection, batch_id, name)

    return StreamingResponse(parts(), media_type="application/x-ndjson")
