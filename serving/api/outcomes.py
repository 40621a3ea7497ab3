"""`POST /v1/outcomes:import`: outcomes in bulk, in any columns file that is read."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from risk.errors import RiskError
from risk.manifests import read_all
from serving.api.guard import Principal, record, require
from serving.api.manifests import LARGEST_MANIFEST, Reject, read_body
from serving.api.service import Desk, Service, in_thread
from serving.store import outcomes, worklist

router = APIRouter(tags=["inspections"])


class Imported(BaseModel):
    """What became of the outcomes."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"read": 3, "stored": 2, "known": 0, "rejected": 1, "rejects": []}]}
    )

    read: int
    stored: int
    known: int = Field(description="Those that the store held already.")
    rejected: int
    rejects: list[Reject]


@router.post(
    "/v1/outcomes:import",
    summary="Store outcomes in bulk",
    response_model=Imported,
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "Outcomes in the layout of docs/formats.md: CSV, JSON Lines, Parquet or Excel.",
            "content": {
                "text/csv": {
                    "schema": {"type": "string", "format": "binary"},
                    "example": "consignment_id,recorded_at,result\nC1,2026-02-20T10:00:00Z,nothing\n",
                },
                "application/x-ndjson": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
async def take_in(
    request: Request, service: Desk, who: Annotated[Principal, Depends(require("outcomes:import"))]
) -> dict[str, Any]:
    """Each counts from its own `recorded_at`. Sent again, they are known; bad ones come back with their reason."""
    body = await read_body(request, LARGEST_MANIFEST)
    if not body.strip():
        raise HTTPException(422, "the file is empty")
    found: dict[str, Any] = await in_thread(lambda: _store(service, who, body))
    return found


def _store(service: Service, who: Principal, body: bytes) -> dict[str, Any]:
    at, digest = service.now(), hashlib.sha256(body).hexdigest()
    with tempfile.TemporaryDirectory(prefix="risk-") as folder:
        path = Path(folder) / "outcomes"
        path.write_bytes(body)
        try:
            read = read_all([path], table="outcomes", received_at=at, now=at)
        except RiskError as error:
            raise type(error)(str(error).replace(str(path), "the file")) from None
    rejects = [{"line": one.line, "field": one.field, "value": one.value, "reason": one.reason} for one in read.rejects]
    frame, label = read.outcomes, service.champion.current.target.name
    with service.store.transaction() as connection:
        added = outcomes.add(connection, frame, f"outcomes {digest[:32]}", label=label, received_at=at)
        refused = dict.fromkeys(added.unknown, "is of a consignment that was not filed here")
        refused |= dict.fromkeys(added.early, "was recorded before the consignment was filed")
        for place, reason in sorted(refused.items()):
            name = str(frame["consignment_id"].iloc[place])
            rejects.append({"line": 0, "field": "consignment_id", "value": name, "reason": reason})
        taken = [str(name) for place, name in enumerate(frame["consignment_id"]) if place not in refused]
        worklist.set_state(connection, taken, worklist.INSPECTED)
        counts = {"read": read.rows, "stored": added.new, "known": added.known, "rejected": len(rejects)}
        record(connection, who, "outcomes.import", digest[:32], None, counts)
    return {**counts, "rejects": rejects}
