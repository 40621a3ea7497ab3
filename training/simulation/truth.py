"""What only the simulator knows of each consignment, and how a ranking is held against it.

Owns the table of truth and its reading: nothing else in the project reads it. Every figure is simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from training.simulation.inspections import Checked
from training.simulation.tables import Ints, Tables
from training.simulation.texts import pick, times


def truth_table(
    tables: Tables, ids: list[str], checked: Checked, typology: Ints, found: set[str], stop: int
) -> pd.DataFrame:
    """One row for each consignment, in order of filing.

    consignment_id, filed_at
    smuggled          bool, carried wildlife
    propensity        float64, the probability of that, known to the generator before it tossed the coin
    typology          text, what kind of smuggling; missing where there was none
    network           int64, the network that ran it, -1 for lawful trade
    rule_points       int64, points of the selection rules then in force
    rule_probability  float64, the probability with which those rules and the random stream together picked it
    inspected         bool, inspected before `stop` (seconds since 1970)
    found             bool, wildlife was found in it and recorded before `stop`
    """
    looked = checked.inspections
    names = [entry.name for entry in tables.typologies]
    texts = pick(names, np.where(checked.smuggled, typology, -1))
    return pd.DataFrame(
        {
            "consignment_id": pd.Series(ids, dtype="str"),
            "filed_at": times(checked.shipments.filed).to_pandas(),
            "smuggled": checked.smuggled,
            "propensity": checked.chance,
            "typology": texts.to_pandas().astype("str"),
            "network": checked.shipments.network.astype(np.int64),
            "rule_points": looked.points,
            "rule_probability": looked.probability,
            "inspected": looked.done & (looked.inspected < stop),
            "found": [name in found for name in ids],
        }
    )


def evaluate(
    scores: pd.Series[float], truth: pd.DataFrame, capacities: Sequence[float] = (0.01, 0.05, 0.1)
) -> dict[str, Any]:
    """Precision and recall of a ranking at each capacity, beside the best, the old and the blind one.

    `scores` has one number for each consignment scored, higher is riskier, indexed by consignment_id; `truth` is the
    table of the world they come from. A capacity is a share of the consignments scored. Equal scores are ordered by
    a hash of the consignment_id. Returns `consignments` and `smuggled`, and for each capacity, written as text
    (`"0.01"`), the number of `inspections` and {precision, recall} of `model` (the scores), `propensity` (the
    generator's own, the best that any model could do), `rules` (the points then in force) and `random` (expected).
    Recall is NaN where nothing was smuggled.

    Raises ValueError where a consignment was scored twice or is not in the truth, a score is NaN, or a capacity is
    not above 0 and at most 1.
    """
    if not scores.index.is_unique:
        raise ValueError("scores name a consignment twice; expected one score for each consignment_id")
    if scores.isna().any():
        raise ValueError("scores hold NaN; expected a number for each consignment_id")
    known = truth.set_index("consignment_id")
    strangers = scores.index.difference(known.index)
    if len(strangers):
        raise ValueError(f"consignment_id {strangers[0]} is scored but not in the truth; expected one of its world")
    known = known.loc[scores.index]
    smuggled = known["smuggled"].to_numpy(bool)
    tie = pd.util.hash_array(np.asarray(scores.index, dtype=object), categorize=False)
    rankings = {
        "model": scores.to_numpy(np.float64),
        "propensity": known["propensity"].to_numpy(np.float64),
        "rules": known["rule_points"].to_numpy(np.float64),
    }
    ranked = {name: smuggled[np.lexsort((tie, -values))] for name, values in rankings.items()}
    n, total = len(smuggled), int(smuggled.sum())
    report: dict[str, Any] = {"consignments": n, "smuggled": total}
    for capacity in capacities:
        if not 0 < capacity <= 1:
            raise ValueError(f"capacity is {capacity}; expected a share above 0 and at most 1")
        k = max(1, round(capacity * n))
        entry: dict[str, Any] = {"inspections": k}
        for name, order in ranked.items():
            entry[name] = _figures(float(order[:k].sum()), k, total)
        entry["random"] = _figures(k * total / n, k, total) if n else _figures(0, k, 0)
        report[f"{capacity:g}"] = entry
    return report


def _figures(hits: float, inspections: int, total: int) -> dict[str, float]:
    return {"precision": hits / inspections, "recall": hits / total if total else float("nan")}
