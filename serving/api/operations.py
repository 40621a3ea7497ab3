"""For those who run the service: does it live, is it ready, how does it do."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError

from serving.api.guard import Principal, require
from serving.api.service import Desk
from serving.store import StoreError

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """That the process answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: Literal["ok"]


class Ready(BaseModel):
    """Whether requests can be answered."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ready": True, "model_version": "3", "problems": []}]})

    ready: bool
    model_version: str
    problems: list[str] = Field(description="What is wrong, also where the service goes on without it.")


@router.get("/healthz", summary="Whether the service lives", response_model=Health)
async def healthz() -> dict[str, str]:
    """Answers while the process does."""
    return {"status": "ok"}


@router.get("/readyz", summary="Whether the service is ready", response_model=Ready,
            responses={503: {"model": Ready, "description": "The store cannot be reached"}})  # fmt: skip
def readyz(service: Desk, response: Response) -> Ready:
    """Ready while the store can be reached. A new champion that cannot be used is told, and the old one serves on."""
    problems = [] if service.champion.problem is None else ["the new champion cannot be used; the one before serves on"]
    ready = True
    try:
        service.store.schema_version()
    except (StoreError, DBAPIError):
        ready = False
        problems.append("the store cannot be reached")
    response.status_code = 200 if ready else 503
    return Ready(ready=ready, model_version=service.champion.current.version.version, problems=problems)


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response,
            responses={200: {"content": {"text/plain": {}}}})  # fmt: skip
def metrics(service: Desk, who: Annotated[Principal, Depends(require("metrics:read"))]) -> Response:
    """Requests and latency, scores and their drift, columns left out, the model in service."""
    return Response(service.figures.text(), media_type="text/plain; version=0.0.4")
