"""`POST /v1/manifests`: a manifest in any format that is read, answered at once or taken in as a batch."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final
from uuid import uuid4

import orjson
from anyio import to_thread
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from serving.api.batches import Batch, shown
from serving.api.bounds import LARGEST
from serving.api.guard import Principal, record, require
from serving.api.problems import LATER
from serving.api.service import Desk, Service, now
from serving.api.shapes import ASSESSMENT, Assessment
from serving.day_work import ClashError
from serving.receiving import Received, receive
from serving.store import batches, kept_answers
from serving.store.kept_answers import Kept

router = APIRouter(tags=["manifests"])

AT_ONCE: Final = 1 << 20
"""Bytes of a manifest that is answered at once."""
LARGEST_MANIFEST: Final = LARGEST
"""Bytes of a manifest that is taken in at all."""
MOST_WAITING: Final = 200
"""So many manifests wait for their turn in a process; the next one is refused."""
JSON: Final = "application/json"


class Reject(BaseModel):
    """A record that was not accepted."""

    line: int = Field(description="Line of the manifest on which the record begins, from 1; 0 when not known.")
    field: str
    value: str
    reason: str = Field(description="What is wrong and what is expected.")


class Remark(BaseModel):
    """Something read with a doubt, which cost no record."""

    field: str
    reason: str
    count: int
    line: int
    value: str


class Counts(BaseModel):
    """What became of the manifest's records."""

    lines: int = Field(description="Goods lines accepted.")
    scored: int = Field(description="Consignments scored now.")
    known: int = Field(description="Consignments whose answer had been given before, and is given again.")
    rejected: int


class Answer(BaseModel):
    """The assessments of a manifest's consignments."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "consignments": [ASSESSMENT],
                    "rejects": [{"line": 3, "field": "filed_at", "value": "sometime", "reason": "expected is a time"}],
                    "findings": [],
                    "cancelled": [],
                    "counts": {"lines": 50, "scored": 49, "known": 0, "rejected": 1},
                }
            ]
        }
    )

    consignments: list[Assessment] = Field(description="In order of rank.")
    rejects: list[Reject]
    findings: list[Remark]
    cancelled: list[str] = Field(description="Consignments that the manifest takes back.")
    counts: Counts


_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A manifest in any format of docs/formats.md, told by its content, whatever the media type "
        "says: our JSON (one goods line an object and line), CSV, UN/EDIFACT CUSCAR, ASYCUDA World, Cargo-XML, "
        "Cargo-IMP, X12 309, Excel, Parquet, also packed with gzip or zip.",
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string", "format": "binary"},
                "example": '{"consignment_id": "C1", "filed_at": "2026-02-19T08:00:00Z", "loading_port": "KEMBA", '
                '"discharge_port": "VNHPH", "hs_code": "440710", "gross_weight_kg": 18000}\n',
            },
            **{
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in ("text/csv", "application/edifact", "application/xml", "text/plain",
                             "application/octet-stream")
            },
        },
    }
}  # fmt: skip


@router.post(
    "/v1/manifests",
    summary="Score a manifest",
    openapi_extra=_BODY,
    responses={200: {"model": Answer}, 202: {"model": Batch, "description": "Taken in, to be scored later"}},
)
async def score_manifest(
    request: Request,
    service: Desk,
    who: Annotated[Principal, Depends(require("manifests:score"))],
    capacity: Annotated[
        float | None, Query(gt=0, le=1e9, description="Inspections among them: a share below 1, else a number.")
    ] = None,
    dry_run: Annotated[bool, Query(description="Answer, and leave no trace in the store.")] = False,
    prefer: Annotated[str | None, Header(description="respond-async: take it in as a batch.")] = None,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=200, description="The same key with the same manifest gives the same answer."),
    ] = None,
) -> Response:
    """Read, check, score and keep a manifest: its filings, its assessments and the audit in one transaction.

    Small manifests are answered at once, large ones (or with `Prefer: respond-async`) become a batch. The same
    version at the same stage by the same model has one answer, which is given again.
    """
    if service.scoring.statistics().tasks_waiting >= MOST_WAITING:
        raise HTTPException(503, f"{MOST_WAITING} manifests are waiting for their turn; try again later", LATER)
    body = await read_body(request, LARGEST_MANIFEST)
    later = "respond-async" in (prefer or "").lower() or len(body) > AT_ONCE
    if later and dry_run:
        raise HTTPException(413, f"a dry run is answered at once, so it takes at most {AT_ONCE:,} bytes")
    wish = service.wish(capacity, dry_run=dry_run)
    if not body.strip():
        raise HTTPException(422, "the manifest: the file is empty.")
    digest = hashlib.sha256(b"%a %a " % (wish.capacity, dry_run) + body).hexdigest()
    key = None if idempotency_key is None or dry_run else (who.id, idempotency_key)

    def work() -> Kept:
        known = _kept(service, key, digest)
        if known is not None:
            return known
        if later:
            return _taken_in(service, who, body, wish.capacity, key, digest)
        answer: dict[str, bytes] = {}

        def saving(connection: Connection, received: Received) -> None:
            answer["content"] = orjson.dumps(received.content(), option=orjson.OPT_SERIALIZE_NUMPY)
            details = {**received.content()["counts"], "sha256": hashlib.sha256(body).hexdigest()}
            record(connection, who, "manifest.score", details["sha256"][:32], None, details)
            if key is not None and not kept_answers.keep(connection, *key, Kept(digest, 200, answer["content"]), now()):
                raise _TwiceError

        try:
            received = receive(
                service.store,
                body,
                service.champion.current,
                wish,
                now(),
                saving=saving,
                offices=who.offices,
                live=service.live,
            )
        except _TwiceError:
            twice = _kept(service, key, digest)
            assert twice is not None
            return twice
        service.observe(received)
        content = answer.get("content") or orjson.dumps(received.content(), option=orjson.OPT_SERIALIZE_NUMPY)
        return Kept(digest, 200, content)

    found = await to_thread.run_sync(work, limiter=service.scoring)
    headers = {}
    if found.status == 202:
        headers["Location"] = f"/v1/batches/{orjson.loads(found.content)['id']}"
        service.worker.wake()
    return Response(found.content, found.status, headers, JSON)


class _TwiceError(Exception):
    """The same request came twice at once, and the other one was first."""


def _kept(service: Service, key: tuple[str, str] | None, digest: str) -> Kept | None:
    if key is None:
        return None
    with service.store.reading() as connection:
        known = kept_answers.find(connection, *key)
    if known is not None and known.request != digest:
        raise ClashError("this Idempotency-Key was used with another manifest; use a new key for a new request")
    return known


def _taken_in(service: Service, who: Principal, body: bytes, capacity: float, key: tuple[str, str] | None,
              digest: str) -> Kept:  # fmt: skip
    number, at = uuid4().hex, now()
    sha256 = hashlib.sha256(body).hexdigest()
    try:
        with service.store.transaction() as connection:
            most = service.settings.batches_most
            if batches.waiting(connection) >= most:
                raise HTTPException(503, f"{most} batches are waiting for their turn; try again later", LATER)
            batches.add(
                connection, number, submitted_at=at, submitted_by=who.id, size=len(body), sha256=sha256,
                capacity=capacity, offices=None if who.offices is None else orjson.dumps(sorted(who.offices)).decode(),
            )  # fmt: skip
            batches.put_file(connection, number, "manifest", body)
            record(connection, who, "manifest.batch", number, None, {"sha256": sha256, "size": len(body)})
            taken = batches.one(connection, number)
            assert taken is not None
            answer = Kept(digest, 202, shown(taken).model_dump_json().encode())
            if key is not None and not kept_answers.keep(connection, *key, answer, at):
                raise _TwiceError
    except _TwiceError:
        twice = _kept(service, key, digest)
        assert twice is not None
        return twice
    return answer


async def read_body(request: Request, most: int) -> bytes:
    """The body, never more of it in memory than is allowed."""
    too_large = HTTPException(413, f"a body has at most {most:,} bytes here; send it in parts")
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > most:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_large
        parts.append(part)
    return b"".join(parts)
