"""The way of a consignment on a map of the world: SVG made here, over the land outline that comes along.

A way between two sea ports follows the net of sea routes, any other is a straight line on the map. The picture is
cut to the way with a margin, so a port stays readable; the same facts stand beside it as text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, Literal

from markupsafe import Markup, escape

from risk.reference import ports, sea
from risk.reference.ports import Port

Kind = Literal["declared", "usual"]
LAND: Final = "world.svg#land"
MARGIN: Final = 120.0
"""Tenths of a degree left free around the way."""
LEAST: Final = (900.0, 450.0)


@dataclass(frozen=True)
class Way:
    """Ports in the order they are passed, by UN/LOCODE or IATA code; `kind` says what it is a way of."""

    kind: Kind
    codes: tuple[str, ...]
    words: str

    def places(self) -> list[Port]:
        """The ports that are known, in order."""
        return [place for place in map(ports.port, self.codes) if place is not None]


def route_map(ways: Sequence[Way], title: str, static: str = "/static/") -> Markup:
    """The ways as one picture, empty when no port of any of them is known. `static` is where the land is served."""
    known = [(way, way.places()) for way in ways]
    points = [[_xy(*point) for point in _course(places)] for _, places in known]
    every = [point for course in points for point in course]
    if not every:
        return Markup("")
    left, top, width, height = _frame(every)
    scale = width / 900
    drawn = [
        Markup('<polyline class="way {}" points="{}"/>').format(way.kind, _numbers(course))
        for (way, _), course in zip(known, points, strict=True)
        if len(course) > 1
    ]
    passed = list(dict.fromkeys(place for _, places in known for place in places))
    drawn += [_mark(place, scale, left + width, number) for number, place in enumerate(passed)]
    return Markup(
        '<svg class="map" role="img" aria-label="{title}" viewBox="{box}" xmlns="http://www.w3.org/2000/svg">'
        '<title>{title}</title><rect class="sea" x="{x}" y="{y}" width="{w}" height="{h}"/>'
        '<use class="land" href="{land}"/><use class="land" href="{land}" x="3600"/>{drawn}</svg>'
    ).format(
        title=title,
        box=_numbers([(left, top), (width, height)]).replace(",", " "),
        x=_number(left),
        y=_number(top),
        w=_number(width),
        h=_number(height),
        land=static + LAND,
        drawn=Markup("").join(drawn),
    )


def _course(places: Sequence[Port]) -> list[tuple[float, float]]:
    """Latitudes and longitudes along the way; longitudes go on over the date line, so that no line runs back."""
    course: list[tuple[float, float]] = []
    for place, following in zip_longest(places, places[1:]):
        course.append((place.latitude, place.longitude))
        if following is not None and place.sea_point and following.sea_point:
            course += [(point.latitude, point.longitude) for point in sea.route(place.sea_point, following.sea_point)]
    for at in range(1, len(course)):
        latitude, longitude = course[at]
        before = course[at - 1][1]
        course[at] = (latitude, longitude + 360 * round((before - longitude) / 360))
    return course


def _xy(latitude: float, longitude: float) -> tuple[float, float]:
    return (longitude + 180) * 10, (90 - latitude) * 10


def _frame(points: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    """Left, top, width and height of the part of the map to show, twice as wide as high."""
    xs, ys = zip(*points, strict=True)
    width = max(max(xs) - min(xs) + 2 * MARGIN, LEAST[0], 2 * (max(ys) - min(ys) + 2 * MARGIN))
    middle_x, middle_y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    return middle_x - width / 2, middle_y - width / 4, width, width / 2


def _mark(place: Port, scale: float, right: float, number: int) -> Markup:
    """A port with its name, in turn above and below its height so that neighbours do not hide each other."""
    x, y = _xy(place.latitude, place.longitude)
    x += 3600 * math.floor((right - x) / 3600) if x > right else 0
    late = x > right - 280 * scale  # no room for the name on its right
    return Markup(
        '<circle class="port" cx="{}" cy="{}" r="{}"/><text class="port" x="{}" y="{}" font-size="{}" '
        'text-anchor="{}">{}</text>'
    ).format(
        _number(x),
        _number(y),
        _number(6 * scale),
        _number(x + (-10 if late else 10) * scale),
        _number(y + (22 if number % 2 else -8) * scale),
        _number(22 * scale),
        "end" if late else "start",
        escape(f"{place.name} ({place.code})"),
    )


def _numbers(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
