"""The web app: health, the model in use, the worklist, and scoring of a manifest sent in.

Routes parse, call and shape the answer. There is no login yet, so `risk serve` listens on this machine only.
"""

from __future__ import annotations

import html
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pandas as pd
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from risk.errors import RiskError
from risk.layout import utc
from risk.manifests import read_all
from serving.modelling import registry
from serving.past import past_from_store
from serving.scorer import assess, model_target
from serving.settings import settings
from serving.store import Store

LARGEST_MANIFEST: Final = 32 * 1024 * 1024


def create_app() -> FastAPI:
    """The app with the champion of the registry. Raises ModelError when there is none."""
    app = FastAPI(title="Wildlife shipment risk", version="1")
    model, version = registry().load("champion")
    store = Store.open(settings().store_url)

    @app.exception_handler(RiskError)
    async def told(_: Request, error: RiskError) -> JSONResponse:
        return JSONResponse(
            {"type": "about:blank", "title": "The request could not be answered", "status": 422, "detail": str(error)},
            status_code=422,
            media_type="application/problem+json",
        )

    @app.get("/healthz", summary="Whether the service answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/model", summary="The model in use and where it comes from")
    async def model_in_use() -> Response:
        content = {"name": version.name, "version": version.version, "fingerprint": model.fingerprint}
        return _json({**content, "facts": dict(model.facts)})

    @app.get("/v1/worklist", summary="The consignments of the latest scoring, the riskiest first")
    def worklist(limit: int = Query(50, ge=1, le=1000)) -> Response:
        return _json({"consignments": _worklist(store, limit)})

    @app.post("/v1/manifests", summary="Score a manifest: a table in the project's layout or a message of carriers")
    async def score_manifest(request: Request, capacity: float = Query(settings().capacity, gt=0)) -> Response:
        body = await request.body()
        if len(body) > LARGEST_MANIFEST:
            raise HTTPException(413, f"the manifest has {len(body):,} bytes; the most is {LARGEST_MANIFEST:,}")

        received = datetime.now(UTC)

        def answer() -> dict[str, Any]:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "manifest"
                path.write_bytes(body)
                try:
                    read = read_all([path], table="consignments", received_at=received)
                except RiskError as error:
                    raise type(error)(str(error).replace(str(path), "the manifest")) from None
            rejects = [{"line": r.line, "field": r.field, "value": r.value, "reason": r.reason} for r in read.rejects]
            if read.consignments.empty:
                return {"consignments": [], "rejects": rejects}
            past = past_from_store(store, read.consignments, model_target(model), settings().threads)
            found = assess(
                read.consignments,
                past,
                model,
                capacity=capacity,
                seed=settings().seed,
                random_share=settings().random_share,
                model_name=version.name,
                model_version=version.version,
                threads=settings().threads,
            )
            return {"consignments": _records(found.table), "rejects": rejects}

        return _json(await run_in_threadpool(answer))

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page() -> str:
        return _page(_worklist(store, 100), f"{version.name} version {version.version}")

    return app


def _worklist(store: Store, limit: int) -> list[dict[str, Any]]:
    """The assessments of the latest scoring in the store, in order of rank, without consignments cancelled since."""
    found = store.assessments()
    latest = found[found["scored_at"] == found["scored_at"].max()]
    if latest.empty:
        return []
    gone = store.cancelled(latest["consignment_id"].tolist(), unfiled_since=latest["scored_at"].iloc[0])
    return _records(latest[~latest["consignment_id"].isin(gone)].sort_values("rank").head(limit))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON values: times as text, missing as null, reasons as a list."""
    plain = table.astype(object).where(table.notna(), None)
    records = []
    for row in plain.to_dict("records"):
        record = {str(name): utc(value) if isinstance(value, pd.Timestamp) else value for name, value in row.items()}
        record["reasons"] = orjson.loads(record["reasons"]) if record.get("reasons") else []
        records.append(record)
    return records


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


def _page(worklist: list[dict[str, Any]], model: str) -> str:
    rows = "".join(
        f"<tr><td>{entry['rank']}</td><td>{html.escape(entry['consignment_id'])}</td>"
        f"<td>{entry['probability']:.1%}</td><td class='{entry['lane']}'>{entry['lane']}</td>"
        f"<td>{''.join(_reason(reason) for reason in entry['reasons'][:3])}</td></tr>"
        for entry in worklist
    )
    body = (
        rows or "<tr><td colspan=5>Nothing scored yet: run <code>risk demo</code> or <code>risk score</code>.</td></tr>"
    )
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Worklist</title>
<meta name="viewport" content="width=device-width"><style>
body{{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1b1b}}
table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;vertical-align:top;padding:.5rem .6rem;
border-bottom:1px solid #ddd}}.red{{color:#a4161a;font-weight:600}}.yellow{{color:#8a6d00;font-weight:600}}
.blue{{color:#1d4e89}}.reason{{display:block}}small{{color:#666}}</style>
<h1>Worklist</h1><p>Scored by {html.escape(model)}. A score is a lead, not proof.</p>
<table><thead><tr><th>Rank<th>Consignment<th>Probability<th>Lane<th>Why</tr></thead><tbody>{body}</tbody></table></html>"""


def _reason(reason: dict[str, Any]) -> str:
    sign = "&#9650;" if reason["direction"] == "raises" else "&#9660;"
    return (
        f"<span class='reason'>{sign} {html.escape(reason['words'])} "
        f"<small>{html.escape(reason['concept'])}, {reason['share']:.0%}</small></span>"
    )
