"""The search for parameters keeps the fit's own choice unless something is better on later time."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from test_fit import ROWS, fitted, world

from risk.errors import UsageError
from serving.modelling import seconds_of
from training.fit import VARIANTS, _focal, grow
from training.tune import tune


def test_a_search_records_every_trial_and_keeps_the_features_and_what_is_not_beaten() -> None:
    table, label, train, validate = world(misleading=True)
    before = fitted(misleading=True)
    with patch("training.tune.MOST_TREES", 60):
        found = tune(table, label, np.ones(ROWS), train, validate, before, budget=2, seed=1, threads=1)
    assert found.features == before.features
    assert len(found.trials) >= len(before.trials) + 2
    assert all(isinstance(trial["log_loss"], float) for trial in found.trials)
    own, *others = [trial["log_loss"] for trial in found.trials[len(before.trials) :]]
    kept = found.parameters["shape"] == before.parameters["shape"]
    assert kept or min(others) < own


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_ranks_better_than_chance(variant: str) -> None:
    from sklearn.metrics import roc_auc_score

    from risk.calibration import Logistic
    from risk.model import RiskModel

    table, label, train, validate = world(misleading=False)
    given: dict[str, Any] = {"parameters": {"num_leaves": 7, "variant": variant}, "trees": 40, "shape": "test"}
    made = grow(table, label, np.ones(ROWS), train, features="all features", forests=1, threads=1, **given)
    model = RiskModel(made.trees, Logistic(1.0, 0.0), made.features, made.vocabulary)
    raw = model.score(table.take(validate), threads=1).raw
    assert roc_auc_score(label[validate], raw) > 0.75


def test_the_slope_of_the_focal_loss_is_that_of_its_formula() -> None:
    class Data:
        def get_label(self) -> Any:
            return np.array([1.0, 0.0, 1.0, 0.0])

        def get_weight(self) -> Any:
            return None

    def loss(raw: Any) -> Any:
        p = 1 / (1 + np.exp(-raw))
        right = np.where(Data().get_label() > 0, p, 1 - p)
        return -(1 - right) * np.log(right)

    raw = np.array([-1.0, -0.5, 2.0, 3.0])
    slope, curvature = _focal(raw, Data())  # type: ignore[arg-type]
    np.testing.assert_allclose(slope, (loss(raw + 1e-6) - loss(raw - 1e-6)) / 2e-6, rtol=1e-4)
    assert (curvature > 0).all()


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_a_budget_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "ten minutes", "-5m"])
def test_another_form_of_budget_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="such as 90s, 10m or 1h"):
        seconds_of(text)
