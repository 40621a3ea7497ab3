"""Champion and challenger: differences are paired, gates stop what is worse, wrong, leaking, stale or unreadable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from risk.calibration import Logistic
from risk.feature import Feature, FeatureTable
from risk.model import RiskModel
from training.comparison import Trial, compare, paired
from training.fit import grow
from training.gates import failed, judge

N = 3000
START = pd.Timestamp("2025-01-01", tz="UTC")


def tried(good: float = 1.0, bad: float = 0.3) -> tuple[Trial, RiskModel]:
    """Two rankings of the same consignments, one nearer to the truth than the other, and a small model."""
    rng = np.random.default_rng(5)
    truth = rng.normal(size=N)
    y = (rng.random(N) < 1 / (1 + np.exp(3 - 1.5 * truth))).astype(float)
    table = FeatureTable(
        (Feature("weight", "weight and value", "weight {value:.1f}"),), truth[:, None].astype(np.float32), {}
    )
    fitted = grow(table, y, np.ones(N), np.ones(N, bool), parameters={"num_leaves": 4}, trees=20,
                  features="all features", shape="test", forests=1, threads=1)  # fmt: skip
    facts = {"importance": {"weight": 1.0}, "data": {"filed_to": "2025-06-01T00:00:00Z"}}
    model = RiskModel(fitted.trees, Logistic(1.0, 0.0), fitted.features, {}, facts)
    probability, order = {}, {}
    for name, share in (("old", bad), ("new", good)):
        score = share * truth + (1 - share) * rng.normal(size=N)
        order[name] = np.argsort(-score)
        probability[name] = model.score(table, threads=1).probability
    mode = np.where(rng.random(N) < 0.5, "sea", "air").astype(object)
    ids = [f"C{i}" for i in range(N)]
    lines = pd.DataFrame({"consignment_id": ids})
    made = Trial(ids, y, np.ones(N), rng.random(N) < 0.4, probability, order, {"mode": mode}, lines, table, START,
                 START + pd.Timedelta(days=160))  # fmt: skip
    return made, model


def names(gates: Any) -> set[str]:
    return {gate.name for gate in gates}


def test_the_better_ranking_wins_with_an_interval_narrower_than_that_of_either() -> None:
    trial, _ = tried()
    found = compare(trial, "old", "new")["inspected"]["recall_at"]["0.1"]
    assert found["difference"]["low"] > 0
    assert found["difference"]["value"] == pytest.approx(found["new"]["value"] - found["old"]["value"], abs=1e-4)


def test_a_model_compared_with_itself_differs_by_nothing_at_all() -> None:
    trial, _ = tried()
    same = replace(trial, order={"a": trial.order["new"], "b": trial.order["new"]})
    for entry in paired(same, "a", "b")["precision_at"].values():
        assert entry["difference"] == {"value": 0, "low": 0, "high": 0}


def test_a_better_calibrated_fresh_model_passes_every_gate() -> None:
    trial, model = tried()
    assert not failed(judge(trial, "old", "new", model))


def test_a_worse_model_is_stopped() -> None:
    trial, model = tried(good=0.1, bad=1.0)
    assert "better or equal" in names(failed(judge(trial, "old", "new", model)))


def test_probabilities_that_are_thrice_what_is_found_are_stopped() -> None:
    trial, model = tried()
    wrong = replace(trial, probability={**trial.probability, "new": np.minimum(3 * trial.probability["new"], 1)})
    assert names(failed(judge(wrong, "old", "new", model))) == {"calibrated"}


def test_a_feature_that_tells_all_alone_is_stopped_as_a_leak() -> None:
    trial, model = tried()
    leak = FeatureTable(trial.table.features, trial.label[:, None].astype(np.float32), {})
    assert "no leak" in names(failed(judge(replace(trial, table=leak), "old", "new", model)))


def test_a_slice_that_is_no_longer_found_is_stopped_though_the_whole_is_better() -> None:
    trial, model = tried(good=1.0, bad=0.9)
    air = trial.slices["mode"] == "air"
    order = trial.order["new"]
    last = np.concatenate([order[~air[order]], order[air[order]]])
    assert "no slice collapses" in names(failed(judge(replace(trial, order={**trial.order, "new": last}), "old", "new",
                                                      model)))  # fmt: skip


def test_a_model_of_last_year_is_stopped() -> None:
    trial, model = tried()
    later = replace(trial, newest=START + pd.Timedelta(days=500))
    assert names(failed(judge(later, "old", "new", model))) == {"data fresh"}
