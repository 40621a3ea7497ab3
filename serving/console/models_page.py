"""The data scientist's page: champion and challenger, figures with intervals, what the model reads."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from risk.errors import ModelError
from risk.model import RiskModel
from serving.api.service import Desk
from serving.console.charts import Bar, bar_chart
from serving.console.door import PageRoute, Principal, allowed
from serving.console.web import language, page
from serving.console.words import words

router = APIRouter(include_in_schema=False, route_class=PageRoute)
FIGURES: Final = ("precision_at", "recall_at", "lift_at")
MOST_FEATURES: Final = 15


@router.get("/models", response_class=HTMLResponse)
def show(request: Request, service: Desk, who: Annotated[Principal, Depends(allowed("model:read"))]) -> HTMLResponse:
    """The model in service and the one that waits."""
    say = words(language(request))
    current = service.champion.current
    shown = [_model(say, "champion", current.model, current.version)]
    challenger = service.champion.challenger()
    if challenger is not None and challenger.version != current.version.version:
        try:
            model, facts = service.champion.load(challenger.version)
            shown.append(_model(say, "challenger", model, facts))
        except ModelError as error:
            shown.append({"role": "challenger", "version": challenger.version, "problem": str(error)})
    return page(request, "models.html", {"models": shown, "problem": service.champion.problem})


def _model(say: Any, role: str, model: RiskModel, version: Any) -> dict[str, Any]:
    facts = dict(model.facts)
    metrics = facts.get("metrics", {})
    importance = sorted(facts.get("importance", {}).items(), key=lambda pair: -pair[1])[:MOST_FEATURES]
    whole = sum(facts.get("importance", {}).values()) or 1.0
    return {
        "role": role,
        "version": version.version,
        "run": version.run_id,
        "fingerprint": model.fingerprint,
        "problem": None,
        "spans": facts.get("spans", {}),
        "data": facts.get("data", {}),
        "labels": facts.get("labels", {}),
        "figures": [
            {"stream": stream, "rows": _figures(figures), "calibration": figures.get("calibration_error")}
            for stream, figures in metrics.items()
        ],
        "baselines": [{"name": name, "rows": _figures(found)} for name, found in facts.get("baselines", {}).items()],
        "features": len(model.features),
        "importance": bar_chart(
            say("What the model reads most"),
            [Bar(name[:24], value / whole, words=f"{value / whole:.1%}") for name, value in importance],
        ),
    }


def _figures(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Precision, recall and lift at each capacity, with their intervals."""
    capacities = list(found.get("precision_at", {}))
    return [
        {"capacity": float(share), **{name: found.get(name, {}).get(share) for name in FIGURES}} for share in capacities
    ]
