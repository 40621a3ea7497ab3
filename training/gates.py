"""What a challenger has to show before it may become champion. Each gate says in one sentence what it saw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.model import RiskModel
from risk.reasons import Reason, explain
from training.comparison import Trial, compare

Float64 = NDArray[np.float64]

CAPACITY: Final = 0.05
"""Share inspected at which models are judged; at 1 % of a random stream hardly a find is left to count."""
FRESH_DAYS: Final = 120
"""The newest consignment a model was tested on may be older than the newest one by so much."""
SLICE_POSITIVES: Final = 10
"""Slices with fewer positives are not judged."""
SLICE_LOSS: Final = 0.25
"""Recall that a slice may lose; more, and for certain, is a collapse."""
ONE_FEATURE: Final = 0.6
"""A feature with more of the gain than this, that alone ranks nearly perfectly, is a leak until shown otherwise."""
READ: Final = 20
"""How many reasons are read."""


@dataclass(frozen=True)
class Gate:
    """One condition, whether it holds, and what was seen."""

    name: str
    passed: bool
    says: str

    def to_json(self) -> dict[str, Any]:
        """The three."""
        return {"name": self.name, "passed": self.passed, "says": self.says}


def judge(tried: Trial, one: str, other: str, challenger: RiskModel) -> list[Gate]:
    """All gates for the model `other` of a trial against the model `one`."""
    return [
        _not_worse(tried, one, other),
        _calibrated(tried, other),
        _no_leak(tried, other, challenger),
        _no_collapse(tried, one, other),
        _fresh(tried, challenger),
        _readable(tried, other, challenger),
    ]


def _not_worse(tried: Trial, one: str, other: str) -> Gate:
    found = compare(tried, one, other, (CAPACITY,))
    where = next(name for name in ("random_stream", "weighted", "inspected") if name in found)
    difference = found[where]["recall_at"][f"{CAPACITY:g}"]["difference"]
    words = {
        "random_stream": "on the random stream",
        "weighted": "weighted to all trade",
        "inspected": "among inspected",
    }
    says = (
        f"recall at {CAPACITY:.0%} ({words[where]}): {difference['value']:+.3f} "
        f"({difference['low']:+.3f} to {difference['high']:+.3f}), {found[where]['positives']} positives"
    )
    return Gate("better or equal", difference["value"] >= 0, says)


def _calibrated(tried: Trial, other: str) -> Gate:
    """Expected against found on the random stream, else weighted: within noise, or within 15 %."""
    on = tried.random if tried.label[tried.random].any() else np.ones(len(tried.ids), bool)
    weight = np.ones(len(tried.ids)) if on is tried.random else tried.weight
    p, y, w = tried.probability[other][on], tried.label[on], weight[on]
    said, found = float((w * p).sum()), float((w * y).sum())
    noise = 1.96 * float(np.sqrt((w**2 * np.maximum(p * (1 - p), 1e-12)).sum()))
    good = abs(said - found) <= max(noise, 0.15 * found)
    where = "random stream" if on is tried.random else "all inspected, weighted"
    return Gate("calibrated", good, f"{said:.1f} finds expected, {found:.1f} found ({where}; noise {noise:.1f})")


def _no_leak(tried: Trial, other: str, model: RiskModel) -> Gate:
    from sklearn.metrics import roc_auc_score

    importance = dict(model.facts.get("importance", {}))
    total = sum(importance.values()) or 1.0
    name, gain = max(importance.items(), key=lambda entry: entry[1], default=("none", 0.0))
    area = float(roc_auc_score(tried.label, tried.probability[other]))
    alone = 0.5
    if name in {feature.name for feature in model.features if feature.kind == "number"}:
        values = np.nan_to_num(np.asarray(tried.table.column(name), np.float64), nan=-1.0)
        alone = float(roc_auc_score(tried.label, values))
    leak = area > 0.9995 or (gain / total > ONE_FEATURE and max(alone, 1 - alone) > 0.99)
    says = (
        f"ROC-AUC {area:.3f}; {name} has {gain / total:.0%} of the gain and alone reaches {max(alone, 1 - alone):.3f}"
    )
    return Gate("no leak", not leak, says)


def _no_collapse(tried: Trial, one: str, other: str) -> Gate:
    """Recall in each slice, of the same inspections: those each model selects from all trade."""
    worst, where, judged = 0.0, "", 0
    k = max(1, round(2 * CAPACITY * len(tried.ids)))
    for kind, values in tried.slices.items():
        for value in pd.unique(values):
            inside = values == value
            positives = int(tried.label[inside].sum())
            if positives < SLICE_POSITIVES or inside.all():
                continue
            judged += 1
            recalls = []
            for name in (one, other):
                selected = np.zeros(len(tried.ids), bool)
                selected[tried.order[name][:k]] = True
                recalls.append(float((tried.label * inside * selected).sum()) / positives)
            change = recalls[1] - recalls[0]
            noise = 1.96 * float(np.sqrt(max(recalls[0] * (1 - recalls[0]), 0.05) / positives))
            if change < worst and -change > noise:
                worst, where = change, f"{kind} {value}, {positives} positives"
    says = f"{judged} slices judged at {2 * CAPACITY:.0%}" + (
        f"; {where} loses {-worst:.0%} of recall" if where else ""
    )
    return Gate("no slice collapses", -worst <= SLICE_LOSS, says)


def _fresh(tried: Trial, model: RiskModel) -> Gate:
    tested = pd.Timestamp(model.facts["data"]["filed_to"])
    age = (tried.newest - tested).total_seconds() / 86400
    return Gate(
        "data fresh", age <= FRESH_DAYS, f"its newest consignment is {age:.0f} days older than the newest known"
    )


def _readable(tried: Trial, other: str, model: RiskModel) -> Gate:
    top = tried.order[other][:READ]
    told = list(explain(model, tried.table.take(top)))
    bad = [i for i, reasons in enumerate(told) if not reasons or any(not _good(reason) for reason in reasons)]
    says = f"the reasons of the {len(told)} riskiest were read" + (f"; {len(bad)} are empty or broken" if bad else "")
    return Gate("reasons readable", not bad, says)


def _good(reason: Reason) -> bool:
    text = reason.words()
    return bool(text.strip()) and "{" not in text and "nan" not in text.split()


def failed(gates: Iterable[Gate]) -> list[Gate]:
    """Those that do not hold."""
    return [gate for gate in gates if not gate.passed]
