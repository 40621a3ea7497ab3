"""Champion and challenger side by side on consignments that neither was trained on.

Owns the paired difference at capacity: both rank the same consignments, and the bootstrap draws the same
consignments for both, so that what is common to both cancels out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.build import build
from features.state import State
from risk.consignment import CONSIGNMENTS
from risk.errors import NotEnoughDataError
from risk.feature import FeatureTable
from risk.inspection import Target
from risk.layout import column
from risk.model import RiskModel
from risk.selection import ranks
from training.dataset import by_consignment, label_lines
from training.evaluate import CAPACITIES, REPLICATES, _figure, _resamples, _top

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Trial:
    """n consignments with a known outcome, filed when both models were already made; arrays of length n.

    `probability` and `order` (positions from the highest risk down) are by model, `slices` by kind of slice.
    """

    ids: list[str]
    label: Float64
    weight: Float64
    random: Bools
    probability: Mapping[str, Float64]
    order: Mapping[str, NDArray[np.int64]]
    slices: Mapping[str, NDArray[np.object_]]
    lines: pd.DataFrame
    table: FeatureTable
    since: pd.Timestamp
    newest: pd.Timestamp


def trial(
    models: Mapping[str, RiskModel], lines: pd.DataFrame, outcomes: pd.DataFrame, target: Target, *, threads: int = 2
) -> Trial:
    """Score the labelled consignments filed after the training of every model.

    Raises NotEnoughDataError when there are none, or none positive.
    """
    since = max(pd.Timestamp(model.facts["spans"]["test"]["from"]) for model in models.values())
    newest = max(lines["filed_at"].max(), outcomes["recorded_at"].max())
    labels = label_lines(lines, outcomes, target, newest + pd.Timedelta(microseconds=1))
    reads = labels.known & (lines["filed_at"] >= since).to_numpy()
    if not reads.any() or not np.nansum(labels.label[reads]):
        raise NotEnoughDataError(
            f"of the consignments filed since {since:%Y-%m-%d}, when both models were made, {int(reads.sum())} have an "
            "outcome and none is positive; compare when more is known"
        )
    table, _ = build(lines, State(), outcomes=outcomes, reads=reads, target=target, threads=threads)
    mine = lines[reads]
    scores = {name: model.score(table, threads=threads) for name, model in models.items()}
    number, ids = pd.factorize(mine["consignment_id"])
    n = len(ids)
    first = np.full(n, -1)
    first[number[::-1]] = np.arange(len(number))[::-1]
    label, weight, random = np.zeros(n), np.zeros(n), np.zeros(n, bool)
    np.maximum.at(label, number, labels.label[reads])
    np.maximum.at(weight, number, labels.weight[reads])
    np.logical_or.at(random, number, labels.random[reads])
    probability, order = {}, {}
    for name, score in scores.items():
        line, _ = by_consignment(mine["consignment_id"], score.probability, score.raw)
        probability[name] = score.probability[line]
        order[name] = np.argsort(ranks(list(ids), score.probability[line], score.raw[line]))
    return Trial(
        list(ids),
        label,
        weight,
        random,
        probability,
        order,
        slices_of(mine.iloc[first], table.take(first)),
        mine.iloc[first],
        table.take(first),
        since,
        newest,
    )


def paired(
    tried: Trial,
    one: str,
    other: str,
    *,
    weight: Float64 | None = None,
    within: Bools | None = None,
    capacities: Sequence[float] = CAPACITIES,
    seed: int = 0,
) -> dict[str, Any]:
    """Precision and recall of two models at each capacity, and the other's less the one's, with 95 % intervals.

    `within` keeps a part of the consignments (the random stream, a slice); the ranking is that of the part.
    """
    keep = np.ones(len(tried.ids), bool) if within is None else within
    place = np.cumsum(keep) - 1
    y = tried.label[keep]
    w = np.ones(len(y)) if weight is None else weight[keep]
    drawn = np.vstack([np.ones(len(y), np.int16), _resamples(len(y), REPLICATES, seed)])
    found: dict[str, dict[str, Float64]] = {}
    for name in (one, other):
        order = place[tried.order[name][keep[tried.order[name]]]]
        weights = w[order] * drawn[:, order]
        positive = weights * y[order]
        upto, hits = np.cumsum(weights, axis=1), np.cumsum(positive, axis=1)
        total, all_hits = weights.sum(axis=1), positive.sum(axis=1)
        found[name] = {}
        for capacity in capacities:
            inside, hits_inside = _top(weights, positive, upto, hits, capacity * total)
            with np.errstate(invalid="ignore", divide="ignore"):
                found[name][f"precision_at {capacity:g}"] = hits_inside / inside
                found[name][f"recall_at {capacity:g}"] = hits_inside / all_hits
    result: dict[str, Any] = {"consignments": len(y), "positives": int(y.sum())}
    for key in list(found[one]):
        a, b = found[one][key], found[other][key]
        kind, _, share = key.partition(" ")
        result.setdefault(kind, {})[share] = {
            one: _figure(float(a[0]), a[1:]),
            other: _figure(float(b[0]), b[1:]),
            "difference": _figure(float(b[0] - a[0]), (b - a)[1:]),
        }
    return result


def compare(tried: Trial, one: str, other: str, capacities: Sequence[float] = CAPACITIES) -> dict[str, Any]:
    """The paired figures among all inspected, weighted to all trade, and on the random stream."""
    found = {"inspected": paired(tried, one, other, capacities=capacities)}
    if (tried.weight != 1).any():
        found["weighted"] = paired(tried, one, other, weight=tried.weight, capacities=capacities)
    if tried.label[tried.random].any():
        found["random_stream"] = paired(tried, one, other, within=tried.random, capacities=capacities)
    return {"since": f"{tried.since:%Y-%m-%d}", **found}


SECTIONS: Final = ((1, 5, "animals"), (6, 15, "plants and fats"), (16, 24, "food"), (25, 27, "minerals"),
                   (28, 40, "chemicals and plastics"), (41, 43, "hides"), (44, 49, "wood and paper"),
                   (50, 67, "textiles"), (68, 83, "stone and metals"), (84, 85, "machines"),
                   (86, 99, "other"))  # fmt: skip
"""Chapters of the Harmonized System in groups of its sections."""


def slices_of(lines: pd.DataFrame, table: FeatureTable) -> dict[str, NDArray[np.object_]]:
    """Mode, office, corridor, HS section, and whether the consignee was known."""

    def text(name: str) -> pd.Series[Any]:
        return column(lines, CONSIGNMENTS, name).astype(object).where(lambda values: values.notna(), "not stated")

    chapter = pd.to_numeric(text("hs_code").str[:2], errors="coerce")
    section = np.full(len(lines), "not stated", object)
    for low, high, words in SECTIONS:
        section[chapter.between(low, high).to_numpy()] = words
    known = np.full(len(lines), "not stated", object)
    try:
        filings = np.asarray(table.column("consignee_filings"), np.float64)
        known[filings == 0], known[filings > 0] = "new consignee", "known consignee"
    except KeyError:
        pass
    return {
        "mode": text("mode").to_numpy(object),
        "office": text("customs_office").to_numpy(object),
        "corridor": (text("loading_country") + " to " + text("destination_country")).to_numpy(object),
        "HS section": section,
        "consignee": known,
    }
