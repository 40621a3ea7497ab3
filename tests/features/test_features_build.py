from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import World, at, lines_table, outcomes_table, worlds

from features.build import build
from features.catalogue import catalogue
from features.events import Context
from features.extras import extra_features
from features.state import State
from risk.consignment import CONSIGNMENTS
from risk.errors import InputError
from risk.feature import CONCEPTS, Feature, FeatureTable
from risk.layout import column


def bits(table: FeatureTable, row: int | slice = slice(None)) -> tuple[bytes, list[Any]]:
    """Everything of some rows: the bytes of the numbers, and the categories."""
    return table.numbers[row].tobytes(), [values[row] for values in table.categories.values()]


def same(left: FeatureTable, right: FeatureTable) -> bool:
    return left.numbers.tobytes() == right.numbers.tobytes() and all(
        left.categories[name].tolist() == right.categories[name].tolist() for name in left.categories
    )


@settings(max_examples=20, deadline=None)
@given(worlds(most=5), st.data())
def test_a_line_alone_with_the_stored_history_equals_its_row_in_training(world: World, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(world.lines) - 1))
    now = world.lines["filed_at"].iloc[row]
    earlier, known = world.lines["filed_at"] < now, world.outcomes["recorded_at"] < now
    training, _ = build(world.lines, State(), outcomes=world.outcomes, threads=2)

    _, stored = build(world.lines[earlier], State(), outcomes=world.outcomes[known], threads=1)
    context = Context(world.lines[earlier], world.outcomes[known])
    alone, _ = build(world.lines.iloc[[row]].reset_index(drop=True), stored, context=context, threads=1)
    assert bits(alone, 0)[0] == bits(training, row)[0]
    assert bits(alone, 0)[1] == bits(training, row)[1]


@settings(max_examples=20, deadline=None)
@given(worlds(most=5), worlds(most=5))
def test_appending_later_filings_and_outcomes_leaves_every_earlier_row_as_it_was(world: World, other: World) -> None:
    table, _ = build(world.lines, State(), outcomes=world.outcomes)
    end = world.lines["filed_at"].max()
    later = other.lines.assign(
        filed_at=other.lines["filed_at"] - other.lines["filed_at"].min() + end,
        consignment_id="later" + other.lines["consignment_id"],
    )
    found = other.outcomes.assign(recorded_at=other.outcomes["recorded_at"] - at(0) + end)
    more, _ = build(
        pd.concat([world.lines, later], ignore_index=True),
        State(),
        outcomes=pd.concat([world.outcomes, found], ignore_index=True),
    )
    assert same(table, more.take(np.arange(len(table))))


@settings(max_examples=15, deadline=None)
@given(worlds(most=5))
def test_a_column_that_was_left_out_says_the_same_as_one_that_nobody_filled(world: World) -> None:
    full = world.lines.assign(
        **{c.name: column(world.lines, CONSIGNMENTS, c.name) for c in CONSIGNMENTS if c.name not in world.lines}
    )
    short, _ = build(world.lines, State(), outcomes=world.outcomes)
    assert same(short, build(full, State(), outcomes=world.outcomes)[0])


def test_a_state_can_be_used_again_after_a_build() -> None:
    lines = lines_table([{"id": "A", "step": 0, "consignee_id": "T"}, {"id": "B", "step": 1, "consignee_id": "T"}])
    _, state = build(lines.iloc[[0]], State())
    before = state.key("consignee").compact().rows.tobytes()
    first, after = build(lines.iloc[[1]], state)
    second, _ = build(lines.iloc[[1]], state)
    assert same(first, second)
    assert state.key("consignee").compact().rows.tobytes() == before
    assert after.as_of > state.as_of


@settings(max_examples=15, deadline=None)
@given(worlds(most=5), st.randoms(use_true_random=False))
def test_only_the_lines_asked_for_get_a_row_and_all_enter_history(world: World, random: Any) -> None:
    reads = np.array([random.random() < 0.5 for _ in range(len(world.lines))], bool)
    table, state = build(world.lines, State(), outcomes=world.outcomes)
    some, other = build(world.lines, State(), outcomes=world.outcomes, reads=reads)
    assert same(some, table.take(np.flatnonzero(reads)))
    ask = lines_table([{"id": "Z", "step": 50, "consignee_id": "T1"}])
    assert same(build(ask, state)[0], build(ask, other)[0])


def test_a_table_has_every_feature_of_the_catalogue_numbers_first() -> None:
    table, _ = build(lines_table([{"id": "A", "step": 0}]), State())
    assert table.features == catalogue()
    kinds = [feature.kind for feature in table.features]
    assert kinds == sorted(kinds, key=lambda kind: kind != "number")
    assert table.numbers.dtype == np.float32
    assert table.numbers.shape == (1, kinds.count("number"))
    assert list(table.categories) == [feature.name for feature in table.features if feature.kind == "category"]
    for feature in table.features:
        assert len(table.column(feature.name)) == 1


def test_every_feature_has_one_name_a_concept_and_words_for_any_value() -> None:
    features = catalogue()
    assert len({feature.name for feature in features}) == len(features)
    for feature in features:
        assert feature.concept in CONCEPTS, feature
        values: list[Any] = ["VN", None] if feature.kind == "category" else [0.0, 1.0, 12345.678, -1.5, float("nan")]
        for value in values:
            words = feature.say(value)
            assert words and "{" not in words, feature


def test_party_numbers_are_no_category() -> None:
    assert not any(name.endswith(("_id", "_name")) for f in catalogue() if f.kind == "category" for name in [f.name])


def test_nothing_known_is_missing_and_never_zero() -> None:
    empty = pd.DataFrame(
        {"consignment_id": pd.array(["A"], dtype="str"), "filed_at": pd.DatetimeIndex([at(0)]).as_unit("us")}
    )
    table, _ = build(empty, State())
    stated = {f.name for f in table.features if f.kind == "number" and not np.isnan(table.column(f.name)[0])}
    assert {"route_km", "gross_weight_kg", "wildlife_heading", "consignee_filings", "permits"} & stated == set()
    assert all(values[0] is None for values in table.categories.values())
    without_papers = {name for name in stated if not name.startswith("all_") and "_rate" not in name}
    assert without_papers == {
        "weekday", "version", "amended", "missing_share", "consignee_id_missing", "consignee_address_missing",
        "notify_missing", "house_bill",
    }  # fmt: skip
    assert table.column("missing_share")[0] == 1


def test_a_table_without_rows_gives_a_table_without_rows() -> None:
    table, state = build(lines_table([]), State(), outcomes=outcomes_table([]))
    assert len(table) == 0
    assert state.as_of == State().as_of


def test_outcomes_alone_can_be_folded_in_later() -> None:
    lines = lines_table([{"id": "A", "step": 0, "consignee_id": "T"}])
    _, state = build(lines, State())
    outcomes = outcomes_table([{"id": "A", "step": 1, "result": "wildlife"}])
    _, state = build(lines.iloc[:0], state, outcomes=outcomes, context=Context(lines))
    table, _ = build(lines_table([{"id": "B", "step": 2, "consignee_id": "T"}]), state)
    assert table.column("consignee_hits")[0] == 1


def test_columns_of_an_administrations_own_become_features() -> None:
    lines = lines_table([{"id": "A", "step": 0}, {"id": "B", "step": 1}])
    lines["extra.risk_zone"] = pd.array(["north", None], dtype="str")
    lines["extra.score"] = [1.5, np.nan]
    table, _ = build(lines, State())
    assert table.column("extra.risk_zone").tolist() == ["north", None]
    np.testing.assert_array_equal(table.column("extra.score"), np.array([1.5, np.nan], np.float32))
    words = {feature.name: feature for feature in table.features}
    assert words["extra.risk_zone"].say("north") == "risk zone is north"
    assert words["extra.score"].say(1.5) == "score is 1.5"

    known = extra_features(lines)
    without, _ = build(lines.drop(columns=["extra.risk_zone", "extra.score"]), State(), extras=known)
    assert without.features == table.features
    assert without.column("extra.risk_zone").tolist() == [None, None]
    assert np.isnan(without.column("extra.score")).all()


def test_an_extra_column_of_another_kind_is_refused_by_name() -> None:
    lines = lines_table([{"id": "A", "step": 0}])
    lines["extra.flag"] = [True]
    with pytest.raises(InputError, match=r"extra\.flag holds bool"):
        build(lines, State())
    lines["extra.flag"] = [1.0]
    with pytest.raises(InputError, match=r"extra\.flag is a number, but the model expects a category"):
        build(lines, State(), extras=[Feature("extra.flag", "other", "flag {value}", kind="category")])
