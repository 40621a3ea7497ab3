"""The supervisor's page."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from serving.api.service import Desk
from serving.console import supervision
from serving.console.charts import LEFT, RIGHT, WIDTH, Bar, Series, bar_chart, line_chart
from serving.console.door import PageRoute, Principal, allowed
from serving.console.web import language, page
from serving.console.words import words

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/supervision", response_class=HTMLResponse)
def show(
    request: Request, service: Desk, who: Annotated[Principal, Depends(allowed("worklist:confirm"))]
) -> HTMLResponse:
    """Hit rates, random against targeted, workload, threshold, overrides, outcomes owed."""
    say, now = words(language(request)), service.now()
    offices = None if who.offices is None else sorted(who.offices)
    with service.store.reading() as connection:
        frame = supervision.results(connection, service.champion.current.target.name, offices, now)
        values: dict[str, Any] = {
            "days": supervision.DAYS,
            "workload": supervision.workload(connection, offices),
            "owed": supervision.owed(connection, offices, now.strftime("%Y-%m-%d")),
            "overrides": supervision.overrides(connection, offices),
        }
    tables = {
        "chosen": (say("By how it was chosen"), frame),
        "lane": (say("By lane"), frame),
        "office": (say("By office"), frame),
        "officer": (say("By officer (letters, not names)"), supervision.without_names(frame)),
    }
    values["rates"] = [
        {
            "title": title,
            "rows": rows,
            "chart": bar_chart(title, [Bar(say(r["name"].replace("_", " ")), r["rate"], r["low"], r["high"],
                                           f"{r['rate']:.1%} ({r['finds']}/{r['inspections']})") for r in rows]),
        }
        for name, (title, part) in tables.items()
        if (rows := supervision.rates(part, name))
    ]  # fmt: skip
    values |= _threshold(say, supervision.curve(frame))
    return page(request, "supervision.html", values)


def _threshold(say: Any, points: list[dict[str, float]]) -> dict[str, Any]:
    """The chart of precision and recall with its movable cut: the points as the script reads them."""
    if len(points) < 2:
        return {"curve": [], "chart": "", "cuts": "[]"}
    x = [point["inspections"] for point in points]
    chart = line_chart(
        say("Precision and recall by number of inspections"),
        say("inspections, the riskiest first"),
        say("share"),
        [
            Series(say("precision"), x, [point["precision"] for point in points]),
            Series(say("recall"), x, [point["recall"] for point in points]),
        ],
        percent=True,
    )
    room, low, high = WIDTH - LEFT - RIGHT, min(x), max(x)
    cuts = [
        {
            "x": round(LEFT + room * (point["inspections"] - low) / max(high - low, 1), 1),
            "says": say(
                "{inspections} inspections (probability from {threshold}): precision {precision}, recall {recall}",
                inspections=f"{point['inspections']:,.0f}",
                threshold=f"{point['threshold']:.2%}",
                precision=f"{point['precision']:.1%}",
                recall=f"{point['recall']:.1%}",
            ),
        }
        for point in points
    ]
    return {"curve": points, "chart": chart, "cuts": orjson.dumps(cuts).decode()}
