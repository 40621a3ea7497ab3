"""What `simulate` promises: layouts, times, rarity, a plain random stream, and the same world every time."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from risk.consignment import CONSIGNMENTS, KEY, MODES
from risk.inspection import OUTCOMES
from risk.layout import Table, arrow_schema, column_names, dtype
from risk.reference import countries
from risk.reference.harmonized import exists
from risk.reference.identifiers import valid_container, valid_imo
from risk.reference.ports import port
from training.simulation.world import World, simulate


def test_the_tables_have_the_columns_and_dtypes_of_their_layouts(small: World) -> None:
    for frame, layout in ((small.consignments, CONSIGNMENTS), (small.outcomes, OUTCOMES)):
        assert list(frame.columns) == column_names(layout)
        assert [str(kind) for kind in frame.dtypes] == [dtype(column) for column in layout]


@pytest.mark.parametrize("name", ["consignments", "outcomes"])
def test_every_value_is_allowed_by_its_layout(world: World, name: str) -> None:
    frame, layout = (world.consignments, CONSIGNMENTS) if name == "consignments" else (world.outcomes, OUTCOMES)
    for column in layout:
        values = frame[column.name].dropna()
        if column.required or column.default is not None:
            assert len(values) == len(frame), column.name
        if column.choices:
            assert set(values) <= set(column.choices), column.name
        if column.minimum is not None:
            assert (values >= column.minimum).all(), column.name
        if column.maximum is not None:
            assert (values <= column.maximum).all(), column.name
        if column.kind == "country":
            assert all(countries.name(code) for code in values.unique()), column.name
        if column.kind in ("port", "ports"):
            assert all(port(code) for text in values.unique() for code in text.split()), column.name
        if column.kind == "code":
            assert not values.str.contains(r"\s", regex=True).any(), column.name


def test_a_row_is_known_by_consignment_line_and_version(world: World) -> None:
    assert not world.consignments.duplicated(list(KEY)).any()


def test_goods_have_hs_codes_that_exist_and_weights_that_agree(world: World) -> None:
    goods = world.consignments
    assert all(exists(code[:6]) for code in goods["hs_code"].unique())
    assert (goods["net_weight_kg"].dropna() <= goods["gross_weight_kg"][goods["net_weight_kg"].notna()]).all()
    assert (goods[["packages", "gross_weight_kg"]] > 0).all(axis=None)


def test_containers_and_ships_have_valid_numbers_but_for_a_few_slips(world: World) -> None:
    first = world.consignments.drop_duplicates("consignment_id")
    boxes = [box for text in first["containers"].dropna() for box in json.loads(text)]
    wrong = np.mean([not valid_container(box["no"]) for box in boxes])
    assert 0 < wrong < 0.01
    assert all(valid_imo(number) for number in first["vessel_imo"].dropna().unique())
    flown = first["mode"] == MODES[1]
    assert first.loc[flown, ["containers", "vessel_imo"]].isna().all(axis=None)
    assert first.loc[~flown, ["containers", "vessel_imo"]].notna().all(axis=None)


def test_an_amendment_is_a_later_version_of_the_same_lines(world: World) -> None:
    versions = world.consignments.groupby(["consignment_id", "version"])
    filed, lines = versions["filed_at"].first().unstack(), versions.size().unstack()
    amended = filed[2].notna()
    assert 0.01 < amended.mean() < 0.04
    assert (filed.loc[amended, 2] > filed.loc[amended, 1]).all()
    assert (lines.loc[amended, 2] == lines.loc[amended, 1]).all()
    assert versions["filed_at"].nunique().max() == 1


def test_an_inspection_follows_the_filing_and_is_recorded_later_within_the_simulated_time(world: World) -> None:
    filed = world.consignments.groupby("consignment_id")["filed_at"].max()
    told = world.outcomes.assign(filed_at=world.outcomes["consignment_id"].map(filed))
    assert told["filed_at"].notna().all()
    assert (told["inspected_at"] > told["filed_at"]).all()
    assert (told["recorded_at"] > told["inspected_at"]).all()
    stop = pd.Timestamp("2026-07-01", tz="UTC")
    assert max(told["recorded_at"].max(), world.consignments["filed_at"].max()) < stop
    assert world.consignments["filed_at"].min() >= stop - pd.Timedelta(days=500)


def test_the_tables_are_in_order_of_time(world: World) -> None:
    assert world.consignments["filed_at"].is_monotonic_increasing
    assert world.outcomes["recorded_at"].is_monotonic_increasing
    assert world.truth["filed_at"].is_monotonic_increasing


def test_a_laboratory_turns_an_inconclusive_result_into_a_seizure_in_a_later_row(world: World) -> None:
    confirmed = world.outcomes[world.outcomes["lab_result"] == "confirmed"]
    assert len(confirmed)
    assert (confirmed["result"] == "wildlife").all()
    earlier = world.outcomes[world.outcomes["consignment_id"].isin(confirmed["consignment_id"])]
    assert earlier.groupby("consignment_id")["result"].first().eq("inconclusive").all()


def test_a_seizure_says_what_was_seized_and_no_other_result_does(world: World) -> None:
    seized = world.outcomes["result"] == "wildlife"
    details = ["commodity_group", "species", "cites_appendix", "quantity", "unit", "concealment"]
    assert world.outcomes.loc[seized, details].notna().all(axis=None)
    assert world.outcomes.loc[~seized, details].isna().all(axis=None)


def test_smuggling_is_rare_and_yet_some_of_it_is_found(world: World) -> None:
    assert world.truth["smuggled"].mean() < 1 / 400
    assert abs(world.truth["smuggled"].sum() - world.truth["propensity"].sum()) < 40
    assert (world.outcomes["result"] == "wildlife").sum() >= 10
    assert world.truth.loc[world.truth["found"], "smuggled"].all()
    assert world.truth.loc[world.truth["found"], "inspected"].all()
    assert 0.025 < world.truth["inspected"].mean() < 0.07


def test_the_random_stream_is_a_plain_sample_of_all_trade(world: World) -> None:
    outcomes = world.outcomes.drop_duplicates("consignment_id")
    sample = outcomes.loc[outcomes["selection_reason"] == "random", "consignment_id"]
    chosen = world.truth["consignment_id"].isin(sample)
    assert 0.007 < chosen.mean() < 0.013
    points = world.truth["rule_points"]
    assert abs(points[chosen].mean() - points.mean()) < 4 * points.std() / np.sqrt(chosen.sum())


def test_the_selection_probability_is_that_of_rules_and_random_stream_together(world: World) -> None:
    outcomes = world.outcomes.drop_duplicates("consignment_id").set_index("consignment_id")
    truth = world.truth.set_index("consignment_id")
    assert (outcomes["selection_probability"] >= 0.01 - 1e-9).all()
    assert np.allclose(outcomes["selection_probability"], truth["rule_probability"].loc[outcomes.index], atol=1e-6)
    # Weighing each inspection by its probability gives back the number of consignments that could be inspected.
    settled = truth.index[truth["filed_at"] < truth["filed_at"].max() - pd.Timedelta(days=90)]
    weight = 1 / outcomes.loc[outcomes.index.isin(settled), "selection_probability"]
    assert weight.sum() == pytest.approx(len(settled), rel=0.15)


def test_what_customs_sees_holds_no_truth(world: World) -> None:
    own = set(world.truth.columns) - {"consignment_id", "filed_at"}
    assert not own & set(world.consignments.columns)
    assert not own & set(world.outcomes.columns)


@pytest.mark.parametrize("lines", [1000, 3000, 20_000])
def test_the_lines_asked_for_are_met_within_two_percent(lines: int) -> None:
    made = simulate(lines=lines, days=200, seed=11)
    assert len(made.consignments) == pytest.approx(lines, rel=0.02)


def test_the_same_arguments_give_the_same_bytes_and_another_seed_another_world(tmp_path: Path) -> None:
    for folder, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate(lines=3000, days=200, seed=seed, end=date(2025, 3, 31)).write(tmp_path / folder)
    for name in ("consignments", "outcomes", "truth"):
        first, again, other = ((tmp_path / folder / f"{name}.parquet").read_bytes() for folder in "abc")
        assert first == again
        assert first != other


@pytest.mark.parametrize(("name", "layout"), [("consignments", CONSIGNMENTS), ("outcomes", OUTCOMES)])
def test_the_files_have_the_schema_of_the_layout(tmp_path: Path, small: World, name: str, layout: Table) -> None:
    small.write(tmp_path)
    written = pq.read_schema(tmp_path / f"{name}.parquet").remove_metadata()
    assert written.equals(arrow_schema(layout))


def test_the_progress_is_told_in_words() -> None:
    said: list[str] = []
    simulate(lines=1000, days=60, progress=said.append)
    assert "smuggling networks" in said


@pytest.mark.parametrize(("lines", "days"), [(999, 900), (5000, 29)])
def test_a_world_too_small_to_hold_trade_is_refused(lines: int, days: int) -> None:
    with pytest.raises(ValueError, match=f"lines is {lines} and days is {days}"):
        simulate(lines=lines, days=days)
