"""Has trade moved away from what the model learned? Features, scores, finds on the random stream, lanes and goods.

Compared are the consignments of the model's own test time and the most recent ones, both as known when they were
filed. The population stability index (PSI) tells how far a distribution moved: below 0.1 little, above 0.25 much, a
rule of thumb of credit scoring. Features count as much as the model uses them. Finds are held against what the model
expected, by an exact test. Owns the measures and the verdict; the decision is a person's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.build import build
from features.state import State
from risk.errors import NotEnoughDataError
from risk.feature import FeatureTable
from risk.inspection import Target
from risk.model import RiskModel
from training.comparison import slices_of
from training.dataset import label_lines

Float64 = NDArray[np.float64]

RECENT_DAYS: Final = 28
MUCH: Final = 0.25
SOME: Final = 0.1
SURPRISE: Final = 0.01
"""Probability below which a number of finds on the random stream is no chance any more."""
OLD_DAYS: Final = 90
"""A model whose newest label is older than this is trained again in any case."""
MOST_ROWS: Final = 20_000
BINS: Final = 10


def drift(
    model: RiskModel,
    lines: pd.DataFrame,
    outcomes: pd.DataFrame,
    target: Target,
    *,
    recent_days: int = RECENT_DAYS,
    threads: int = 2,
) -> dict[str, Any]:
    """JSON values: how far each thing moved, `retrain` (whether to) and `why` (sentences).

    Raises NotEnoughDataError when nothing was filed in one of the two times.
    """
    span = model.facts["spans"]["test"]
    now = lines["filed_at"].max()
    filed, rng = lines["filed_at"], np.random.default_rng(0)
    recent = (filed > now - pd.Timedelta(days=recent_days)).to_numpy()
    before = ((filed >= pd.Timestamp(span["from"])) & (filed < pd.Timestamp(span["before"]))).to_numpy() & ~recent
    if not recent.any() or not before.any():
        raise NotEnoughDataError(
            f"drift compares the last {recent_days} days with {span['from'][:10]} to {span['before'][:10]}, on which "
            f"the model was tested; {int(recent.sum())} and {int(before.sum())} lines were filed then"
        )
    labels = label_lines(lines, outcomes, target, outcomes["recorded_at"].max() + pd.Timedelta(microseconds=1))
    stream = labels.known & labels.random
    reads = (_some(before, rng) | _some(recent, rng)) | (stream & (before | recent))
    table, _ = build(lines, State(), outcomes=outcomes, reads=reads, target=target, threads=threads)
    late = recent[reads]
    scores = model.score(table, threads=threads)
    features = _features(model, table, late)
    used = dict(model.facts.get("importance", {}))
    total = sum(used.get(name, 0.0) for name in features) or 1.0
    mean = sum(entry["psi"] * used.get(name, 0.0) for name, entry in features.items()) / total
    of_scores = {**_numbers(scores.raw[~late], scores.raw[late]), "mean_recent": float(scores.probability[late].mean())}
    finds = _finds(labels.label[reads], scores.probability, stream[reads] & late)
    where = {
        kind: _moved(values[~late], values[late])
        for kind, values in slices_of(lines[reads], table).items()
        if kind in {"corridor", "HS section"}
    }
    age = (now - pd.Timestamp(model.facts["data"]["filed_to"])).total_seconds() / 86400
    why = []
    if of_scores["psi"] > MUCH:
        why.append(f"scores moved (PSI {of_scores['psi']:.2f}; much is {MUCH})")
    if mean > SOME:
        why.append(f"the features that the model uses moved (mean PSI {mean:.2f}, by use; some is {SOME})")
    if finds["p"] is not None and finds["p"] < SURPRISE:
        why.append(
            f"the random stream found {finds['found']} where {finds['expected']:.1f} were expected (p {finds['p']:.4f})"
        )
    if age > OLD_DAYS:
        why.append(f"the newest consignment it knows is {age:.0f} days old")
    worst = sorted(features.items(), key=lambda entry: -entry[1]["psi"] * used.get(entry[0], 0.0))[:15]
    return {
        "retrain": bool(why),
        "why": why or ["nothing moved beyond chance"],
        "recent_days": recent_days,
        "rows": {"before": int((~late).sum()), "recent": int(late.sum())},
        "scores": of_scores,
        "features_mean_psi": round(mean, 4),
        "features": dict(worst),
        "random_stream": finds,
        "where": where,
        "model_age_days": round(age, 1),
    }


def psi(before: Float64, recent: Float64) -> float:
    """The population stability index of two distributions over the same parts, each a count a part."""
    a, b = before + 0.5, recent + 0.5
    p, q = a / a.sum(), b / b.sum()
    return float(((q - p) * np.log(q / p)).sum())


def _numbers(before: Float64, recent: Float64) -> dict[str, float]:
    """PSI over tenths of the time before (missing is a part of its own), and the Kolmogorov-Smirnov distance."""
    from scipy.stats import ks_2samp

    known, lately = before[np.isfinite(before)], recent[np.isfinite(recent)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.empty(0)
    parts = [np.bincount(np.searchsorted(edges, part), minlength=len(edges) + 1) for part in (known, lately)]
    counts = [np.append(part, n) for part, n in zip(parts, (len(before) - len(known), len(recent) - len(lately)),
                                                    strict=True)]  # fmt: skip
    distance = float(ks_2samp(known, lately).statistic) if len(known) and len(lately) else 0.0
    return {"psi": round(psi(*(part.astype(np.float64) for part in counts)), 4), "ks": round(distance, 4)}


def _features(model: RiskModel, table: FeatureTable, late: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    found = {}
    for feature in model.features:
        values = table.column(feature.name)
        if feature.kind == "number":
            numbers = np.asarray(values, np.float64)
            found[feature.name] = _numbers(numbers[~late], numbers[late])
        else:
            codes = pd.Series(values, dtype=object).where(lambda part: part.notna(), "")
            top = codes[~late].value_counts().index[:20]
            counts = [codes[part].where(codes[part].isin(top), "other").value_counts() for part in (~late, late)]
            both = pd.concat(counts, axis=1).fillna(0).to_numpy(np.float64)
            found[feature.name] = {"psi": round(psi(both[:, 0], both[:, 1]), 4)}
    return found


def _finds(label: Float64, probability: Float64, stream: NDArray[np.bool_]) -> dict[str, Any]:
    """Finds of the recent random stream against what the model expected (exact Poisson test, two-sided)."""
    from scipy.stats import poisson

    n, found = int(stream.sum()), int(np.nansum(label[stream]))
    expected = float(probability[stream].sum())
    tail = min(poisson.cdf(found, expected), poisson.sf(found - 1, expected)) if n else None
    p = None if tail is None else round(min(1.0, 2 * float(tail)), 5)
    return {"inspected": n, "found": found, "expected": round(expected, 3), "p": p}


def _moved(before: NDArray[np.object_], recent: NDArray[np.object_], most: int = 5) -> dict[str, Any]:
    """PSI of the shares of trade, and where the share changed most."""
    counts = pd.concat([pd.Series(part).value_counts() for part in (before, recent)], axis=1).fillna(0)
    counts.columns = pd.Index(["before", "recent"])
    shares = counts / counts.sum()
    change = (shares["recent"] - shares["before"]).sort_values(key=np.abs, ascending=False, kind="stable").head(most)
    both = counts.to_numpy(np.float64)
    return {
        "psi": round(psi(both[:, 0], both[:, 1]), 4),
        "most_changed": {str(name): round(float(value), 4) for name, value in change.items()},
    }


def _some(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """The rows, or so many of them."""
    rows = np.flatnonzero(mask)
    kept = np.zeros(len(mask), bool)
    kept[rng.choice(rows, MOST_ROWS, replace=False) if len(rows) > MOST_ROWS else rows] = True
    return kept


def sentences(found: Mapping[str, Any]) -> list[str]:
    """The verdict for a person."""
    verdict = "Train again" if found["retrain"] else "No need to train again"
    return [f"{verdict}: {'; '.join(found['why'])}."]
