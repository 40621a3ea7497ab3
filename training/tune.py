"""Searching for parameters within a budget of time: trees, categories, and what the trees are to minimise.

The search (Optuna's tree-structured Parzen estimator) begins where the fit ended and is judged on the same
validation time. With many positives the judge is average precision; with few, log loss after a logistic calibration
from the other half of that time, which a handful of positives moves less. What was found replaces the fit's own
choice only when it is better there: by more than one standard error where positives are few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from risk.feature import FeatureTable
from training.fit import FEATURE_SETS, FIXED, MOST_TREES, VARIANTS, Fitted, _Course, _Data, _encode, _varies, grow

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

MANY: Final = 400
"""Positives of the validation time from which on average precision is the judge."""
SEARCHED: Final = ("num_leaves", "min_data_in_leaf", "learning_rate", "feature_fraction", "lambda_l2", "cat_smooth",
                   "cat_l2", "min_data_per_group", "bagging_fraction")  # fmt: skip


@dataclass(frozen=True)
class _Tried:
    """One set of parameters on the validation time; `score` is higher for better."""

    parameters: Mapping[str, Any]
    trees: int
    score: float
    losses: Float64
    average_precision: float


def tune(
    table: FeatureTable,
    label: Float64,
    weight: Float64,
    train: Bools,
    validate: Bools,
    fitted: Fitted,
    *,
    budget: float,
    seed: int = 1,
    threads: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Fitted:
    """Search for `budget` seconds from what `fit` chose; the better of both, with the record of all trials.

    Rows and labels are those given to `fit`. The features stay those it chose.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    chosen = str(fitted.parameters["feature_set"])
    vocabulary = {f.name: fitted.vocabulary.get(f.name, ()) for f in table.features if f.kind == "category"}
    matrix = _encode(table, vocabulary)
    varies = _varies(matrix[train])
    places = [i for i, f in enumerate(table.features) if varies[i] and FEATURE_SETS[chosen](f)]
    data = _Data(matrix[:, places], [table.features[i] for i in places], label, weight)
    many = int(label[validate].sum()) >= MANY
    fixed = {**FIXED, "seed": seed, "num_threads": threads}
    records: list[_Tried] = []

    def attempt(parameters: Mapping[str, Any]) -> _Tried:
        course = _Course()
        booster = data.train({**fixed, **parameters}, train, MOST_TREES, validate, course)
        trees = max(course.best(metric) for metric in course.values)
        raw = np.asarray(booster.predict(data.matrix[validate], raw_score=True, num_iteration=trees), np.float64)
        losses = _calibrated_loss(raw, label[validate], weight[validate])
        precision = _average_precision(raw, label[validate], weight[validate])
        loss = float(np.average(losses, weights=weight[validate]))
        tried = _Tried(parameters, trees, precision if many else -loss, losses, precision)
        records.append(tried)
        progress(f"trial {len(records)}: average precision {precision:.4f}, log loss {loss:.5f}")
        return tried

    begin = {name: fitted.parameters[name] for name in SEARCHED if name in fitted.parameters}
    own = attempt(begin)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial({**_DEFAULTS, **begin, "variant": "binary"})
    study.optimize(lambda trial: attempt(_suggest(trial)).score, timeout=budget, catch=())
    best = max(records, key=lambda tried: tried.score)
    better = best.score > own.score and (many or not _as_good(own, best, weight[validate]))
    kept = best if better else own
    shape = f"tuned from {fitted.parameters['shape']}" if better else str(fitted.parameters["shape"])
    return grow(
        table,
        label,
        weight,
        train | validate,
        parameters=kept.parameters,
        trees=kept.trees,
        features=chosen,
        shape=shape,
        trials=[*fitted.trials, *(_record(chosen, tried) for tried in records)],
        vocabulary=vocabulary,
        varies=varies,
        seed=seed,
        threads=threads,
    )


_DEFAULTS: Final = {"lambda_l2": 0.001, "cat_smooth": 10.0, "cat_l2": 10.0, "min_data_per_group": 100}


def _suggest(trial: Any) -> dict[str, Any]:
    return {
        "num_leaves": trial.suggest_int("num_leaves", 7, 255, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 2, 60, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.2, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.6, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 1e-3, 30.0, log=True),
        "cat_smooth": trial.suggest_float("cat_smooth", 0.5, 60.0, log=True),
        "cat_l2": trial.suggest_float("cat_l2", 0.5, 60.0, log=True),
        "min_data_per_group": trial.suggest_int("min_data_per_group", 2, 200, log=True),
        "variant": trial.suggest_categorical("variant", list(VARIANTS)),
    }


def _calibrated_loss(raw: Float64, label: Float64, weight: Float64) -> Float64:
    """The log loss of each row by a logistic calibration from the other half of the rows (even and odd)."""
    from sklearn.linear_model import LogisticRegression

    halves = np.arange(len(raw)) % 2 == 0
    losses = np.empty(len(raw))
    for half in (halves, ~halves):
        other = ~half
        if 0 < label[other].sum() < other.sum():
            curve = LogisticRegression(C=1e3).fit(raw[other, None], label[other], sample_weight=weight[other])
            p = curve.predict_proba(raw[half, None])[:, 1]
        else:
            p = np.full(int(half.sum()), np.average(label, weights=weight))
        losses[half] = -np.log(np.clip(np.where(label[half] > 0, p, 1 - p), 1e-12, 1))
    return losses


def _average_precision(raw: Float64, label: Float64, weight: Float64) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(label, raw, sample_weight=weight)) if label.any() else 0.0


def _as_good(own: _Tried, best: _Tried, weight: Float64) -> bool:
    """Whether the loss of the first exceeds that of the best by no more than one standard error."""
    more = own.losses - best.losses
    mean = np.average(more, weights=weight)
    return bool(mean <= np.sqrt(np.sum((weight * (more - mean)) ** 2)) / weight.sum())


def _record(features: str, tried: _Tried) -> dict[str, Any]:
    loss = round(float(tried.losses.mean()), 6)
    shape = f"tuned, {tried.parameters.get('variant', 'binary')}"
    found = {name: round(value, 5) if isinstance(value, float) else value for name, value in tried.parameters.items()}
    return {
        "features": features,
        "shape": shape,
        "trees": tried.trees,
        "log_loss": loss,
        "average_precision": round(tried.average_precision, 5),
        "parameters": found,
    }
