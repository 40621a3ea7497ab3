"""Fitting the trees: which features help on later time, and how many trees.

A feature that does not help on later time is left out: party identities that were broken, or history that has
not yet gathered, hurt a model that is given them. Several sets of features are tried in turn and the one with the
best precision over the ranking (average precision) on the validation time is kept, with a record of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray

from features.keys import KEYS
from features.profiles import profile_features
from risk.feature import Feature, FeatureTable
from risk.model import encode_category

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_TREES: Final = 2000
PATIENCE: Final = 100
"""Trees without gain on the validation time after which the fitting stops."""
FIRST_TREES: Final = 400
FIRST_PATIENCE: Final = 40
"""The same while sets of features are compared, where only the difference matters."""
FIXED: Final[Mapping[str, Any]] = {
    "objective": "binary",
    "metric": "average_precision",
    "learning_rate": 0.1,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
}
SHAPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "wide": {"num_leaves": 31, "min_data_in_leaf": 20},
    "small": {
        "num_leaves": 12,
        "max_depth": 5,
        "min_data_in_leaf": 15,
        "feature_fraction": 0.6,
        "lambda_l2": 5.0,
        "learning_rate": 0.05,
    },
    "deep": {"num_leaves": 127, "min_data_in_leaf": 5, "cat_smooth": 2, "min_data_per_group": 5},
}
"""Trees of medium size, trees for few labels, and trees for many labels and categories of many values."""

_HISTORY: Final = frozenset(feature.name for feature in profile_features())
_PARTY_KEYS: Final = tuple(f"{key.name}_" for key in KEYS if key.concept in {"parties", "network", "container"})


def _no_party_history(feature: Feature) -> bool:
    return not (feature.name in _HISTORY and feature.name.startswith(_PARTY_KEYS))


FEATURE_SETS: Final[Mapping[str, Callable[[Feature], bool]]] = {
    "everything": lambda feature: True,
    "without party history": _no_party_history,
    "without history": lambda feature: feature.name not in _HISTORY,
}


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
    found, the chosen model is fitted once more on training and validation time together.
    """
    vocabulary = _vocabulary(table, train)
    matrix = _encode(table, vocabulary)
    varies = _varies(matrix[train])
    trials: list[dict[str, Any]] = []

    def attempt(chosen: str, shape: str, most_trees: int, patience: int) -> tuple[float, int]:
        progress(f"trying {shape} trees on {chosen}")
        places = [i for i, f in enumerate(table.features) if varies[i] and FEATURE_SETS[chosen](f)]
        data = _Data(matrix[:, places], [table.features[i] for i in places], label, weight)
        booster = data.train({**FIXED, **SHAPES[shape], **run}, train, most_trees, validate, patience)
        score = float(booster.best_score["valid_0"]["average_precision"])
        trees = booster.best_iteration or booster.num_trees()
        trials.append({"features": chosen, "shape": shape, "trees": trees, "average_precision": round(score, 5)})
        return score, trees

    run = {"seed": seed, "num_threads": threads}
    chosen = max(FEATURE_SETS, key=lambda name: attempt(name, "wide", FIRST_TREES, FIRST_PATIENCE))
    found = {shape: attempt(chosen, shape, MOST_TREES, PATIENCE) for shape in SHAPES}
    shape = max(found, key=lambda name: found[name][0])
    trees = found[shape][1]

    progress("fitting the chosen model on training and validation time")
    places = [i for i, feature in enumerate(table.features) if varies[i] and FEATURE_SETS[chosen](feature)]
    features = tuple(table.features[i] for i in places)
    parameters = {**FIXED, **SHAPES[shape], **run}
    booster = _Data(matrix[:, places], features, label, weight).train(parameters, train | validate, trees)
    gains = booster.feature_importance("gain")
    return Fitted(
        trees=booster.model_to_string(),
        features=features,
        vocabulary={f.name: vocabulary[f.name] for f in features if f.kind == "category"},
        parameters={**parameters, "trees": trees, "feature_set": chosen, "shape": shape},
        trials=trials,
        importance=dict(sorted(zip((f.name for f in features), map(float, gains), strict=True), key=lambda x: -x[1])),
    )


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
        patience: int = 0,
    ) -> lightgbm.Booster:
        """A booster of so many trees, or fewer when the validation rows say so."""
        data = self._dataset(rows)
        return lightgbm.train(
            {**parameters, "monotone_constraints": [feature.sign for feature in self.features]},
            data,
            num_boost_round=trees,
            valid_sets=None if validate is None else [self._dataset(validate, data)],
            callbacks=None if validate is None else [lightgbm.early_stopping(patience, verbose=False)],
        )

    def _dataset(self, rows: Bools, like: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
        return lightgbm.Dataset(
            self.matrix[rows],
            self.label[rows],
            weight=self.weight[rows],
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
