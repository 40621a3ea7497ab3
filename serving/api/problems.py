"""Every refusal as problem details (RFC 9457): what is wrong, in one sentence, and never where in the program."""

from __future__ import annotations

import errno
from typing import Any, Final

import orjson
import structlog
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DataError, DBAPIError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import Receive, Scope, Send

from risk.errors import HistoryError, ModelError, NoSuchModelError, NotEnoughDataError, RiskError
from serving.day_work import ClashError, NotThereError
from serving.rulebook import RuleRefusedError
from serving.store import StoreError

MEDIA_TYPE: Final = "application/problem+json"
TITLES: Final = {
    400: "The request cannot be read",
    401: "Who asks is not known",
    403: "Not allowed",
    404: "Not there",
    405: "Not a method of this resource",
    406: "Not to be had in that form",
    409: "Does not go with how things are",
    411: "The length is missing",
    413: "Too large",
    415: "A format that is not read here",
    422: "The request could not be answered",
    429: "Too many requests",
    500: "The service failed",
    503: "The service cannot answer now",
}
_STATUS: Final[tuple[tuple[type[RiskError], int], ...]] = (
    (NotThereError, 404),
    (RuleRefusedError, 409),
    (ClashError, 409),
    (NoSuchModelError, 404),
    (ModelError, 503),
    (HistoryError, 409),
    (NotEnoughDataError, 409),
)
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when a disk or a quota is full."""
LATER: Final = {"Retry-After": "5"}
STORE_GONE: Final = "the store cannot be reached or took nothing of this request; try again later"
STORE_BUSY: Final = "the store is busy with another writer and took nothing of this request; try again later"


class Fault(BaseModel):
    """One field at fault."""

    field: str = Field(description="Where, as a path such as body.result.")
    reason: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Not there",
                    "status": 404,
                    "detail": "there is no assessment 1b2c3d",
                    "request_id": "0f3a9c",
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="What is wrong, for people.")
    request_id: str | None = Field(None, description="The same as in the header X-Request-Id and in the log.")
    errors: list[Fault] | None = Field(None, description="The fields at fault, where there are several.")


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": TITLES[status], "content": {MEDIA_TYPE: {}}}
    for status in (400, 401, 403, 404, 409, 413, 422, 429, 503)
}
"""What any route may answer besides, for the OpenAPI document."""


def problem(request: Request, status: int, detail: str, *, headers: dict[str, str] | None = None,
            errors: list[dict[str, str]] | None = None) -> Response:  # fmt: skip
    """A reply in problem details."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "The request could not be answered"),
        "status": status,
        "detail": detail,
        "request_id": getattr(request.state, "request_id", None),
    }
    if errors is not None:
        content["errors"] = errors
    return Response(orjson.dumps(content), status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of the app with problem details."""

    @app.exception_handler(StoreError)
    async def store_refused(request: Request, error: StoreError) -> Response:
        structlog.get_logger("risk").error("store_failed", problem=str(error))  # it names the store's address
        busy = "busy" in str(error)
        return problem(request, 503, STORE_BUSY if busy else STORE_GONE, headers=LATER)

    @app.exception_handler(OSError)
    async def no_room(request: Request, error: OSError) -> Response:
        if error.errno not in NO_ROOM:
            raise error
        structlog.get_logger("risk").error("no_room", kind=type(error).__name__)
        return problem(request, 503, "the disk of the service is full; try again later", headers=LATER)

    @app.exception_handler(RiskError)
    async def told(request: Request, error: RiskError) -> Response:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 422)
        return problem(request, status, str(error), headers=LATER if status == 503 else None)

    @app.exception_handler(StarletteHTTPException)
    async def http(request: Request, error: StarletteHTTPException) -> Response:
        headers = dict(error.headers) if error.headers else None
        detail = error.detail if isinstance(error.detail, str) else str(error.detail)
        return problem(request, error.status_code, detail, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        faults = [
            {"field": ".".join(str(part) for part in one["loc"]), "reason": str(one["msg"])} for one in error.errors()
        ]
        first = faults[0]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return problem(request, 422, f"{first['field']}: {first['reason']}{more}", errors=faults)

    @app.exception_handler(DBAPIError)
    async def store_gone(request: Request, error: DBAPIError) -> Response:
        if isinstance(error, DataError):
            return problem(request, 422, "a value holds a character or a number that no store can keep")
        structlog.get_logger("risk").error("store_failed", kind=type(error.orig).__name__)
        return problem(request, 503, STORE_GONE, headers=LATER)


async def failed(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what nothing else answered; the log gets the place, without the values that a trace could show."""
    trace, place = error.__traceback__, "unknown"
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    structlog.get_logger("risk").error("failed", kind=type(error).__name__, place=place)
    said = "the service failed; the log names the place under this request's id"
    await problem(Request(scope), 500, said)(scope, receive, send)


__all__ = ["RESPONSES", "HTTPException", "Problem", "failed", "install", "problem"]
