"""The spans of time a model is trained, validated, calibrated and tested on, one after the other.

Everything before the test was known when the test begins: labels are those recorded by then, and lines filed so
late that most of their outcomes were still to come are left out (the gap).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.errors import NotEnoughDataError, UsageError
from risk.layout import utc

OUTCOMES_IN_BY: Final = 0.95
"""The gap is as long as this share of outcomes takes from filing to recording."""
TRAIN_SHARE: Final = 0.58
TEST_SHARE: Final = 0.20
"""Shares of the labelled lines, in order of time, when no dates are given; what lies between validates."""
VALIDATE_SHARE: Final = 0.5
"""Of the time between training and test, this part stops the training early; the rest calibrates."""


@dataclass(frozen=True)
class Spans:
    """Half-open spans of filing time (UTC): train, validate, calibrate, gap, test."""

    train_from: pd.Timestamp
    validate_from: pd.Timestamp
    calibrate_from: pd.Timestamp
    gap_from: pd.Timestamp
    test_from: pd.Timestamp
    test_to: pd.Timestamp
    gap_days: float

    def mask(self, name: str, filed_at: pd.Series[pd.Timestamp]) -> NDArray[np.bool_]:
        """Which lines were filed in the span."""
        start, end = self._bounds()[name]
        return ((filed_at >= start) & (filed_at < end)).to_numpy()

    def to_json(self) -> dict[str, dict[str, str]]:
        """The spans with their first moment and the moment they end before."""
        return {name: {"from": utc(start), "before": utc(end)} for name, (start, end) in self._bounds().items()}

    def _bounds(self) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
        return {
            "train": (self.train_from, self.validate_from),
            "validate": (self.validate_from, self.calibrate_from),
            "calibrate": (self.calibrate_from, self.gap_from),
            "test": (self.test_from, self.test_to),
        }


def make_spans(
    filed_at: pd.Series[pd.Timestamp],
    known: NDArray[np.bool_],
    delay_days: NDArray[np.float64],
    as_of: pd.Timestamp,
    *,
    validate_from: pd.Timestamp | None = None,
    test_from: pd.Timestamp | None = None,
) -> Spans:
    """Spans from the dates given, or from shares of the labelled lines.

    `known` marks labelled lines, `delay_days` their time from filing to recording, `as_of` is when the data end.
    Raises UsageError for dates out of order, NotEnoughDataError when too few lines are labelled.
    """
    labelled = filed_at[known].sort_values()
    if len(labelled) < 20:
        raise NotEnoughDataError(
            f"only {len(labelled)} lines have a label; training needs outcomes of at least 20 inspected lines"
        )
    gap_days = float(np.nanquantile(delay_days[known], OUTCOMES_IN_BY))
    gap = pd.Timedelta(days=gap_days)
    test_to = (as_of - gap).ceil("s") + pd.Timedelta(seconds=1)
    if test_from is None:
        test_from = _at(labelled[labelled < test_to], 1 - TEST_SHARE, test_to)
    if validate_from is None:
        validate_from = _at(labelled[labelled < test_from], TRAIN_SHARE / (1 - TEST_SHARE), test_from)
    gap_from = test_from - gap
    between = labelled[(labelled >= validate_from) & (labelled < gap_from)]
    first, last = labelled.iloc[0], labelled.iloc[-1]
    if not first < validate_from < gap_from < test_from <= last or between.empty:
        raise UsageError(
            f"the spans do not fit: validation from {utc(validate_from)}, test from {utc(test_from)}, with outcomes "
            f"of consignments filed {utc(first)} to {utc(last)} that take {gap_days:.1f} days to be recorded"
        )
    return Spans(
        train_from=filed_at.min(),
        validate_from=validate_from,
        calibrate_from=_at(between, VALIDATE_SHARE, gap_from),
        gap_from=gap_from,
        test_from=test_from,
        test_to=test_to,
        gap_days=gap_days,
    )


def _at(times: pd.Series[pd.Timestamp], share: float, otherwise: pd.Timestamp) -> pd.Timestamp:
    """The start of the day by which this share of the times has passed; `otherwise` when there are no times."""
    if times.empty:
        return otherwise
    moment = times.iloc[min(int(share * len(times)), len(times) - 1)]
    day = moment.floor("D")
    return day if day > times.iloc[0] else moment
