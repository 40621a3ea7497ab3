"""Calibrations: probabilities between 0 and 1 that keep the order of the scores and survive their JSON form."""

import warnings

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.calibration import Beta, Calibration, Isotonic, Logistic, from_json
from risk.errors import ModelError

finite = st.floats(-1e6, 1e6)
logistic = st.builds(Logistic, st.floats(1e-6, 50), st.floats(-50, 50))
isotonic = st.lists(
    st.tuples(st.integers(-300, 300), st.floats(0, 1)), min_size=1, unique_by=lambda point: point[0]
).map(
    lambda points: Isotonic(
        tuple(sorted(float(raw) / 10 for raw, _ in points)), tuple(sorted(value for _, value in points))
    )
)
beta = st.builds(Beta, st.floats(0, 20), st.floats(0, 20), st.floats(-50, 50))
calibrations: st.SearchStrategy[Calibration] = st.one_of(logistic, beta, isotonic)


@given(calibrations, st.lists(finite, min_size=1))
def test_probabilities_lie_between_0_and_1_and_never_turn_the_order_around(
    calibration: Calibration, raw: list[float]
) -> None:
    scores = np.sort(np.array(raw))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        probability = calibration.probability(scores)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert (np.diff(probability) >= 0).all()


@given(calibrations, st.lists(finite))
def test_the_json_form_gives_the_same_calibration(calibration: Calibration, raw: list[float]) -> None:
    again = from_json(orjson.loads(orjson.dumps(calibration.to_json())))
    assert again == calibration
    np.testing.assert_array_equal(again.probability(np.array(raw)), calibration.probability(np.array(raw)))


def test_values_one_can_work_out_by_hand() -> None:
    assert Logistic(2.0, 1.0).probability(np.array([-0.5])) == pytest.approx(0.5)
    assert Logistic(1.0, 0.0).probability(np.array([np.log(3)])) == pytest.approx(0.75)
    assert Beta(1.0, 1.0, 0.0).probability(np.array([np.log(3)])) == pytest.approx(0.75), "equal slopes are logistic"
    steps = Isotonic((0.0, 1.0), (0.2, 0.6))
    np.testing.assert_allclose(steps.probability(np.array([-9, 0, 0.5, 1, 9])), [0.2, 0.2, 0.4, 0.6, 0.6])


@pytest.mark.parametrize("content", [{"kind": "gamma"}, {}])
def test_a_kind_that_is_not_known_is_refused_with_those_that_are(content: dict[str, str]) -> None:
    with pytest.raises(ModelError, match="known are logistic, beta and isotonic"):
        from_json(content)
