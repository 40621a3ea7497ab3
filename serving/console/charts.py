"""Charts as SVG, made on the server: readable in black and white, with their numbers as text beside them.

No colours or styles are set here (the strict content policy forbids inline styles): classes name what a shape is,
`console.css` says how it looks. Each series has a dash pattern of its own, so print and colour blindness do not
matter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from markupsafe import Markup

WIDTH: Final = 640
HEIGHT: Final = 280
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 30, 44


@dataclass(frozen=True)
class Series:
    """One line of a chart: points from left to right, with lower and upper bounds where there are any."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Bar:
    """One bar: its name, its value, the interval around it, and what is said of it in words."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    words: str = ""


def line_chart(title: str, x_name: str, y_name: str, series: Sequence[Series], *, percent: bool = False) -> Markup:
    """Lines over a common axis; empty when there is no point."""
    series = [one for one in series if len(one.x)]
    if not series:
        return Markup("")
    xs = [value for one in series for value in one.x]
    ys = [value for one in series for value in (*one.y, *one.high)]
    x_low, x_high = min(xs), max(*xs, min(xs) + 1e-9)
    y_high = max(*ys, 1e-9) * 1.05
    shapes: list[Markup] = [*_frame(x_name, y_name, (x_low, x_high), y_high, percent)]

    def at(x: float, y: float) -> str:
        return f"{_x(x, x_low, x_high):.1f},{_y(y, y_high):.1f}"

    for number, one in enumerate(series):
        if one.low and one.high:
            there = [at(x, y) for x, y in zip(one.x, one.high, strict=True)]
            back = [at(x, y) for x, y in zip(reversed(one.x), reversed(one.low), strict=True)]
            shapes.append(Markup('<polygon class="band s{}" points="{}"/>').format(number, " ".join([*there, *back])))
        points = " ".join(at(x, y) for x, y in zip(one.x, one.y, strict=True))
        shapes.append(Markup('<polyline class="line s{}" points="{}"/>').format(number, points))
    for number, one in enumerate(series):
        y = TOP + 12 + 18 * number
        shapes.append(
            Markup('<line class="line s{}" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}">{}</text>').format(
                number, WIDTH - 190, WIDTH - 160, y - 4, y - 4, WIDTH - 152, y, one.name
            )
        )
    return _svg(title, HEIGHT, shapes)


def bar_chart(title: str, bars: Sequence[Bar], *, percent: bool = False) -> Markup:
    """Bars from left to right, one a row, each with its interval and its words; empty when there is none."""
    if not bars:
        return Markup("")
    most = max(max(bar.value, bar.high or 0) for bar in bars) or 1.0
    room, start, row = WIDTH - 330, 150, 30
    shapes = []
    for number, bar in enumerate(bars):
        y = 8 + row * number
        shapes.append(
            Markup(
                '<text x="{}" y="{}" text-anchor="end">{}</text><rect class="bar" x="{}" y="{}" width="{:.1f}" '
                'height="16"/>'
            ).format(start - 8, y + 13, bar.name, start, y, room * bar.value / most)
        )
        if bar.low is not None and bar.high is not None:
            shapes.append(
                Markup('<line class="interval" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>').format(
                    start + room * bar.low / most, start + room * bar.high / most, y + 8, y + 8
                )
            )
        words = bar.words or (f"{bar.value:.1%}" if percent else f"{bar.value:,.0f}")
        end = start + room * max(bar.value, bar.high or 0) / most + 8
        shapes.append(Markup('<text x="{:.1f}" y="{}">{}</text>').format(end, y + 13, words))
    return _svg(title, 16 + row * len(bars), shapes)


@dataclass(frozen=True)
class Mark:
    """Something that happened: when, in which row of the timeline, and whether it stands out."""

    at: datetime
    row: str
    strong: bool = False


def timeline(title: str, marks: Sequence[Mark]) -> Markup:
    """Marks from left to right by time, a row for each kind; empty when there are fewer than two."""
    if len(marks) < 2:
        return Markup("")
    rows = list(dict.fromkeys(mark.row for mark in marks))
    first, last = min(mark.at for mark in marks), max(mark.at for mark in marks)
    span = max((last - first).total_seconds(), 1.0)
    start, room = 150, WIDTH - 180
    shapes = []
    for number, row in enumerate(rows):
        y = 18 + 24 * number
        shapes.append(Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(start - 10, y + 4, row))
        shapes.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(start, start + room, y, y))
    for mark in marks:
        x = start + room * (mark.at - first).total_seconds() / span
        y = 18 + 24 * rows.index(mark.row)
        if mark.strong:
            points = f"{x:.1f},{y - 7} {x + 7:.1f},{y} {x:.1f},{y + 7} {x - 7:.1f},{y}"
            shapes.append(Markup('<polygon class="strong" points="{}"/>').format(points))
        else:
            shapes.append(Markup('<circle class="mark" cx="{:.1f}" cy="{}" r="4"/>').format(x, y))
    bottom = 18 + 24 * len(rows) + 8
    for at, place, anchor in ((first, start, "start"), (last, start + room, "end")):
        shapes.append(
            Markup('<text x="{}" y="{}" text-anchor="{}">{:%Y-%m-%d}</text>').format(place, bottom, anchor, at)
        )
    return _svg(title, bottom + 8, shapes)


def _svg(title: str, height: int, shapes: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="chart" role="img" aria-label="{0}" viewBox="0 0 {1} {2}" '
        'xmlns="http://www.w3.org/2000/svg"><title>{0}</title>{3}</svg>'
    ).format(title, WIDTH, height, Markup("").join(shapes))


def _frame(x_name: str, y_name: str, x_range: tuple[float, float], y_high: float, percent: bool) -> list[Markup]:
    shapes = [
        Markup('<line class="axis" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM),
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x_name
        ),
        Markup('<text x="{}" y="{}">{}</text>').format(4, 14, y_name),
    ]
    for value in _round_steps(0, y_high):
        y = _y(value, y_high)
        words = f"{value:.4g}" if not percent else f"{100 * value:.4g} %"
        shapes.append(
            Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(LEFT, WIDTH - RIGHT, y, y)
        )
        shapes.append(Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(LEFT - 6, y + 4, words))
    for value in _round_steps(*x_range):
        shapes.append(
            Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
                _x(value, *x_range), HEIGHT - BOTTOM + 16, f"{value:,.4g}"
            )
        )
    return shapes


def _round_steps(low: float, high: float) -> list[float]:
    """About five round numbers between two bounds."""
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * size for factor in (1, 2, 2.5, 5, 10) if factor * size >= rough * 0.999)
    return [step * at for at in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _x(value: float, low: float, high: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low)


def _y(value: float, high: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / high
