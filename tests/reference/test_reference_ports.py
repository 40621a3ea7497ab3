from __future__ import annotations

import math

import airportsdata
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.reference import countries, hubs, ports, sea, tables

CODES = [row["code"] for row in tables.rows("ports")]
SEA = [row["code"] for row in tables.rows("ports") if row["kind"] == "sea"]


def test_every_port_of_the_table_lies_in_a_country_and_on_the_globe() -> None:
    for code in CODES:
        place = ports.port(code)
        assert place is not None
        assert place.country == code[:2]
        assert place.country in countries.ALPHA2
        assert -90 <= place.latitude <= 90
        assert -180 <= place.longitude <= 180
        assert (place.sea_point in sea.points()) == (place.kind == "sea")


def test_ports_that_carry_an_airport_code_lie_near_that_airport() -> None:
    """An independent table catches a swapped or mistyped coordinate."""
    airports = airportsdata.load("IATA")
    compared = 0
    for code in CODES:
        airport = airports.get(code[2:])
        place = ports.port(code)
        row = next(row for row in tables.rows("ports") if row["code"] == code)
        if airport is None or place is None or "airportsdata" not in row["source"]:
            continue
        compared += 1
        away = sea.great_circle_km(place.latitude, place.longitude, airport["lat"], airport["lon"])
        assert away <= 25, f"{code} is {away:.0f} km from its airport"
    assert compared > 150


def test_every_sea_port_is_near_its_point_on_the_sea_routes() -> None:
    inland = {"BRMAO", "CAMTR", "CNNKG"}  # river ports
    for code in set(SEA) - inland:
        place = ports.port(code)
        assert place is not None
        point = sea.points()[place.sea_point]
        away = sea.great_circle_km(place.latitude, place.longitude, point.latitude, point.longitude)
        assert away < 350, f"{code} is {away:.0f} km from {place.sea_point}"


def test_every_hub_is_a_known_place_in_its_country() -> None:
    for code, hub in hubs.hubs().items():
        place = ports.port(code)
        assert place is not None, code
        assert place.country == code[:2]
        assert hub.status == "unverified" or hub.region == hubs.regions().get(place.country, hub.region)


def test_a_port_of_no_table_is_found_through_its_airport() -> None:
    port = ports.port("MAAGA")
    assert port is not None
    assert (port.country, port.kind) == ("MA", "air")
    assert (round(port.latitude), round(port.longitude)) == (30, -9)


@pytest.mark.parametrize("code", ["", "X", "ZZZZZ", "vnhph", "VNHP", "USXXX", "USHEA", "GBMIA", "\0\0\0\0\0", "名古屋"])
def test_an_unknown_or_foreign_code_is_no_port(code: str) -> None:
    assert ports.port(code) is None
    assert ports.distance_km(code, "VNHPH") is None


def test_an_airport_answers_to_its_iata_code() -> None:
    airport = ports.port("KUL")
    assert airport is not None
    assert (airport.country, airport.kind) == ("MY", "air")


@pytest.mark.parametrize(
    ("a", "b", "nautical_miles"),
    [
        ("SGSIN", "NLRTM", 8290),
        ("CNSHA", "USLAX", 5710),
        ("SGSIN", "HKHKG", 1460),
        ("ZADUR", "SGSIN", 4850),
        ("GBSOU", "USNYC", 3150),
        ("BRSSZ", "NLRTM", 5450),
        ("JPYOK", "PABLB", 7680),
    ],
)
def test_sea_distances_agree_with_printed_tables_within_six_percent(a: str, b: str, nautical_miles: float) -> None:
    assert ports.distance_km(a, b) == pytest.approx(nautical_miles * 1.852, rel=0.06)


def test_a_ship_from_lagos_to_hai_phong_goes_around_africa_and_a_plane_does_not() -> None:
    by_sea = ports.distance_km("NGAPP", "VNHPH")
    lagos, hai_phong = ports.port("NGAPP"), ports.port("VNHPH")
    assert by_sea is not None and lagos is not None and hai_phong is not None
    direct = sea.great_circle_km(lagos.latitude, lagos.longitude, hai_phong.latitude, hai_phong.longitude)
    assert by_sea > 1.4 * direct
    assert ports.distance_km("NBO", "BKK") == pytest.approx(7230, rel=0.02)


@given(st.sampled_from(CODES), st.sampled_from(CODES))
def test_a_distance_is_the_same_both_ways_and_never_shorter_than_straight(a: str, b: str) -> None:
    there, back = ports.distance_km(a, b), ports.distance_km(b, a)
    start, end = ports.port(a), ports.port(b)
    assert there is not None and back is not None and start is not None and end is not None
    assert there == pytest.approx(back, rel=1e-12)
    straight = sea.great_circle_km(start.latitude, start.longitude, end.latitude, end.longitude)
    assert straight - 1e-6 <= there < math.pi * sea.EARTH_RADIUS_KM * 1.6
    if a == b:
        assert there == 0


@given(st.sampled_from(sorted(sea.points())), st.sampled_from(sorted(sea.points())), st.data())
def test_no_detour_over_a_third_point_is_shorter(a: str, b: str, data: st.DataObject) -> None:
    over = data.draw(st.sampled_from(sorted(sea.points())))
    assert sea.route_km(a, b) <= sea.route_km(a, over) + sea.route_km(over, b) + 1e-6


def test_every_point_of_the_sea_can_be_reached_from_every_other() -> None:
    start = next(iter(sea.points()))
    assert all(math.isfinite(sea.route_km(start, end)) for end in sea.points())


def test_an_array_of_pairs_gives_each_distance_and_nothing_for_what_is_missing() -> None:
    a = np.array(["NGAPP", "NGAPP", None, np.nan, "ZZZZZ"], dtype=object)
    b = np.array(["VNHPH", np.nan, "VNHPH", None, "VNHPH"], dtype=object)
    found = ports.distances_km(a, b)
    assert found.dtype == np.float64
    assert found[0] == ports.distance_km("NGAPP", "VNHPH")
    assert np.isnan(found[1:]).all()
    with pytest.raises(ValueError, match=r"shorter|longer"):
        ports.distances_km(a, b[:3])
