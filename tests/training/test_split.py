"""The spans: in order of time, with a gap as long as outcomes take."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from risk.errors import NotEnoughDataError, UsageError
from training.split import make_spans

START = pd.Timestamp("2025-01-01", tz="UTC")


def filed(days: int) -> pd.Series:
    return pd.Series(pd.date_range(START, periods=days * 4, freq="6h"))


@given(days=st.integers(40, 400), delay=st.floats(0.1, 10))
def test_spans_follow_each_other_and_leave_out_what_was_filed_too_late_to_have_its_outcome(
    days: int, delay: float
) -> None:
    assume(delay < days / 8)  # else the time between validation and test is shorter than the gap
    times = filed(days)
    known = np.ones(len(times), bool)
    spans = make_spans(times, known, np.full(len(times), delay), times.iloc[-1] + pd.Timedelta(days=delay))
    assert spans.train_from < spans.validate_from < spans.calibrate_from < spans.gap_from < spans.test_from
    assert (spans.test_from - spans.gap_from) / pd.Timedelta(days=1) == pytest.approx(delay, abs=1e-6)
    masks = [spans.mask(name, times) for name in ("train", "validate", "calibrate", "test")]
    assert np.sum(masks, axis=0).max() == 1
    assert all(mask.any() for mask in masks)


def test_dates_given_are_kept() -> None:
    times = filed(100)
    validate, test = START + pd.Timedelta(days=50), START + pd.Timedelta(days=80)
    spans = make_spans(times, np.ones(400, bool), np.ones(400), times.iloc[-1], validate_from=validate, test_from=test)
    assert (spans.validate_from, spans.test_from) == (validate, test)


def test_dates_out_of_order_are_told_with_what_the_data_hold() -> None:
    times = filed(100)
    with pytest.raises(UsageError, match=r"validation from 2025-03-22.*test from 2025-02-20.*2025-01-01"):
        make_spans(
            times,
            np.ones(400, bool),
            np.ones(400),
            times.iloc[-1],
            validate_from=START + pd.Timedelta(days=80),
            test_from=START + pd.Timedelta(days=50),
        )


def test_a_handful_of_labels_is_not_enough() -> None:
    with pytest.raises(NotEnoughDataError, match="only 3 lines have a label"):
        make_spans(filed(100), np.arange(400) < 3, np.ones(400), START + pd.Timedelta(days=100))
