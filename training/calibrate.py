"""Finding the calibration: from raw scores and outcomes of a later time to probabilities.

With few positives a logistic curve of two parameters (Platt) is all the data can carry. With many, that curve, the beta
curve of three parameters and isotonic regression are compared by their log loss on rows they were not found in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from risk.calibration import Beta, Calibration, Isotonic, Logistic
from risk.errors import NotEnoughDataError

Float64 = NDArray[np.float64]

ENOUGH_TO_CHOOSE: Final = 400
"""Positives (and negatives) from which on curves are compared; a default."""
CERTAINTY: Final = 1e-6
"""Isotonic regression says no probability nearer to 0 or 1 than this; a logistic curve only nears them."""


def calibrate(raw: Float64, label: Float64, weight: Float64) -> Calibration:
    """The calibration of raw scores (log odds) by labels 0 and 1 with their weights.

    Raises NotEnoughDataError when the labels are all of one class.
    """
    positives = int(label.sum())
    if positives == 0 or positives == len(label):
        raise NotEnoughDataError(
            f"the time for calibration holds {positives} positives among {len(label)} labels; both classes are needed: "
            "start the validation earlier or the test later"
        )
    if min(positives, len(label) - positives) < ENOUGH_TO_CHOOSE:
        return _logistic(raw, label, weight)
    losses = {make: _loss(make, raw, label, weight) for make in (_logistic, _beta, _isotonic)}
    return min(losses, key=losses.__getitem__)(raw, label, weight)


def _loss(
    make: Callable[[Float64, Float64, Float64], Calibration], raw: Float64, label: Float64, weight: Float64
) -> float:
    """The log loss of each half of the rows (every other one) by a calibration found in the other half."""
    even, total = np.arange(len(raw)) % 2 == 0, 0.0
    for half in (even, ~even):
        other = ~half
        p = np.clip(make(raw[other], label[other], weight[other]).probability(raw[half]), CERTAINTY, 1 - CERTAINTY)
        total -= float((weight[half] * np.log(np.where(label[half] > 0, p, 1 - p))).sum())
    return total


def _beta(raw: Float64, label: Float64, weight: Float64) -> Beta:
    from sklearn.linear_model import LogisticRegression

    ramps = np.column_stack([-np.logaddexp(0, -raw), np.logaddexp(0, raw)])
    fit = LogisticRegression(C=1e3, max_iter=500).fit(ramps, label, sample_weight=weight)
    slopes = fit.coef_[0]
    if (slopes >= 0).all():
        return Beta(float(slopes[0]), float(slopes[1]), float(fit.intercept_[0]))
    kept = int(np.argmax(slopes))  # a slope below 0 would turn the order around: leave that ramp out
    fit = LogisticRegression(C=1e3, max_iter=500).fit(ramps[:, [kept]], label, sample_weight=weight)
    slope = max(float(fit.coef_[0, 0]), CERTAINTY)
    return Beta(*((slope, 0.0) if kept == 0 else (0.0, slope)), float(fit.intercept_[0]))


def _logistic(raw: Float64, label: Float64, weight: Float64) -> Logistic:
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(C=1e3).fit(raw[:, None], label, sample_weight=weight)
    slope, intercept = float(fit.coef_[0, 0]), float(fit.intercept_[0])
    if slope <= 0:  # the scores do not rank the calibration time at all: say the base rate, keep the order
        rate = float(np.average(label, weights=weight))
        slope, intercept = CERTAINTY, float(np.log(rate / (1 - rate)))
    return Logistic(slope, intercept)


def _isotonic(raw: Float64, label: Float64, weight: Float64) -> Isotonic:
    from sklearn.isotonic import IsotonicRegression

    fit = IsotonicRegression(y_min=CERTAINTY, y_max=1 - CERTAINTY, out_of_bounds="clip").fit(raw, label, weight)
    return Isotonic(tuple(map(float, fit.X_thresholds_)), tuple(map(float, fit.y_thresholds_)))
