"""Pages out of templates: languages, times in the officer's zone, numbers as people write them, links that last.

Every value shown is escaped by the template engine. Knows no page in particular.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import jinja2
import pandas as pd
from babel.dates import format_date, format_datetime, get_timezone_name
from babel.numbers import format_decimal, format_percent
from fastapi import Request
from fastapi.responses import HTMLResponse

from risk import explanation
from risk.explanation import Explanation
from risk.language import say as speak
from risk.reference import countries
from serving.access.principal import Principal
from serving.console.places import places
from serving.console.words import DIRECTIONS, LANGUAGES, words
from serving.settings import settings

HERE: Final = Path(__file__).parent
LANGUAGE_COOKIE: Final = "language"
ZONE_COOKIE: Final = "zone"
NOTHING: Final = "\u2013"
"""Stands where there is no value."""
LANE_MARKS: Final = {"red": "■", "yellow": "▲", "blue": "●", "green": "○"}
"""A shape for each lane, so that none is known by its colour alone."""


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def language(request: Request) -> str:
    """The language chosen, else the first of the browser's that there is, else English."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    for part in request.headers.get("accept-language", "").split(","):
        wanted = part.split(";")[0].strip().split("-")[0].lower()
        if wanted in LANGUAGES:
            return wanted
    return "en"


def zone(request: Request) -> ZoneInfo:
    """The officer's time zone: the one chosen, else the one of the settings."""
    chosen = request.cookies.get(ZONE_COOKIE, "")
    return ZoneInfo(chosen if chosen in _zones() else settings().time_zone)


def page(request: Request, template: str, values: Mapping[str, Any], *, status: int = 200) -> HTMLResponse:
    """A page in the language and zone of who asks."""
    tongue, where = language(request), zone(request)
    shown = _templates().get_template(template).render(**_tools(tongue, where), **_frame(request), **values)
    return HTMLResponse(shown, status_code=status)


def explained_to(
    who: Principal, reasons: Sequence[Mapping[str, Any]], indicators: Sequence[Mapping[str, Any]]
) -> Explanation:
    """What was stored of a score, as somebody with these roles may see it."""
    full = explanation.stored(reasons, indicators)
    return full if explanation.FULL & set(who.roles) else explanation.for_role(full, "officer")


def brief(item: explanation.Item, tongue: str, most: int | None = None) -> str:
    """What an item says, without its concept and share; the first so many phrases of it."""
    return "; ".join(dict.fromkeys(speak(phrase, tongue) for phrase in item.phrases[:most]))


def _frame(request: Request) -> dict[str, Any]:
    """What every page shows around its own: who is signed in, where one may go."""
    who = getattr(request.state, "principal", None)
    csrf = getattr(request.state, "csrf", "")
    return {"who": who, "places": places(who) if who else [], "path": request.url.path, "csrf": csrf}


def _tools(tongue: str, where: ZoneInfo) -> dict[str, Any]:
    say = words(tongue)

    def number(value: float | None, digits: int = 0) -> str:
        if value is None or math.isnan(value):
            return NOTHING
        return format_decimal(value, format="#,##0" + ("." + "#" * digits if digits else ""), locale=_babel(tongue))

    def percent(value: float | None, digits: int = 1) -> str:
        if value is None or math.isnan(value):
            return NOTHING
        return format_percent(value, format="#,##0." + "0" * digits + "%", locale=_babel(tongue))

    def when(value: Any, form: str = "short") -> str:
        moment = _moment(value)
        return NOTHING if moment is None else format_datetime(moment, form, tzinfo=where, locale=_babel(tongue))

    def day(value: Any) -> str:
        moment = _moment(value)
        return (
            NOTHING if moment is None else format_date(moment.astimezone(where).date(), "medium", locale=_babel(tongue))
        )

    return {
        "_": say,
        "language": tongue,
        "languages": LANGUAGES,
        "direction": DIRECTIONS.get(tongue, "ltr"),
        "zone_name": get_timezone_name(datetime.now(where), "short", locale=_babel(tongue)),
        "number": number,
        "percent": percent,
        "when": when,
        "day": day,
        "country": _country,
        "brief": lambda item, most=None: brief(item, tongue, most),
        "lane_mark": LANE_MARKS.get,
    }


def _babel(tongue: str) -> str:
    return {"zh": "zh_Hans", "en": "en_GB"}.get(tongue, tongue)


def _country(code: str | None) -> str:
    return (countries.name(code) or code) if code else NOTHING


def _moment(value: Any) -> datetime | None:
    if value is None or pd.isna(value):
        return None
    moment: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
