"""Maps and charts: what is drawn is what is known, and text stays text."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from risk.reference import ports, sea
from risk.reference.tables import rows
from serving.console.charts import Bar, Series, bar_chart, line_chart
from serving.console.route_map import Way, route_map

PORTS = [row["code"] for row in rows("ports")]


@given(st.lists(st.sampled_from([*PORTS, "XXXXX", ""]), max_size=6))
def test_any_way_gives_a_picture_that_is_xml_with_each_known_port_once(codes: list[str]) -> None:
    drawn = route_map([Way("declared", tuple(codes), "way")], "<title> & text")
    known = {code for code in codes if ports.port(code) is not None}
    if not known:
        assert drawn == ""
        return
    root = etree.fromstring(str(drawn).encode())
    assert len(root.findall(".//{*}circle")) == len(known)
    for number in str(root.get("viewBox")).split():
        assert math.isfinite(float(number))


@given(st.sampled_from(PORTS), st.sampled_from(PORTS))
def test_a_way_over_sea_is_as_long_as_the_distance_says(start: str, end: str) -> None:
    a, b = ports.port(start), ports.port(end)
    assert a is not None and b is not None
    if not (a.sea_point and b.sea_point):
        return
    way = sea.route(a.sea_point, b.sea_point)
    assert (way[0].name, way[-1].name) == (a.sea_point, b.sea_point)
    legs = pairwise(way)
    length = sum(sea.great_circle_km(p.latitude, p.longitude, q.latitude, q.longitude) for p, q in legs)
    assert math.isclose(length, sea.route_km(a.sea_point, b.sea_point), rel_tol=1e-9, abs_tol=1e-9)


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1)), min_size=1, max_size=30, unique_by=lambda point: point[0])
)
def test_a_line_chart_stays_within_its_frame(points: list[tuple[float, float]]) -> None:
    points = sorted(points)
    chart = line_chart("t", "x", "y", [Series("<a>", [x for x, _ in points], [y for _, y in points])], percent=True)
    root = etree.fromstring(str(chart).encode())
    width, height = (float(part) for part in str(root.get("viewBox")).split()[2:])
    line = root.find(".//{*}polyline")
    assert line is not None
    for pair in str(line.get("points")).split():
        x, y = (float(part) for part in pair.split(","))
        assert 0 <= x <= width and 0 <= y <= height


def test_bars_say_their_numbers_and_nothing_is_drawn_of_nothing() -> None:
    chart = str(bar_chart("rates", [Bar("random", 0.01, 0.002, 0.03), Bar("<b>", 0.0)], percent=True))
    assert "1.0%" in chart and "&lt;b&gt;" in chart
    assert bar_chart("rates", []) == "" and line_chart("t", "x", "y", []) == ""
