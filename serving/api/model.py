"""The model in service, its challenger, and what is known of any version."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from serving.api.guard import Principal, record, require
from serving.api.service import Desk, in_thread

router = APIRouter(tags=["model"])


class Version(BaseModel):
    """A registered version."""

    name: str
    version: str
    alias: str | None = None
    run_id: str | None = None


class ModelInService(BaseModel):
    """The model in service."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "risk",
                    "version": "3",
                    "fingerprint": "9f2c0c3a41d7be55",
                    "challenger": {"name": "risk", "version": "4", "alias": "challenger"},
                    "problem": None,
                    "features": 64,
                    "facts": {"target": {"name": "wildlife"}},
                }
            ]
        }
    )

    name: str
    version: str
    fingerprint: str
    challenger: Version | None = None
    problem: str | None = Field(None, description="Why a new champion is not in service, if so.")
    features: int
    facts: dict[str, Any] = Field(description="Where it comes from: target, spans of time, data, figures.")


class Card(BaseModel):
    """What is known of a version: the facts of its training and what it reads."""

    name: str
    version: str
    fingerprint: str
    facts: dict[str, Any]
    features: list[dict[str, Any]] = Field(description="Name, concept, words, unit and sign of each feature.")


@router.get("/v1/model", summary="The model in service", responses={200: {"model": ModelInService}})
async def in_service(service: Desk, who: Annotated[Principal, Depends(require("model:read"))]) -> Response:
    """Champion and challenger, and where the champion comes from."""
    current = service.champion.current
    challenger = await in_thread(service.champion.challenger)
    content = {
        "name": current.version.name,
        "version": current.version.version,
        "fingerprint": current.model.fingerprint,
        "challenger": None if challenger is None else vars(challenger),
        "problem": service.champion.problem,
        "features": len(current.model.features),
        "facts": dict(current.model.facts),
    }
    return _json(content)


class Promotion(BaseModel):
    """Make a version the champion."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"version": "4", "reason": "better on last month's outcomes"}]}
    )

    version: str = Field(pattern="^[0-9]{1,9}$")
    reason: str = Field(min_length=3, max_length=2000)


@router.put("/v1/model/champion", summary="Put a version into service", response_model=Version)
def promote(
    service: Desk, who: Annotated[Principal, Depends(require("model:promote"))], wanted: Promotion
) -> dict[str, Any]:
    """Every process takes it over within seconds; one that does not score stays out, and the one before serves on."""
    made = service.champion.promote(wanted.version)
    with service.store.transaction() as connection:
        record(connection, who, "model.promote", wanted.version, wanted.reason)
    service.look_after()
    return vars(made)


@router.get("/v1/model/versions/{version}/card", summary="The card of a version", responses={200: {"model": Card}})
async def card(
    service: Desk,
    who: Annotated[Principal, Depends(require("model:read"))],
    version: Annotated[str, Path(pattern="^[0-9]{1,9}$")],
) -> Response:
    """Figures of its tests, spans of time, the data it was trained on, and its features."""
    model, facts = await in_thread(lambda: service.champion.load(version))
    features = [vars(feature) for feature in model.features]
    return _json(
        {
            "name": facts.name,
            "version": facts.version,
            "fingerprint": model.fingerprint,
            "facts": dict(model.facts),
            "features": features,
        }
    )


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")
