"""Calibration found from outcomes: probabilities, in the order of the scores, as high as what was found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from risk.calibration import Beta, Isotonic, Logistic
from risk.errors import NotEnoughDataError
from training.calibrate import CERTAINTY, ENOUGH_TO_CHOOSE, calibrate

Float64 = NDArray[np.float64]


def scores_and_findings(n: int, seed: int, slope: float, base: float) -> tuple[Float64, Float64, Float64]:
    """Raw scores, labels of both classes whose log odds are slope * raw + base, and weights."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 2, n)
    label = (rng.random(n) < 1 / (1 + np.exp(-(slope * raw + base)))).astype(np.float64)
    label[:2] = (0, 1)
    return raw, label, rng.choice([1.0, 2.5, 10.0], n)


@settings(max_examples=40)
@given(
    n=st.sampled_from([10, 200, 3000]),
    seed=st.integers(0, 1000),
    slope=st.floats(-2, 2),
    base=st.floats(-4, 1),
)
def test_probabilities_lie_between_0_and_1_and_never_turn_the_order_around(
    n: int, seed: int, slope: float, base: float
) -> None:
    raw, label, weight = scores_and_findings(n, seed, slope, base)
    found = calibrate(raw, label, weight)
    wide = np.sort(np.concatenate([raw, [-30.0, 30.0]]))
    probability = found.probability(wide)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert (np.diff(probability) >= 0).all()


@settings(max_examples=25)
@given(n=st.sampled_from([300, 3000]), seed=st.integers(0, 1000), slope=st.floats(0.2, 2))
def test_what_is_said_on_average_is_what_was_found_on_average_by_weight(n: int, seed: int, slope: float) -> None:
    raw, label, weight = scores_and_findings(n, seed, slope, -1.0)
    said = calibrate(raw, label, weight).probability(raw)
    assert np.average(said, weights=weight) == pytest.approx(np.average(label, weights=weight), abs=2e-3)


def test_few_findings_give_a_curve_of_two_numbers_and_many_a_finer_one() -> None:
    raw = np.linspace(-3, 3, 4 * ENOUGH_TO_CHOOSE)
    label = np.zeros(len(raw))
    label[-ENOUGH_TO_CHOOSE + 1 :] = 1
    assert isinstance(calibrate(raw, label, np.ones(len(raw))), Logistic)
    label[-ENOUGH_TO_CHOOSE] = 1
    assert isinstance(calibrate(raw, label, np.ones(len(raw))), Isotonic)


def test_a_curve_that_is_not_even_is_followed_by_the_beta_curve() -> None:
    rng = np.random.default_rng(1)
    raw = rng.normal(0, 2.5, 20_000)
    truth = Beta(0.2, 1.5, -1.0)
    label = (rng.random(len(raw)) < truth.probability(raw)).astype(np.float64)
    found = calibrate(raw, label, np.ones(len(raw)))
    assert isinstance(found, Beta)
    np.testing.assert_allclose(found.probability(raw), truth.probability(raw), atol=0.03)


def test_a_known_slope_and_base_are_found_again() -> None:
    raw, label, _ = scores_and_findings(900, 3, 0.8, -2.2)
    found = calibrate(raw, label, np.ones(len(raw)))
    assert isinstance(found, Logistic)
    assert found.slope == pytest.approx(0.8, abs=0.2)
    assert found.intercept == pytest.approx(-2.2, abs=0.3)


def test_a_weight_of_two_says_the_same_as_being_there_twice() -> None:
    raw, label, _ = scores_and_findings(120, 8, 1.0, -1.0)
    twice = np.arange(len(raw)) % 3 == 0
    weighed = calibrate(raw, label, np.where(twice, 2.0, 1.0)).probability(raw)
    repeated = calibrate(
        np.concatenate([raw, raw[twice]]), np.concatenate([label, label[twice]]), np.ones(len(raw) + twice.sum())
    )
    assert weighed == pytest.approx(repeated.probability(raw), abs=1e-4)


def test_scores_that_rank_the_wrong_way_say_the_base_rate_and_keep_their_order() -> None:
    raw = np.linspace(-3, 3, 200)
    label = (raw < -1.5).astype(np.float64)
    found = calibrate(raw, label, np.ones(200))
    probability = found.probability(raw)
    assert probability == pytest.approx(np.full(200, label.mean()), abs=1e-5)
    assert (np.diff(probability) > 0).all()


def test_isotonic_never_says_certain() -> None:
    raw = np.linspace(-3, 3, 4000)
    probability = calibrate(raw, (raw > 0).astype(np.float64), np.ones(4000)).probability(np.array([-99.0, 99.0]))
    assert probability.tolist() == [CERTAINTY, 1 - CERTAINTY]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_labels_of_one_class_are_refused_with_what_to_change(value: float) -> None:
    with pytest.raises(NotEnoughDataError, match=r"among 50 labels; both classes are needed: start the validation"):
        calibrate(np.linspace(-1, 1, 50), np.full(50, value), np.ones(50))
