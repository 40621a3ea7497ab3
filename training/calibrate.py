"""Finding the calibration: from raw scores and outcomes of a later time to probabilities.

With few positives a logistic curve of two parameters (Platt) is all the data can carry; with many, isotonic
regression follows them more closely.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from risk.calibration import Calibration, Isotonic, Logistic
from risk.errors import NotEnoughDataError

Float64 = NDArray[np.float64]

ENOUGH_FOR_ISOTONIC: Final = 400
"""Positives (and negatives) from which on isotonic regression is used; a default."""
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
    if min(positives, len(label) - positives) >= ENOUGH_FOR_ISOTONIC:
        return _isotonic(raw, label, weight)
    return _logistic(raw, label, weight)


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
