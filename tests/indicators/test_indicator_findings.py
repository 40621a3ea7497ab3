"""Three states, evidence in words, and what may never change a finding: order, cuts, missing fields, later facts."""

from __future__ import annotations

import re
from functools import cache
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trade import DAY, FILED, consignments, features, outcomes

from risk.errors import InputError
from risk.feature import FeatureTable
from risk.indicators import Learnt, by_consignment, evaluate, learn, load_pack
from risk.indicators import evaluation as engine
from risk.indicators.evaluation import CLEAR, FIRED, NOT_EVALUABLE
from training.dataset import by_consignment as numbered
from training.simulation.world import World, simulate

PACK = load_pack()
PLACE = {name: place for place, name in enumerate(PACK.ids)}


@cache
def world() -> tuple[World, FeatureTable, Learnt, np.ndarray]:
    simulated = simulate(4000, seed=5)
    lines = simulated.consignments
    cut = lines["filed_at"].sort_values().iloc[len(lines) * 4 // 5]
    table = features(lines, simulated.outcomes)
    return simulated, table, learn(lines, simulated.outcomes, cut), np.flatnonzero(lines["filed_at"] >= cut)


def late() -> tuple[pd.DataFrame, FeatureTable, Learnt]:
    simulated, table, learnt, rows = world()
    return simulated.consignments.iloc[rows].reset_index(drop=True), table.take(rows), learnt


def test_all_three_states_occur_and_every_fired_one_says_why() -> None:
    lines, table, learnt = late()
    found = evaluate(PACK, lines, table, learnt)
    assert {NOT_EVALUABLE, CLEAR, FIRED} == set(np.unique(found.status))
    assert np.array_equal(found.band > 0, found.status == FIRED)
    assert found.band.max() <= 3
    said = set()
    for row in range(0, len(lines), 7):
        fired = found.fired(row)
        assert [item.id for item in fired] != [] or not (found.status[row] == FIRED).any()
        assert {item.id for item in fired} == {PACK.ids[at] for at in np.flatnonzero(found.status[row] == FIRED)}
        for item in fired:
            said.add(item.id)
            assert "{" not in item.words
            assert not re.search(r"\bnan\b|\?", item.words)
            assert item.band == found.band[row, PLACE[item.id]]
    assert len(said) > 20


def test_the_machine_form_has_template_and_values_apart() -> None:
    lines = consignments({"origin_country": "NG", "loading_port": "NGAPP", "loading_country": "NG"})
    found = evaluate(PACK, lines, features(lines))
    item = next(item for item in found.fired(0) if item.id == "R02")
    assert item.to_json()["evidence"] == {
        "loading_port": "NGAPP", "discharge_port": "VNCLI", "lane_hits": 0.0, "lane_filings": 0.0,
    }  # fmt: skip
    assert item.words == "Apapa (NGAPP) to Cat Lai (VNCLI): 0 seizures in 0 earlier filings"
    assert item.template.startswith("{loading_port} to {discharge_port}")


def test_what_could_not_be_judged_names_what_was_missing() -> None:
    lines = consignments({"packages": None, "origin_country": None})
    lacking = evaluate(PACK, lines, features(lines)).not_evaluable(0)
    assert "packages" in lacking["W01"]
    assert lacking["C01"][0] == "origin_country"
    assert lacking["W07"] == ("packings", "packing_headings")


def test_a_missing_origin_is_not_read_as_low_risk() -> None:
    lines = consignments({"origin_country": None})
    assert evaluate(PACK, lines, features(lines)).status[0, PLACE["R01"]] == NOT_EVALUABLE


def test_an_everyday_consignment_of_a_known_trade_fires_nothing_strong() -> None:
    lines = consignments(*({"days": -20 * number} for number in range(12, 0, -1)), {})
    table = features(lines)
    found = evaluate(PACK, lines, table, learn(lines, outcomes(), FILED))
    strong = [item.id for item in found.fired(12) if item.strength != "W"]
    assert strong == []


def test_tables_of_another_length_or_without_a_feature_are_refused() -> None:
    lines, table, _ = late()
    with pytest.raises(InputError, match="each line needs its row"):
        evaluate(PACK, lines.iloc[:3], table)
    without = FeatureTable(table.features[1:], table.numbers[:, 1:], table.categories)
    with pytest.raises(InputError, match="the feature 'origin_is_source', which the feature table does not have"):
        evaluate(PACK, lines, without)


def test_no_lines_give_no_findings() -> None:
    lines, table, learnt = late()
    found = evaluate(PACK, lines.iloc[:0], table.take(np.zeros(0, np.int64)), learnt)
    assert found.status.shape == (0, len(PACK.ids))
    assert by_consignment(found, np.zeros(0, np.int64)).status.shape == (0, len(PACK.ids))


@settings(max_examples=15)
@given(st.randoms(use_true_random=False), st.integers(1, 400))
def test_order_of_rows_and_cut_of_batches_change_nothing(random: object, part: int) -> None:
    lines, table, learnt = late()
    whole = evaluate(PACK, lines, table, learnt)
    order = list(range(len(lines)))
    random.shuffle(order)  # type: ignore[attr-defined]
    with patch.object(engine, "PART", part + 50):
        shuffled = evaluate(PACK, lines.iloc[order].reset_index(drop=True), table.take(np.array(order)), learnt)
    assert np.array_equal(shuffled.status, whole.status[order])
    assert np.array_equal(shuffled.band, whole.band[order])
    row = order.index(part % len(lines))
    assert shuffled.fired(row) == whole.fired(order[row])


@settings(max_examples=25)
@given(st.data())
def test_taking_fields_away_never_makes_an_indicator_clear_or_fire(data: st.DataObject) -> None:
    lines, table, learnt = late()
    gone = data.draw(st.lists(st.sampled_from(_removable(lines)), unique=True, max_size=12), "fields")
    lost = data.draw(st.lists(st.sampled_from([f.name for f in table.features]), unique=True, max_size=12), "features")
    rows = np.random.default_rng(data.draw(st.integers(0, 9))).random(len(lines)) < 0.5
    before = evaluate(PACK, lines, table, learnt).status
    after = evaluate(PACK, _without(lines, gone, rows), _blank(table, lost, rows), learnt).status
    for place, indicator in enumerate(PACK.indicators):
        was, now = before[:, place], after[:, place]
        assert not ((was == NOT_EVALUABLE) & (now == CLEAR)).any(), indicator.id
        if not indicator.absence:
            assert not ((was == NOT_EVALUABLE) & (now == FIRED)).any(), indicator.id
            assert not ((was == CLEAR) & (now == FIRED)).any(), indicator.id


@settings(max_examples=20)
@given(st.data())
def test_without_any_of_its_fields_an_indicator_is_never_clear(data: st.DataObject) -> None:
    lines, table, learnt = late()
    indicator = data.draw(st.sampled_from([one for one in PACK.indicators if one.fields or one.features]))
    needed = [("field", name) for name in indicator.fields] + [("feature", name) for name in indicator.features]
    kind, name = data.draw(st.sampled_from(needed))
    all_rows = np.ones(len(lines), bool)
    gone = _without(lines, [name] if kind == "field" else [], all_rows)
    found = evaluate(PACK, gone, _blank(table, [name] if kind == "feature" else [], all_rows), learnt)
    clear = found.status[:, PLACE[indicator.id]] == CLEAR
    assert not clear.any() or indicator.absence


def _removable(lines: pd.DataFrame) -> list[str]:
    return [name for name in lines.columns if name not in ("consignment_id", "line_no", "version", "filed_at")]


def _without(lines: pd.DataFrame, names: list[str], rows: np.ndarray) -> pd.DataFrame:
    return lines.assign(**{name: lines[name].mask(rows) for name in names})


def _blank(table: FeatureTable, names: list[str], rows: np.ndarray) -> FeatureTable:
    numbers, categories = table.numbers.copy(order="F"), dict(table.categories)
    places = [feature.name for feature in table.features if feature.kind == "number"]
    for name in names:
        if name in categories:
            categories[name] = np.array(
                [None if gone else value for gone, value in zip(rows, categories[name], strict=True)], object
            )
        else:
            numbers[rows, places.index(name)] = np.nan
    return FeatureTable(table.features, numbers, categories)


def test_facts_known_later_never_change_a_finding() -> None:
    simulated, _, learnt, _ = world()
    lines, known = simulated.consignments, simulated.outcomes
    as_of = pd.Timestamp(learnt.as_of, unit="us", tz="UTC")
    earlier, recorded = lines[lines["filed_at"] < as_of], known[known["recorded_at"] < as_of]
    assert len(recorded) < len(known)
    assert learn(earlier, recorded, as_of).fingerprint == learnt.fingerprint
    before = known["recorded_at"] < as_of
    worse = known.assign(recorded_at=known["recorded_at"].where(before, as_of),
                         result=known["result"].where(before, "wildlife"))  # fmt: skip
    assert learn(lines, worse, as_of).fingerprint == learnt.fingerprint


def test_statistics_learnt_after_a_line_was_filed_are_not_used_for_it() -> None:
    simulated, table, learnt, rows = world()
    lines = simulated.consignments
    found = evaluate(PACK, lines, table, learnt)
    bare = evaluate(PACK, lines, table)
    early = np.setdiff1d(np.arange(len(lines)), rows)
    assert np.array_equal(found.status[early], bare.status[early])
    assert not np.array_equal(found.status[rows], bare.status[rows])


def test_a_consignment_fires_if_a_line_does_and_is_clear_only_if_none_did() -> None:
    simulated, table, learnt, _ = world()
    lines = simulated.consignments
    found = evaluate(PACK, lines, table, learnt)
    numbers = numbered(lines["consignment_id"], np.zeros(len(lines)), np.zeros(len(lines)))[1]
    whole = by_consignment(found, numbers)
    expected = pd.DataFrame(found.status).groupby(numbers).max().to_numpy()
    assert np.array_equal(whole.status, expected)
    fired = np.argwhere(whole.status == FIRED)
    rows = whole.row[fired[:, 0], fired[:, 1]]
    assert (found.status[rows, fired[:, 1]] == FIRED).all()
    assert (numbers[rows] == fired[:, 0]).all()
    assert np.array_equal(whole.band[fired[:, 0], fired[:, 1]], found.band[rows, fired[:, 1]])


def test_lines_filed_a_moment_before_the_statistics_may_not_use_them_and_at_that_moment_may() -> None:
    lines = consignments(*({"days": -day} for day in range(200, 0, -1)), {"package_type": "DR"})
    table = features(lines)
    for moment, state in ((FILED, FIRED), (FILED + DAY / 24, NOT_EVALUABLE)):
        found = evaluate(PACK, lines, table, learn(lines, outcomes(), moment))
        assert found.status[200, PLACE["W07"]] == state
