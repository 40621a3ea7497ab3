"""The features that read the record itself."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import RECORD
from features.columns import Lines, distinct, pairs, ratio
from features.weights import trailing_zeros
from risk.reference import ports

FILED = pd.Timestamp("2026-03-02 06:00", tz="UTC")  # a Monday


def line(**values: Any) -> dict[str, Any]:
    """All record features of one line with these values."""
    return {name: column[0] for name, column in features(table([values])).items()}


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame({"filed_at": pd.Series([FILED] * len(rows), dtype="datetime64[us, UTC]")})
    frame["consignment_id"] = pd.array([f"C{i}" for i in range(len(rows))], dtype="str")
    for name in {name for row in rows for name in row}:
        values = [row.get(name) for row in rows]
        if name in ("etd", "eta"):
            frame[name] = pd.Series(values, dtype="datetime64[us, UTC]")
        elif name == "version":
            frame[name] = np.array(values, np.int64)
        elif all(value is None or isinstance(value, int | float) for value in values):
            frame[name] = np.array(values, np.float64)
        else:
            frame[name] = pd.array(values, dtype="str")
    return frame


def features(frame: pd.DataFrame) -> dict[str, Any]:
    lines = Lines(frame)
    return {name: values for module in RECORD for name, values in module.columns(lines).items()}


def test_a_route_from_a_source_through_a_hub_to_a_port_of_demand_is_seen() -> None:
    seen = line(
        origin_country="NG", original_loading_port="NGAPP", loading_port="NGAPP", transhipment_ports="SGSIN",
        discharge_port="VNHPH", destination_country="VN",
    )  # fmt: skip
    for name in ("origin_is_source", "loading_is_exit_hub", "discharge_is_demand_hub", "destination_is_demand",
                 "source_to_demand", "transhipment_at_hub", "transhipments"):  # fmt: skip
        assert seen[name] == 1, name
    for name in ("origin_not_loading", "original_port_differs", "destination_not_discharge", "origin_is_transit"):
        assert seen[name] == 0, name
    assert seen["route_km"] == ports.distance_km("NGAPP", "VNHPH")
    assert 1 <= seen["detour"] < 1.2
    assert seen["loading_country"] == "NG", "taken from the port"


def test_a_hub_shown_as_origin_is_seen() -> None:
    seen = line(origin_country="MY", original_loading_port="NGAPP", loading_port="MYPKG", discharge_port="VNHPH")
    assert seen["origin_is_transit"] == 1
    assert seen["original_port_differs"] == 1
    assert seen["origin_not_original_loading"] == 1
    assert seen["source_to_demand"] == 0


def test_a_way_over_far_ports_is_a_detour() -> None:
    seen = line(loading_port="MYPKG", transhipment_ports="LKCMB SGSIN", discharge_port="VNHPH")
    assert seen["detour"] > 1.5
    assert seen["transhipments"] == 2


@pytest.mark.parametrize("port", [None, "ZZZZZ"])
def test_a_port_that_is_not_known_has_no_distance(port: str | None) -> None:
    seen = line(loading_port="NGAPP", transhipment_ports=port, discharge_port="VNHPH")
    assert np.isnan(seen["detour"])
    assert np.isnan(line(loading_port=port, discharge_port="VNHPH")["route_km"])


def test_goods_are_read_by_code_and_by_words() -> None:
    seen = line(hs_code="0507100000", description="Elephant tusk and general goods, spare parts")
    assert (seen["wildlife_heading"], seen["hs_known"], seen["hs_digits"]) == (1, 1, 10)
    assert (seen["hs2"], seen["hs4"], seen["hs6"]) == ("05", "0507", "050710")
    assert seen["clear_species_words"] >= 1
    assert seen["description_vague"] == 2
    assert seen["description_words"] == 7
    cover = line(hs_code="080131", description="Raw cashew nuts in shell")
    assert (cover["wildlife_heading"], cover["cover_load"], cover["species_words"], cover["description_vague"]) == (
        0,
        1,
        0,
        0,
    )
    short = line(hs_code="05")
    assert short["hs4"] is None
    assert line(hs_code="999999")["hs_known"] == 0


def test_figures_are_put_in_relation_and_nothing_is_divided_by_zero() -> None:
    seen = line(
        gross_weight_kg=20_000.0, net_weight_kg=19_000.0, packages=400.0, volume_m3=40.0,
        value=50_000.0, freight=2_000.0,
        containers=json.dumps([{"no": "TRHU6895812", "vgm_kg": 15_000}, {"no": "TRHU6895813", "vgm_kg": 9_000}]),
    )  # fmt: skip
    assert seen["weight_per_package_kg"] == 50
    assert seen["weight_per_container_kg"] == 10_000
    assert seen["density_kg_m3"] == 500
    assert seen["net_to_gross"] == 0.95
    assert seen["value_per_kg"] == 2.5
    assert seen["freight_per_kg"] == 0.1
    assert seen["freight_to_value"] == 0.04
    assert seen["vgm_difference"] == 1.2
    assert (seen["weight_zeros"], seen["value_zeros"]) == (4, 4)
    bulk = line(gross_weight_kg=5.0, packages=0.0, volume_m3=0.0)
    assert np.isnan([bulk["weight_per_package_kg"], bulk["density_kg_m3"], bulk["value_per_kg"]]).all()


def test_zeros_are_counted_at_the_end_of_whole_figures() -> None:
    figures = np.array([0.0, 7.0, 10.0, 1200.0, 1200.5, 3e6, np.nan])
    np.testing.assert_array_equal(trailing_zeros(figures), [0, 0, 1, 2, 0, 6, np.nan])


def test_containers_are_counted_and_their_numbers_checked() -> None:
    boxes = [
        {"no": "TRHU6895812", "seals": ["A1"], "full": True},
        {"no": "TRHU6895813", "seals": [], "full": False},
    ]
    seen = line(containers=json.dumps(boxes))
    assert (seen["containers"], seen["wrong_container_numbers"]) == (2, 1)
    assert (seen["sealed_containers"], seen["empty_containers"]) == (0.5, 1)
    assert line(containers="[]")["containers"] == 0
    assert np.isnan(line(containers=None, hs_code="05")["containers"])
    assert np.isnan(line(containers='[{"type": "22G1"}]')["wrong_container_numbers"])


def test_papers_made_out_to_order_with_a_forwarder_to_notify_are_seen() -> None:
    seen = line(consignee_name="TO THE ORDER OF BANK", notify_name="Fast Freight Forwarders Co., Ltd", bl_type="Order")
    assert (seen["order_bill"], seen["notify_is_forwarder"], seen["notify_missing"], seen["notify_is_consignee"]) == (
        1,
        1,
        0,
        0,
    )
    plain = line(
        consignee_name="Alpha Co., Ltd", notify_name="ALPHA COMPANY LIMITED", consignee_id="T1", bl_type="house"
    )
    assert (plain["order_bill"], plain["notify_is_consignee"], plain["consignee_id_missing"]) == (0, 1, 0)
    assert line(consignee_name="Alpha", notify_name="Same as consignee")["notify_is_consignee"] == 1
    assert np.isnan(line(consignee_name="TO ORDER", notify_name="N/A")["notify_is_consignee"])
    assert line(consignee_name="Alpha")["notify_missing"] == 1


def test_permits_matter_on_a_wildlife_heading_only() -> None:
    permit = json.dumps([{"type": "CITES", "no": "1"}])
    assert line(hs_code="050710", permits=permit)["wildlife_permit"] == 1
    assert line(hs_code="050710", permits="[]")["wildlife_permit"] == 0
    assert np.isnan(line(hs_code="050710")["wildlife_permit"])
    assert np.isnan(line(hs_code="080131", permits=permit)["wildlife_permit"])


def test_amendments_and_freight_terms_are_read() -> None:
    seen = line(version=3, freight_payment="collect", consignee_country="VN", discharge_port="VNHPH")
    assert (seen["version"], seen["amended"], seen["freight_prepaid"], seen["consignee_abroad"]) == (3, 1, 0, 0)


def test_filing_is_held_against_the_planned_voyage() -> None:
    seen = line(
        etd=FILED - pd.Timedelta(hours=6), eta=FILED + pd.Timedelta(days=20) - pd.Timedelta(hours=6),
        loading_port="NGAPP", discharge_port="VNHPH",
    )  # fmt: skip
    assert (seen["hours_after_departure"], seen["filed_after_departure"], seen["filed_after_arrival"]) == (6, 1, 0)
    assert (seen["hours_before_arrival"], seen["transit_days"], seen["weekday"]) == (474, 20, 0)
    assert seen["transit_km_per_day"] == pytest.approx(seen["route_km"] / 20)
    assert np.isnan(line(etd=FILED)["transit_days"])


@given(st.lists(st.sampled_from(["a", "b", " ", "", None]), max_size=8))
def test_blank_text_is_missing(values: list[str | None]) -> None:
    texts = distinct(pd.Series(pd.array(values, dtype="str"))).texts().tolist()
    assert texts == [value if value and value.strip() else None for value in values]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["x", "y", "z", None])), max_size=9))
def test_pairs_of_columns_are_those_of_the_rows(rows: list[tuple[str | None, str | None]]) -> None:
    left, right = (distinct(np.array([row[side] for row in rows], dtype=object)) for side in (0, 1))
    codes, a, b = pairs(left, right)
    for code, row in zip(codes, rows, strict=True):
        assert (code == -1) if None in row else ((a[code], b[code]) == row)
    assert len(a) == len({row for row in rows if None not in row})


def test_a_ratio_needs_a_divisor_above_zero() -> None:
    above, below = np.array([1.0, 1.0, 1.0, np.nan, 0.0]), np.array([2.0, 0.0, np.nan, 1.0, 2.0])
    np.testing.assert_array_equal(ratio(above, below), [0.5, np.nan, np.nan, np.nan, 0.0])


def test_a_line_alone_and_among_a_thousand_gives_the_same_bits() -> None:
    random = np.random.default_rng(5)

    def some(values: list[Any]) -> Any:
        return random.choice(np.array(values, dtype=object))

    places = ["NGAPP", "VNHPH", "MYPKG", "SGSIN", "ZADUR", "HKHKG", None]
    rows = [
        {
            "loading_port": some(places), "discharge_port": some(places),
            "transhipment_ports": some(["SGSIN LKCMB", None]),
            "origin_country": some(["NG", "VN", None]), "hs_code": some(["050710", "440349", "0801", None]),
            "description": some(["ivory", "general goods", None]), "gross_weight_kg": random.lognormal(8, 2),
            "net_weight_kg": random.lognormal(8, 2), "packages": float(random.integers(0, 50)),
            "volume_m3": random.random() * 60, "value": random.lognormal(9, 2), "freight": random.lognormal(6, 2),
            "eta": FILED + pd.Timedelta(seconds=int(random.integers(0, 10**6))), "etd": some([FILED, None]),
        }
        for _ in range(1003)
    ]  # fmt: skip
    frame = table(rows)
    among = features(frame)
    for row in [0, 1, 2, 3, 500, 998, 1000, 1001, 1002]:
        alone = features(frame.iloc[[row]])
        for name, values in among.items():
            if values.dtype == object:
                assert values[row] == alone[name][0]
            else:
                assert values[row : row + 1].tobytes() == alone[name].tobytes(), name
