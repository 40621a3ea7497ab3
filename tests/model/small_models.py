"""Small models on made-up data, and rows for them with missing numbers, missing categories and unseen categories."""

from __future__ import annotations

from functools import cache
from typing import Final

import lightgbm
import numpy as np

from risk.calibration import Calibration, Logistic
from risk.feature import Feature, FeatureTable
from risk.model import RiskModel

FEATURES: Final = (
    Feature("weight", "weight and value", "{value:.0f} kg gross", unit="kg"),
    Feature("port", "route", "loaded in {value}", kind="category", missing="no port of loading stated"),
    Feature("value_per_kg", "weight and value", "{value:.2f} a kilogram"),
    Feature("filings", "parties", "{value:.0f} earlier consignments of this consignee", zero="a new consignee"),
    Feature("goods", "goods", "goods of heading {value}", kind="category"),
    Feature("seizures", "parties", "{value:.1f} earlier seizures of this consignee", sign=1),
    Feature("lane_rate", "route", "{value:.1%} of what was inspected on this lane"),
)
"""Numbers and categories mixed, several to a concept."""
VOCABULARY: Final = {"port": ("CNSHA", "KEMBA", "VNHPH"), "goods": ("0301", "4403", "4407", "9403")}


def table(n: int, seed: int = 0) -> FeatureTable:
    """Rows in which a fifth of every column is missing and some categories were never seen."""
    rng = np.random.default_rng(seed)
    columns = {
        "weight": rng.lognormal(8, 1, n),
        "value_per_kg": rng.lognormal(1, 1, n),
        "filings": rng.poisson(3, n),
        "seizures": rng.poisson(0.3, n),
        "lane_rate": rng.beta(1, 20, n),
    }
    numbers = np.column_stack(list(columns.values())).astype(np.float32)
    numbers[rng.random(numbers.shape) < 0.2] = np.nan
    categories = {
        name: rng.choice(np.array([*values, "unseen", None], object), n) for name, values in VOCABULARY.items()
    }
    features = tuple(sorted(FEATURES, key=lambda feature: feature.kind != "number"))
    return FeatureTable(features, numbers, categories)


def small_model(seed: int = 0, calibration: Calibration | None = None) -> RiskModel:
    """Forty small trees that have learned something of ports, seizures and weight."""
    facts = {"target": {"name": "wildlife"}, "figures": [0.25, None, 3]}
    return RiskModel(_trees(seed), calibration or Logistic(0.9, -0.4), FEATURES, VOCABULARY, facts)


@cache
def _trees(seed: int) -> str:
    rows = table(1500, seed)
    bare = RiskModel("", Logistic(1, 0), FEATURES, VOCABULARY)
    rng = np.random.default_rng(seed)
    log_odds = (
        2 * (rows.categories["port"] == "KEMBA")
        + np.nan_to_num(rows.column("seizures"))
        - (np.nan_to_num(rows.column("weight")) > 3000)
        + (rows.categories["goods"] == "4403")
    )
    label = rng.random(len(rows)) < 1 / (1 + np.exp(2.5 - log_odds))
    places = [place for place, feature in enumerate(FEATURES) if feature.kind == "category"]
    settings = {
        "objective": "binary",
        "verbosity": -1,
        "num_leaves": 8,
        "min_data_in_leaf": 10,
        "num_threads": 1,
        "min_data_per_group": 10,
    }
    data = lightgbm.Dataset(bare.encode(rows), label, categorical_feature=places)
    trees: str = lightgbm.train(settings, data, 40).model_to_string()
    return trees
