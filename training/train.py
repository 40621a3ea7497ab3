"""The flow of a training: labels, spans, features, trees, calibration, test, report.

`train` is the whole of it; it knows neither where the tables come from nor where the model goes.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.build import build
from features.state import State
from risk.calibration import Logistic
from risk.errors import NotEnoughDataError
from risk.feature import FeatureTable
from risk.inspection import Target
from risk.layout import utc
from risk.model import RiskModel
from risk.reference import tables as reference
from risk.selection import ranks
from training import report
from training.baselines import baseline_scores
from training.calibrate import calibrate
from training.comparison import slices_of
from training.dataset import Labels, by_consignment, counts, fingerprint, label_lines
from training.evaluate import CAPACITIES, figures
from training.fit import Fitted, fit
from training.page import Tested, write_page
from training.split import Spans, make_spans
from training.tune import tune

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

LIBRARIES: Final = ("lightgbm", "numpy", "pandas", "scikit-learn")


@dataclass(frozen=True)
class Trained:
    """A model and the report on it.

    report    JSON values: spans, rows, positives, metrics with intervals, baselines, trials
    """

    model: RiskModel
    report: dict[str, Any]


def train(
    lines: pd.DataFrame,
    outcomes: pd.DataFrame,
    files: Path,
    *,
    target: Target | None = None,
    validate_from: pd.Timestamp | None = None,
    test_from: pd.Timestamp | None = None,
    capacities: Sequence[float] = CAPACITIES,
    seed: int = 1,
    threads: int = 2,
    simulated: bool = False,
    budget: float = 0.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Trained:
    """Train, calibrate and test a model on tables in the project's layout; write plots and model card to `files`.

    With a `budget` (seconds) parameters are searched for that long on the validation time.
    Raises NotEnoughDataError when labels are too few or of one class, UsageError for spans that do not fit.
    """
    target = target or Target()
    as_of = max(outcomes["recorded_at"].max(), lines["filed_at"].max()) + pd.Timedelta(microseconds=1)
    progress("reading the labels")
    final = label_lines(lines, outcomes, target, as_of)
    _both_classes("the outcomes", final.label[final.known], target)
    spans = make_spans(
        lines["filed_at"], final.known, final.delay_days, as_of, validate_from=validate_from, test_from=test_from
    )
    early = label_lines(lines, outcomes, target, spans.test_from)

    progress("folding the history")
    reads = final.known | early.known
    table, _ = build(lines, State(), outcomes=outcomes, reads=reads, target=target, threads=threads)
    rows = _Rows(lines[reads], table, _take(early, reads), _take(final, reads), spans)
    for name in ("train", "validate", "calibrate", "test"):
        _both_classes(f"the span {name}", rows.label(name), target)

    given = (table, np.nan_to_num(rows.early.label), rows.early.weight, rows.mask("train"), rows.mask("validate"))
    fitted = fit(*given, seed=seed, threads=threads, progress=progress)
    if budget > 0:
        fitted = tune(*given, fitted, budget=budget, seed=seed, threads=threads, progress=progress)
    progress("calibrating and testing")
    model = _calibrated(fitted, rows)
    facts = _facts(lines, outcomes, target, spans, rows, fitted, simulated)
    facts["capacities"] = sorted({*CAPACITIES, *(c for c in capacities if c < 1)})
    tested = _Tested.of(model, rows)
    figures_of = _metrics(tested, facts["capacities"], seed)
    facts["metrics"] = figures_of
    facts["baselines"] = _baselines(lines, early, reads, rows, tested, facts["capacities"], seed)
    facts["importance"] = {name: round(gain, 1) for name, gain in list(fitted.importance.items())[:50]}
    facts["parameters"] = dict(fitted.parameters)
    model = RiskModel(model.trees, model.calibration, model.features, model.vocabulary, facts)
    progress("writing the report")
    report.write(files, model, tested.order, tested.label, tested.weight, tested.probability)
    of_lines = slices_of(tested.lines, table.take(rows.mask("test")).take(tested.line_of))
    write_page(files, model, Tested(tested.lines, tested.label, tested.probability, tested.order, of_lines))
    return Trained(model, facts)


@dataclass(frozen=True)
class _Rows:
    """The labelled lines: their features, labels as known before the test and in the end, and the spans."""

    lines: pd.DataFrame
    table: FeatureTable
    early: Labels
    final: Labels
    spans: Spans

    def mask(self, span: str) -> Bools:
        """The labelled lines of a span."""
        labels = self.final if span == "test" else self.early
        return self.spans.mask(span, self.lines["filed_at"]) & labels.known

    def label(self, span: str) -> Float64:
        """Their labels."""
        return (self.final if span == "test" else self.early).label[self.mask(span)]


@dataclass(frozen=True)
class _Tested:
    """The consignments of the test: ids, probability, raw score, label, weight, random stream, and their order."""

    lines: pd.DataFrame
    probability: Float64
    label: Float64
    weight: Float64
    random: Bools
    order: NDArray[np.int64]
    line_of: NDArray[np.int64]

    @classmethod
    def of(cls, model: RiskModel, rows: _Rows) -> _Tested:
        """Score the test; the riskiest line speaks for its consignment."""
        mask = rows.mask("test")
        lines = rows.lines[mask]
        scores = model.score(rows.table.take(mask))
        label = rows.final.label[mask]
        line, number = by_consignment(lines["consignment_id"], scores.probability, scores.raw)
        positive = np.zeros(len(line))
        np.maximum.at(positive, number, label)
        of_consignment = lines.iloc[line]
        probability, raw = scores.probability[line], scores.raw[line]
        rank = ranks(of_consignment["consignment_id"].tolist(), probability, raw)
        return cls(
            of_consignment,
            probability,
            positive,
            rows.final.weight[mask][line],
            rows.final.random[mask][line],
            np.argsort(rank),
            line,
        )


def _calibrated(fitted: Fitted, rows: _Rows) -> RiskModel:
    """The trees with a calibration found on its own span, consignment by consignment."""
    bare = RiskModel(fitted.trees, Logistic(1.0, 0.0), fitted.features, fitted.vocabulary)
    mask = rows.mask("calibrate")
    raw = bare.score(rows.table.take(mask)).raw
    line, number = by_consignment(rows.lines[mask]["consignment_id"], raw, raw)
    positive = np.zeros(len(line))
    np.maximum.at(positive, number, rows.early.label[mask])
    found = calibrate(raw[line], positive, rows.early.weight[mask][line])
    return RiskModel(fitted.trees, found, fitted.features, fitted.vocabulary)


def _metrics(tested: _Tested, capacities: Sequence[float], seed: int) -> dict[str, Any]:
    """Figures on the test: as inspected, weighted to all consignments, and on the random stream alone."""
    found = {"test": _figures(tested, np.ones(len(tested.label)), tested.order, capacities, seed)}
    if (tested.weight != 1).any():
        found["test_weighted"] = _figures(tested, tested.weight, tested.order, capacities, seed)
    if tested.random.any():
        stream = tested.order[tested.random[tested.order]]
        found["test_random_stream"] = _figures(tested, np.ones(len(tested.label)), stream, capacities, seed)
    return found


def _figures(
    tested: _Tested,
    weight: Float64,
    order: NDArray[np.int64],
    capacities: Sequence[float],
    seed: int,
    probability: bool = True,
) -> dict[str, Any]:
    return figures(
        order,
        tested.label,
        weight,
        tested.probability if probability else None,
        capacities=capacities,
        seed=seed,
    )


def _baselines(
    lines: pd.DataFrame,
    early: Labels,
    reads: Bools,
    rows: _Rows,
    tested: _Tested,
    capacities: Sequence[float],
    seed: int,
) -> dict[str, Any]:
    """The same figures, as inspected, for what the model has to beat."""
    test = np.zeros(len(lines), bool)
    test[np.flatnonzero(reads)[rows.mask("test")]] = True
    learn = early.known & (lines["filed_at"] < rows.spans.test_from).to_numpy()
    found = {}
    ids = tested.lines["consignment_id"].tolist()
    for name, score in baseline_scores(lines, early.label, learn, test, rows.spans.test_from).items():
        of_consignment = score[tested.line_of]
        order = np.argsort(ranks(ids, of_consignment, of_consignment))
        found[name] = _figures(tested, np.ones(len(order)), order, capacities, seed, probability=False)
    return found


def _facts(
    lines: pd.DataFrame,
    outcomes: pd.DataFrame,
    target: Target,
    spans: Spans,
    rows: _Rows,
    fitted: Fitted,
    simulated: bool,
) -> dict[str, Any]:
    """Where the model comes from."""
    by_span = {}
    for name in ("train", "validate", "calibrate", "test"):
        labels = rows.final if name == "test" else rows.early
        by_span[name] = counts(labels, rows.spans.mask(name, rows.lines["filed_at"]) & labels.known)
    return {
        "target": {"name": target.name, "positive": list(target.positive), "unknown": list(target.unknown)},
        "simulated": simulated,
        "data": {
            "fingerprint": fingerprint(lines, outcomes),
            "lines": len(lines),
            "consignments": int(lines["consignment_id"].nunique()),
            "outcomes": len(outcomes),
            "filed_from": utc(lines["filed_at"].min()),
            "filed_to": utc(lines["filed_at"].max()),
        },
        "spans": spans.to_json(),
        "gap_days": round(spans.gap_days, 2),
        "rows": {name: entry["labelled"] for name, entry in by_span.items()},
        "positives": {name: entry["positives"] for name, entry in by_span.items()},
        "labels": by_span,
        "without_selection_probability": rows.final.unweighted,
        "extras": [column for column in lines.columns if column.startswith("extra.")],
        "trials": [dict(trial) for trial in fitted.trials],
        "reference": reference.fingerprint(),
        "made_with": {"python": platform.python_version(), **{name: metadata.version(name) for name in LIBRARIES}},
    }


def _take(labels: Labels, rows: Bools) -> Labels:
    return Labels(
        labels.label[rows], labels.weight[rows], labels.random[rows], labels.delay_days[rows], labels.unweighted
    )


def _both_classes(where: str, label: Float64, target: Target) -> None:
    positives = int(np.nansum(label))
    if positives == 0 or positives == len(label):
        what = "no positive" if positives == 0 else "positives only"
        raise NotEnoughDataError(
            f"{where} hold {what} among {len(label)} labels for {target.name!r} (positive: "
            f"{', '.join(target.positive)}); a model needs outcomes of both kinds"
        )
