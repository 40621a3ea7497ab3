"""The fit keeps what helps on later time, the plainest of equals, and averages its forests."""

from __future__ import annotations

from functools import cache
from typing import Any

import lightgbm
import numpy as np
import pytest

from features.catalogue import catalogue
from risk.calibration import Logistic
from risk.feature import FeatureTable
from risk.model import RiskModel
from training.fit import FEATURE_SETS, FORESTS, MOST_TREES, SHAPES, Fitted, _Course, _Trial, fit

ROWS = 1500
FEATURES = tuple(
    sorted(
        (
            f
            for f in catalogue(())
            if f.name in {"packages", "hs2", "carrier", "consignee_hit_rate", "corridor_filings"}
        ),
        key=lambda feature: feature.kind != "number",
    )
)


def world(misleading: bool) -> tuple[FeatureTable, Any, Any, Any]:
    """Risk lies in packages and chapter; a party history that lies: it fits in training and is noise afterwards."""
    rng = np.random.default_rng(3)
    packages, chapter = rng.normal(size=ROWS), rng.choice(np.array(["05", "44", "85"], object), ROWS)
    label = (rng.random(ROWS) < 1 / (1 + np.exp(2 - 2 * packages - 2 * (chapter == "05")))).astype(float)
    train = np.arange(ROWS) < 900
    history = np.where(train & misleading, label + rng.normal(0, 0.3, ROWS), rng.normal(0.5, 0.5, ROWS))
    columns = {"packages": packages, "consignee_hit_rate": history, "corridor_filings": np.arange(ROWS)}
    numbers = np.column_stack([columns[f.name] for f in FEATURES if f.kind == "number"]).astype(np.float32)
    carrier = np.full(ROWS, "ONE", object)
    return FeatureTable(FEATURES, numbers, {"hs2": chapter, "carrier": carrier}), label, train, ~train


@cache
def fitted(misleading: bool = False, seed: int = 1) -> Fitted:
    table, label, train, validate = world(misleading)
    return fit(table, label, np.ones(ROWS), train, validate, seed=seed, threads=1)


def test_history_that_does_not_hold_on_later_time_is_left_out() -> None:
    assert "consignee_hit_rate" not in {feature.name for feature in fitted(misleading=True).features}


def test_a_feature_that_never_varies_is_left_out() -> None:
    names = {feature.name for feature in fitted().features}
    assert "packages" in names and "hs2" in names
    assert "carrier" not in names


def test_every_trial_is_on_record_with_its_figures() -> None:
    trials = fitted().trials
    assert {(t["features"], t["shape"]) for t in trials} > {(n, s) for n in FEATURE_SETS for s in ("small", "wide")}
    assert len(trials) == 2 * len(FEATURE_SETS) + 1 and {t["shape"] for t in trials} == set(SHAPES)
    for trial in trials:
        assert 0 < trial["log_loss"] < 1 and 0 < trial["average_precision"] <= 1 and 1 <= trial["trees"] <= MOST_TREES


def test_the_model_says_the_mean_of_its_forests() -> None:
    found = fitted()
    table = world(misleading=False)[0]
    model = RiskModel(found.trees, Logistic(1, 0), found.features, found.vocabulary)
    texts = [f"tree\n{part}" for part in f"\n{found.trees}".split("\ntree\n")[1:]]
    assert len(texts) == FORESTS
    forests = [lightgbm.Booster(model_str=text) for text in texts]
    each = [np.asarray(forest.predict(model.encode(table), raw_score=True)) for forest in forests]
    assert any((each[0] != other).any() for other in each[1:])
    np.testing.assert_allclose(model.score(table).raw, np.mean(each, axis=0), rtol=1e-12)


def test_the_contributions_of_several_forests_sum_to_their_score() -> None:
    found = fitted()
    table = world(misleading=False)[0]
    model = RiskModel(found.trees, Logistic(1, 0), found.features, found.vocabulary)
    rest = model.score(table).raw - model.contributions(table).sum(axis=1)
    np.testing.assert_allclose(rest, rest[0], atol=1e-6)


def test_the_same_seed_grows_the_same_trees() -> None:
    table, label, train, validate = world(misleading=False)
    again = fit(table, label, np.ones(ROWS), train, validate, seed=1, threads=1)
    assert again.trees == fitted().trees
    assert fitted(seed=7).trees != fitted().trees


@pytest.mark.parametrize(("worse", "kept"), [(0.0, True), (0.01, True), (1.0, False)])
def test_a_plainer_trial_is_kept_only_within_one_standard_error_of_the_best(worse: float, kept: bool) -> None:
    rng = np.random.default_rng(0)
    losses = rng.exponential(size=400)
    best = _Trial("a", "deep", 10, losses.mean(), 0.1, losses)
    plainer = _Trial("b", "small", 10, 0.0, 0.1, losses + rng.normal(0, 0.5, 400) + worse)
    assert plainer.as_good_as(best, np.ones(400)) is kept


def test_the_fitting_goes_on_while_either_measure_gains() -> None:
    course = _Course()
    made: Any = lightgbm.callback.CallbackEnv
    result = lightgbm.basic.EvalResult

    def at(tree: int, loss: float, precision: float) -> None:
        results = [
            result("v", "binary_logloss", loss, False, None),
            result("v", "average_precision", precision, True, None),
        ]
        course(made(None, {}, tree, 0, 1000, results))

    with pytest.raises(lightgbm.callback.EarlyStopException):
        for tree in range(1000):
            at(tree, loss=abs(tree - 50.0), precision=min(tree, 200))
    assert (course.best("binary_logloss"), course.best("average_precision")) == (51, 201)
    assert len(course.values["binary_logloss"]) == 301
