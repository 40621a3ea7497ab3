"""What a model has to beat: made of nothing but what was recorded before the test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from risk.selection import ranks
from training.baselines import SMOOTHING, baseline_scores
from training.evaluate import figures

TEST_FROM = pd.Timestamp("2026-01-01", tz="UTC")


def world(n: int = 300, seed: int = 0) -> tuple[pd.DataFrame, NDArray[np.float64], NDArray[np.bool_]]:
    """Lines of three years up to a month into the test, their labels, and which were filed in the test."""
    rng = np.random.default_rng(seed)
    filed = TEST_FROM + pd.to_timedelta(np.sort(rng.integers(-1000, 30, n)), unit="D")
    lines = pd.DataFrame(
        {
            "consignment_id": [f"C{i:05d}" for i in range(n)],
            "filed_at": filed,
            "loading_country": rng.choice(["KE", "TZ", "CN", "DE"], n),
            "destination_country": "VN",
            "consignee_id": rng.choice([f"T{i}" for i in range(40)], n),
            "hs_code": rng.choice(["440349", "030760", "850440"], n),
        }
    )
    return lines, (rng.random(n) < 0.2).astype(np.float64), (filed >= TEST_FROM)


@settings(max_examples=8)
@given(seed=st.integers(0, 50), other=st.integers(0, 50))
def test_labels_of_the_test_or_recorded_too_late_change_no_score(seed: int, other: int) -> None:
    lines, label, test = world(seed=seed)
    late = np.random.default_rng(other).random(len(lines)) < 0.3
    learn = ~test & ~late
    before = baseline_scores(lines, label, learn, test, TEST_FROM)
    changed = label.copy()
    changed[~learn] = np.random.default_rng(other + 1).integers(0, 2, int((~learn).sum()))
    changed[np.flatnonzero(~learn)[::3]] = np.nan
    after = baseline_scores(lines, changed, learn, test, TEST_FROM)
    for name, scores in before.items():
        assert len(scores) == test.sum()
        assert np.isfinite(scores).all()
        assert scores.tobytes() == after[name].tobytes(), name


def test_the_corridor_rate_is_last_year_s_smoothed_to_the_overall_rate() -> None:
    day = pd.Timedelta(days=1)
    table = pd.DataFrame(
        [
            *(("KE", TEST_FROM - 30 * day, label) for label in (1, 1, 1, 0)),
            *(("DE", TEST_FROM - 40 * day, 0) for _ in range(16)),
            *(("DE", TEST_FROM - 400 * day, 1) for _ in range(9)),  # older than a year
            *((country, TEST_FROM + day, 0) for country in ("KE", "DE", "BR")),
        ],
        columns=["loading_country", "filed_at", "label"],
    ).assign(destination_country="VN")
    table["consignment_id"] = [f"C{i}" for i in range(len(table))]
    test = (table["filed_at"] >= TEST_FROM).to_numpy()
    label = table["label"].to_numpy(np.float64)
    scores = baseline_scores(table, label, ~test, test, TEST_FROM)["corridor_rate_last_year"]
    overall = 3 / 20
    rates = [(3 + SMOOTHING * overall) / (4 + SMOOTHING), SMOOTHING * overall / (16 + SMOOTHING), overall]
    assert scores == pytest.approx([np.log(rate / (1 - rate)) for rate in rates])
    profile = baseline_scores(table, label, ~test, test, TEST_FROM)["risk_profile"]
    assert profile[1] > scores[1], "the risk profile remembers more than a year"


def test_a_party_that_was_found_out_ranks_above_one_that_was_inspected_in_vain_and_a_new_one_between() -> None:
    rows = [("BAD", 1)] * 6 + [("GOOD", 0)] * 6
    table = pd.DataFrame([*rows, ("BAD", 0), ("GOOD", 0), ("NEW", 0)], columns=["consignee_id", "label"])
    table["consignment_id"] = [f"C{i}" for i in range(len(table))]
    test = np.arange(len(table)) >= len(rows)
    table["filed_at"] = TEST_FROM - pd.to_timedelta(np.where(test, 0, 9), unit="D")
    scores = baseline_scores(table, table["label"].to_numpy(np.float64), ~test, test, TEST_FROM)["risk_profile"]
    assert scores[0] > scores[2] > scores[1]


def test_without_a_single_label_every_consignment_scores_the_same() -> None:
    lines, label, test = world()
    scores = baseline_scores(lines, label, np.zeros(len(lines), bool), test, TEST_FROM)
    assert all(len(set(values.tolist())) == 1 for values in scores.values())


def test_chance_finds_as_large_a_share_as_it_inspects() -> None:
    ids = [f"C{i:05d}" for i in range(400)]
    order = np.argsort(ranks(ids, np.zeros(400), np.zeros(400)))
    rng = np.random.default_rng(4)
    recalls = []
    for _ in range(300):
        label = (rng.permutation(400) < 40).astype(np.float64)
        found = figures(order, label, np.ones(400), None, capacities=(0.1,), replicates=2)
        recalls.append(found["recall_at"]["0.1"]["value"])
    assert np.mean(recalls) == pytest.approx(0.1, abs=0.01)  # standard error 0.0026
