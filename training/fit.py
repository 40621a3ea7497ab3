"""Fitting the trees: which features help on later time, which shape of trees, and how many.

A feature that does not help on later time is left out: party identities that were broken, counts that only grow
with time, or categories too fine for the labels there are, hurt a model that is given them. Several sets of features
and shapes of trees are tried, the plainest first. Each is judged by its log loss on the validation time, which a
handful of positives moves less than any measure of their ranks. Of all that are within one standard error of the
best, the plainest is kept, so that luck decides little. The record of all trials goes with the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import lightgbm
import numpy as np
from lightgbm.callback import CallbackEnv, EarlyStopException
from numpy.typing import NDArray

from features.keys import KEYS
from features.profiles import profile_features
from risk.feature import Feature, FeatureTable
from risk.model import encode_category

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_TREES: Final = 2000
FORESTS: Final = 3
"""How many forests, grown from different seeds, the chosen model averages: a single one owes too much to its luck."""
PATIENCE: Final = 100
"""Trees after which the fitting stops when neither log loss nor average precision gains on the validation time."""
FIXED: Final[Mapping[str, Any]] = {
    "objective": "binary",
    "metric": ["binary_logloss", "average_precision"],
    "learning_rate": 0.1,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
}
SHAPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "small": {
        "num_leaves": 7,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.3,
        "lambda_l2": 10.0,
        "learning_rate": 0.03,
        "cat_smooth": 30,
        "cat_l2": 30,
        "min_data_per_group": 50,
    },
    "wide": {"num_leaves": 31, "min_data_in_leaf": 20},
    "deep": {"num_leaves": 127, "min_data_in_leaf": 5, "cat_smooth": 2, "min_data_per_group": 5},
}
"""Trees for few labels, trees of medium size, trees for many labels and categories of many values."""


def _focal(raw: Float64, data: lightgbm.Dataset) -> tuple[Float64, Float64]:
    """Gradient and curvature of the focal loss with gamma 1: what is told apart already counts less.

    T.-Y. Lin et al., "Focal loss for dense object detection", 2017. The curvature is that of the log loss, times the
    same factor, so that it is never negative.
    """
    y = np.asarray(data.get_label(), np.float64)
    p = np.clip(1 / (1 + np.exp(-raw)), 1e-9, 1 - 1e-9)
    right = np.where(y > 0, p, 1 - p)
    slope = (1 - right) * (right * np.log(right) - (1 - right))
    weight = data.get_weight()
    w = np.ones(len(y)) if weight is None else np.asarray(weight, np.float64)
    return np.where(y > 0, slope, -slope) * w, np.maximum((1 - right) * p * (1 - p), 1e-9) * w


RANKED_TOGETHER: Final = 2000
"""Rows, in order of the table, among which lambdarank compares."""
VARIANTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "binary": {},
    "bagged": {"bagging_fraction": 1.0, "pos_bagging_fraction": 1.0, "neg_bagging_fraction": 0.3},
    "focal": {"objective": _focal, "metric": ["average_precision"]},
    "lambdarank": {"objective": "lambdarank", "metric": ["average_precision"], "lambdarank_truncation_level": 100},
}
"""What the trees are to minimise, or how negatives are drawn; what it adds to the parameters."""

_HISTORY: Final = frozenset(feature.name for feature in profile_features())
_PARTY_KEYS: Final = tuple(f"{key.name}_" for key in KEYS if key.concept in {"parties", "network", "container"})
_CROWDS: Final = tuple(f"{name}_" for name in ("carrier", "declarant"))
_FINE: Final = frozenset({"hs4", "hs6", "origin_country", "loading_country", "loading_port", "discharge_port"})
"""Categories of so many values that a few hundred labels cannot tell them apart; their history does."""
_GROWING: Final = ("_filings", "_inspections", "_hits", "_days_since_filing", "_days_since_hit")


def _party_history(feature: Feature) -> bool:
    return feature.name in _HISTORY and feature.name.startswith(_PARTY_KEYS)


def _steady(feature: Feature) -> bool:
    """No fine category, and no count that only grows as the years of history do."""
    party = _party_history(feature) and not feature.name.startswith(_CROWDS)
    grows = feature.name in _HISTORY and not party and feature.name.endswith(_GROWING)
    return feature.name not in _FINE and not grows


FEATURE_SETS: Final[Mapping[str, Callable[[Feature], bool]]] = {
    "steady features": _steady,
    "all features": lambda feature: True,
    "all but party history": lambda feature: not _party_history(feature),
    "all but history": lambda feature: feature.name not in _HISTORY,
}
"""Which features a model may read, the set preferred in doubt first."""


@dataclass(frozen=True)
class Fitted:
    """The trees in LightGBM's text form, what they read, and the record of what was tried."""

    trees: str
    features: tuple[Feature, ...]
    vocabulary: Mapping[str, tuple[str, ...]]
    parameters: Mapping[str, Any]
    trials: Sequence[Mapping[str, Any]]
    importance: Mapping[str, float] = field(default_factory=dict)


def fit(
    table: FeatureTable,
    label: Float64,
    weight: Float64,
    train: Bools,
    validate: Bools,
    *,
    seed: int = 1,
    threads: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Fitted:
    """Fit on the rows of `train`, stop and choose on `validate` (masks over the rows of the table).

    Values of category features that the training rows do not hold read as missing. With the number of trees
    found, the chosen model is fitted again on training and validation time together, from several seeds.
    """
    vocabulary = _vocabulary(table, train)
    matrix = _encode(table, vocabulary)
    varies = _varies(matrix[train])
    run = {"seed": seed, "num_threads": threads}
    trials: list[_Trial] = []

    def attempt(chosen: str, shape: str) -> None:
        progress(f"trying {shape} trees on {chosen}")
        places = [i for i, f in enumerate(table.features) if varies[i] and FEATURE_SETS[chosen](f)]
        data = _Data(matrix[:, places], [table.features[i] for i in places], label, weight)
        course = _Course()
        booster = data.train({**FIXED, **SHAPES[shape], **run}, train, MOST_TREES, validate, course)
        said = np.asarray(booster.predict(data.matrix[validate], num_iteration=course.best("binary_logloss")))
        loss = -np.log(np.clip(np.where(label[validate] > 0, said, 1 - said), 1e-12, 1))
        # The ranking still gains when the probabilities have ceased to; calibration repairs those.
        trees = max(course.best(metric) for metric in course.values)
        precision = course.values["average_precision"][trees - 1]
        trials.append(_Trial(chosen, shape, trees, float(np.average(loss, weights=weight[validate])), precision, loss))

    for shape in ("small", "wide"):
        for name in FEATURE_SETS:
            attempt(name, shape)
    attempt(min((t for t in trials if t.shape == "wide"), key=lambda t: t.log_loss).features, "deep")
    best = min(trials, key=lambda trial: trial.log_loss)
    kept = next(trial for trial in trials if trial.as_good_as(best, weight[validate]))

    progress("fitting the chosen model on training and validation time")
    return grow(
        table,
        label,
        weight,
        train | validate,
        parameters=SHAPES[kept.shape],
        trees=kept.trees,
        features=kept.features,
        shape=kept.shape,
        trials=[trial.to_json() for trial in trials],
        vocabulary=vocabulary,
        varies=varies,
        seed=seed,
        threads=threads,
    )


def grow(
    table: FeatureTable,
    label: Float64,
    weight: Float64,
    rows: Bools,
    *,
    parameters: Mapping[str, Any],
    trees: int,
    features: str,
    shape: str,
    trials: Sequence[Mapping[str, Any]] = (),
    vocabulary: Mapping[str, tuple[str, ...]] | None = None,
    varies: Bools | None = None,
    forests: int = FORESTS,
    seed: int = 1,
    threads: int = 0,
) -> Fitted:
    """Fit several forests of so many trees on these rows, with what one of FEATURE_SETS reads and no choice left.

    `parameters` are added to FIXED; `vocabulary` and `varies` are found in the rows unless given.
    """
    vocabulary = _vocabulary(table, rows) if vocabulary is None else vocabulary
    matrix = _encode(table, vocabulary)
    varies = _varies(matrix[rows]) if varies is None else varies
    places = [i for i, f in enumerate(table.features) if varies[i] and FEATURE_SETS[features](f)]
    read = tuple(table.features[i] for i in places)
    whole = {**FIXED, **parameters, "seed": seed, "num_threads": threads}
    data = _Data(matrix[:, places], read, label, weight)
    grown = [data.train({**whole, "seed": seed + n}, rows, trees) for n in range(forests)]
    gains = np.mean([forest.feature_importance("gain") for forest in grown], axis=0)
    return Fitted(
        trees="".join(forest.model_to_string() for forest in grown),
        features=read,
        vocabulary={f.name: vocabulary[f.name] for f in read if f.kind == "category"},
        parameters={**whole, "trees": trees, "forests": forests, "feature_set": features, "shape": shape},
        trials=list(trials),
        importance=dict(sorted(zip((f.name for f in read), map(float, gains), strict=True), key=lambda x: -x[1])),
    )


@dataclass(frozen=True)
class _Trial:
    """One attempt and how it did on the validation time: its mean log loss at its best, and that of each row."""

    features: str
    shape: str
    trees: int
    log_loss: float
    average_precision: float
    losses: Float64

    def as_good_as(self, best: _Trial, weight: Float64) -> bool:
        """Whether its loss exceeds that of the best by no more than one standard error of the difference."""
        more = self.losses - best.losses
        mean = np.average(more, weights=weight)
        error = np.sqrt(np.sum((weight * (more - mean)) ** 2)) / weight.sum()
        return bool(mean <= error)

    def to_json(self) -> dict[str, Any]:
        """What the model's record says of it."""
        return {
            "features": self.features,
            "shape": self.shape,
            "trees": self.trees,
            "log_loss": round(self.log_loss, 6),
            "average_precision": round(self.average_precision, 5),
        }


class _Course:
    """How each metric goes on the validation time, tree by tree; stops the fitting when none has gained of late."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}
        self._higher: dict[str, bool] = {}

    def __call__(self, at: CallbackEnv) -> None:
        for found in at.evaluation_result_list or ():
            self.values.setdefault(found.metric_name, []).append(float(found.metric_value))
            self._higher[found.metric_name] = found.maximize
        if at.iteration + 1 - max(self.best(metric) for metric in self.values) >= PATIENCE:
            raise EarlyStopException(at.iteration, [])

    def best(self, metric: str) -> int:
        """With how many trees the metric was best, the fewest of equals."""
        values = self.values[metric]
        return values.index(max(values) if self._higher[metric] else min(values)) + 1


@dataclass(frozen=True)
class _Data:
    """The columns of one set of features, with labels and weights for all rows."""

    matrix: NDArray[np.float32]
    features: Sequence[Feature]
    label: Float64
    weight: Float64

    def train(
        self,
        parameters: Mapping[str, Any],
        rows: Bools,
        trees: int,
        validate: Bools | None = None,
        course: _Course | None = None,
    ) -> lightgbm.Booster:
        """A booster of so many trees, or fewer when their course on the validation rows says so."""
        variant = parameters.get("variant", "binary")
        grouped = variant == "lambdarank"
        data = self._dataset(rows, grouped=grouped)
        return lightgbm.train(
            {
                **{name: value for name, value in parameters.items() if name != "variant"},
                **VARIANTS[variant],
                "monotone_constraints": [feature.sign for feature in self.features],
            },
            data,
            num_boost_round=trees,
            valid_sets=None if validate is None else [self._dataset(validate, data, grouped=grouped)],
            callbacks=None if course is None else [course],
        )

    def _dataset(self, rows: Bools, like: lightgbm.Dataset | None = None, *, grouped: bool) -> lightgbm.Dataset:
        n = int(rows.sum())
        return lightgbm.Dataset(
            self.matrix[rows],
            self.label[rows],
            weight=self.weight[rows],
            group=[len(part) for part in np.array_split(np.arange(n), -(-n // RANKED_TOGETHER))] if grouped else None,
            reference=like,
            feature_name=[feature.name for feature in self.features],
            categorical_feature=[i for i, feature in enumerate(self.features) if feature.kind == "category"],
        )


def _vocabulary(table: FeatureTable, train: Bools) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(sorted({value for value in values[train] if value is not None}))
        for name, values in table.categories.items()
    }


def _encode(table: FeatureTable, vocabulary: Mapping[str, Sequence[str]]) -> NDArray[np.float32]:
    matrix = np.empty((len(table), len(table.features)), np.float32)
    for place, feature in enumerate(table.features):
        values = table.column(feature.name)
        if feature.kind == "category":
            lookup = {value: code for code, value in enumerate(vocabulary[feature.name])}
            values = encode_category(values, lookup)
        matrix[:, place] = values
    return matrix


def _varies(matrix: NDArray[np.float32]) -> Bools:
    """Which columns hold more than one value (missing counts as one) in these rows."""
    first = matrix[:1]
    same = (matrix == first) | (np.isnan(matrix) & np.isnan(first))
    varies: Bools = ~same.all(axis=0)
    return varies
