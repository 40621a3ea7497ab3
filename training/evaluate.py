"""How good a ranking is when only so many can be inspected: precision, recall and lift at capacity.

Figures are over consignments whose outcome is known. Weighted by inverse propensity they estimate what would be
found among all consignments; unweighted they say what was found among those inspected. Intervals are 95 %
percentile intervals of a bootstrap over consignments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

CAPACITIES: Final = (0.01, 0.05, 0.1)
REPLICATES: Final = 300
BINS: Final = 10

Figure = dict[str, float | None]
"""A figure with its interval: value, low, high; None where it cannot be had (no positive at all)."""


def figures(
    order: NDArray[np.int64],
    label: Float64,
    weight: Float64,
    probability: Float64 | None,
    *,
    capacities: Sequence[float] = CAPACITIES,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> dict[str, Any]:
    """All figures of one ranking of n consignments.

    order        int64 (n,), positions from the highest risk down
    label        1 or 0; weight > 0; probability is calibrated, or None for a ranking that has none
    """
    y, w = label[order], weight[order]
    p = None if probability is None else probability[order]
    drawn = _resamples(len(y), replicates, seed)
    estimates = [_figures(y, w[None, :], p, capacities)]
    for part in np.array_split(drawn, max(1, len(y) * replicates // 4_000_000)):
        estimates.append(_figures(y, w[None, :] * part, p, capacities))
    found: dict[str, Any] = {"consignments": len(y), "positives": int(y.sum()), "weight": round(float(w.sum()), 1)}
    for name in estimates[0]:
        value = float(estimates[0][name][0])
        spread = np.concatenate([part[name] for part in estimates[1:]])
        _put(found, name, _figure(value, spread))
    return found


def _figures(y: Float64, w: Float64, p: Float64 | None, capacities: Sequence[float]) -> dict[str, Float64]:
    """Each figure for each row of weights (replicates, n), consignments in order of risk."""
    with np.errstate(invalid="ignore", divide="ignore"):
        total = w.sum(axis=1)
        positive = w * y
        hits = positive.sum(axis=1)
        upto, hits_upto = np.cumsum(w, axis=1), np.cumsum(positive, axis=1)
        found: dict[str, Float64] = {}
        for capacity in capacities:
            inside, hits_inside = _top(w, positive, upto, hits_upto, capacity * total)
            name = f"{capacity:g}"
            found[f"precision_at {name}"] = hits_inside / inside
            found[f"recall_at {name}"] = hits_inside / hits
            found[f"lift_at {name}"] = (hits_inside / inside) / (hits / total)
        precision = hits_upto / upto
        found["pr_auc"] = (precision * positive).sum(axis=1) / hits
        misses = total - hits
        above = upto - hits_upto  # negatives ranked at least as high
        found["roc_auc"] = 1.0 - (above * positive).sum(axis=1) / (hits * misses)
        if p is not None:
            found["calibration_error"] = _calibration_error(y, w, p)
    return found


def _top(
    w: Float64, positive: Float64, upto: Float64, hits_upto: Float64, capacity: Float64
) -> tuple[Float64, Float64]:
    """Weight and positives inside the capacity; the consignment on the edge counts in part."""
    last = w.shape[1] - 1
    at = np.minimum((upto < capacity[:, None]).sum(axis=1), last)
    row = np.arange(len(w))
    over = np.maximum(upto[row, at] - capacity, 0.0)
    share = np.divide(over, w[row, at], out=np.zeros(len(w)), where=w[row, at] > 0)
    return np.minimum(upto[row, at], capacity), hits_upto[row, at] - share * positive[row, at]


def _calibration_error(y: Float64, w: Float64, p: Float64) -> Float64:
    """Mean distance between what was said and what was found, over ten groups of equal size in order of risk."""
    error = np.zeros(len(w))
    for group in np.array_split(np.arange(len(y)), BINS):
        error += np.abs((w[:, group] * (p[group] - y[group])).sum(axis=1))
    mean: Float64 = error / w.sum(axis=1)
    return mean


def calibration_curve(
    label: Float64, weight: Float64, probability: Float64, bins: int = BINS
) -> list[dict[str, float]]:
    """Said and found in groups of equal size, from the lowest probability up."""
    order = np.argsort(probability, kind="stable")
    curve = []
    for group in np.array_split(order, bins):
        if len(group):
            w = weight[group]
            curve.append(
                {
                    "said": float(np.average(probability[group], weights=w)),
                    "found": float(np.average(label[group], weights=w)),
                    "consignments": len(group),
                }
            )
    return curve


def capacity_curve(order: NDArray[np.int64], label: Float64, weight: Float64) -> tuple[Float64, Float64, Float64]:
    """Share inspected, precision and recall at every place of the ranking."""
    w, positive = weight[order], (weight * label)[order]
    upto, hits = np.cumsum(w), np.cumsum(positive)
    return upto / w.sum(), hits / upto, hits / max(positive.sum(), 1e-12)


def _resamples(n: int, replicates: int, seed: int) -> NDArray[np.int16]:
    """How often each of n is drawn in each bootstrap sample (replicates, n)."""
    rng = np.random.default_rng(seed)
    drawn = np.empty((replicates, n), np.int16)
    for row in drawn:
        row[:] = np.bincount(rng.integers(0, n, n), minlength=n)
    return drawn


def _figure(value: float, spread: Float64) -> Figure:
    if not np.isfinite(value):
        return {"value": None, "low": None, "high": None}
    spread = spread[np.isfinite(spread)]
    low, high = np.quantile(spread, (0.025, 0.975)) if len(spread) else (value, value)
    return {"value": round(value, 5), "low": round(float(low), 5), "high": round(float(high), 5)}


def _put(found: dict[str, Any], name: str, figure: Figure) -> None:
    kind, _, capacity = name.partition(" ")
    if capacity:
        found.setdefault(kind, {})[capacity] = figure
    else:
        found[kind] = figure
