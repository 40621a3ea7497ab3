"""Figures at capacity: right on cases one can count, equal to scikit-learn where it has the same figure."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from training.evaluate import calibration_curve, capacity_curve, figures


def test_precision_recall_and_lift_on_a_case_one_can_count() -> None:
    label = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0], float)
    found = figures(np.arange(10), label, np.ones(10), None, capacities=(0.2, 0.5))
    assert found["precision_at"]["0.2"]["value"] == 1.0
    assert found["recall_at"]["0.2"]["value"] == pytest.approx(2 / 3, abs=1e-5)
    assert found["precision_at"]["0.5"]["value"] == pytest.approx(3 / 5)
    assert found["lift_at"]["0.2"]["value"] == pytest.approx(1 / 0.3, abs=1e-5)
    assert (found["consignments"], found["positives"]) == (10, 3)


def test_weights_count_each_consignment_for_those_like_it() -> None:
    label = np.array([1, 0, 1, 0], float)
    weight = np.array([1, 1, 8, 10], float)
    found = figures(np.arange(4), label, weight, None, capacities=(0.1,))
    assert found["precision_at"]["0.1"]["value"] == 0.5  # the first two fill the capacity of 2 of 20
    assert found["recall_at"]["0.1"]["value"] == pytest.approx(1 / 9, abs=1e-5)


@given(st.integers(30, 300), st.integers(0, 2**32 - 1))
def test_areas_equal_those_of_scikit_learn(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    score, weight = rng.permutation(n).astype(float), rng.uniform(0.5, 3, n)
    label = (rng.random(n) < 0.3).astype(float)
    label[:2] = 0, 1
    found = figures(np.argsort(-score), label, weight, None, replicates=20)
    assert found["pr_auc"]["value"] == pytest.approx(
        average_precision_score(label, score, sample_weight=weight), abs=1e-5
    )
    assert found["roc_auc"]["value"] == pytest.approx(roc_auc_score(label, score, sample_weight=weight), abs=1e-5)


@given(st.integers(50, 400), st.integers(0, 1000))
def test_an_interval_holds_its_figure_and_narrows_with_more_data(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.4).astype(float)
    label[:2] = 0, 1
    small = figures(np.arange(n), label, np.ones(n), None, capacities=(0.2,))["precision_at"]["0.2"]
    large = figures(np.arange(20 * n), np.repeat(label, 20), np.ones(20 * n), None, capacities=(0.2,))
    assert small["low"] <= small["value"] <= small["high"]
    wide, narrow = small["high"] - small["low"], large["precision_at"]["0.2"]
    assert wide == 0 or narrow["high"] - narrow["low"] < wide


def test_without_a_positive_there_are_no_figures_instead_of_wrong_ones() -> None:
    found = figures(np.arange(10), np.zeros(10), np.ones(10), None)
    assert found["recall_at"]["0.1"] == {"value": None, "low": None, "high": None}
    assert found["roc_auc"]["value"] is None


def test_a_perfectly_calibrated_group_has_no_calibration_error() -> None:
    label = np.tile([1.0, 0.0], 50)
    found = figures(np.arange(100), label, np.ones(100), np.full(100, 0.5))
    assert found["calibration_error"]["value"] == 0.0
    assert all(
        point["said"] == point["found"] == 0.5 for point in calibration_curve(label, np.ones(100), np.full(100, 0.5))
    )


def test_the_capacity_curve_ends_with_everything_found() -> None:
    inspected, precision, recall = capacity_curve(np.arange(4), np.array([0.0, 1, 0, 1]), np.ones(4))
    assert inspected[-1] == recall[-1] == 1.0
    assert precision[-1] == 0.5
