"""`truth.evaluate` counts hits at capacity the way one counts them by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from training.simulation.truth import evaluate
from training.simulation.world import World


def _truth() -> pd.DataFrame:
    """Ten consignments; c1 and c2 carry wildlife, the propensity likes c1 best, the rules like c9."""
    return pd.DataFrame(
        {
            "consignment_id": [f"c{i}" for i in range(1, 11)],
            "smuggled": [True, True] + [False] * 8,
            "propensity": [0.9, 0.3, 0.5] + [0.01] * 7,
            "rule_points": [1, 5, 0, 0, 0, 0, 0, 0, 9, 0],
        }
    )


def test_precision_and_recall_at_capacity_are_those_counted_by_hand() -> None:
    truth = _truth()
    scores = pd.Series([2.0, 9.0, 8.0] + [0.0] * 7, index=truth["consignment_id"])
    report = evaluate(scores, truth, capacities=(0.1, 0.2, 1.0))
    assert (report["consignments"], report["smuggled"]) == (10, 2)
    assert report["0.1"]["inspections"] == 1
    assert report["0.1"]["model"] == {"precision": 1.0, "recall": 0.5}
    assert report["0.1"]["propensity"] == {"precision": 1.0, "recall": 0.5}
    assert report["0.1"]["rules"] == {"precision": 0.0, "recall": 0.0}
    assert report["0.1"]["random"] == {"precision": pytest.approx(0.2), "recall": pytest.approx(0.1)}
    assert report["0.2"]["model"] == {"precision": 0.5, "recall": 0.5}
    assert report["0.2"]["rules"] == {"precision": 0.5, "recall": 0.5}
    assert all(report["1"][name] == {"precision": 0.2, "recall": 1.0} for name in ("model", "rules", "random"))


def test_only_the_consignments_scored_count() -> None:
    report = evaluate(pd.Series({"c2": 1.0, "c5": 2.0}), _truth(), capacities=(0.5,))
    assert (report["consignments"], report["smuggled"]) == (2, 1)
    assert report["0.5"]["model"]["recall"] == 0.0
    assert report["0.5"]["propensity"]["recall"] == 1.0


def test_the_order_of_the_rows_changes_nothing_even_where_all_scores_are_equal(small: World) -> None:
    scores = pd.Series(1.0, index=small.truth["consignment_id"])
    assert evaluate(scores, small.truth) == evaluate(scores.iloc[::-1], small.truth.sample(frac=1, random_state=1))


def test_where_nothing_was_smuggled_recall_is_not_a_number() -> None:
    assert math.isnan(evaluate(pd.Series({"c5": 1.0}), _truth())["0.01"]["model"]["recall"])


@pytest.mark.parametrize(
    ("scores", "capacity", "message"),
    [
        (pd.Series([1.0, 2.0], index=["c1", "c1"]), 0.1, "twice"),
        (pd.Series([float("nan")], index=["c1"]), 0.1, "NaN"),
        (pd.Series([1.0], index=["stranger"]), 0.1, "stranger"),
        (pd.Series([1.0], index=["c1"]), 0.0, "capacity is 0.0"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(scores: pd.Series[float], capacity: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(scores, _truth(), capacities=(capacity,))


def test_the_generator_itself_ranks_far_better_than_the_rules(world: World) -> None:
    scores = pd.Series(0.0, index=world.truth["consignment_id"])
    found = evaluate(scores, world.truth)["0.01"]
    assert found["propensity"]["recall"] > 0.5
    assert found["random"]["recall"] < found["rules"]["recall"] < found["propensity"]["recall"] / 1.5
