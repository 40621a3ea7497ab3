"""What a model has to beat: chance, last year's corridor rates, and a risk profile of party, goods and route.

The profiles are rates of positives among the labelled lines filed before the test, smoothed to the overall rate;
they are what an office can keep in a spreadsheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.columns import Lines
from features.keys import row_keys

Float64 = NDArray[np.float64]

SMOOTHING: Final = 10.0
"""A rate leans on the overall rate as if it had been seen this many times."""
PROFILE_KEYS: Final = ("consignee", "shipper", "declarant", "hs6", "hs4", "lane", "corridor")


def baseline_scores(
    lines: pd.DataFrame, label: Float64, learn: NDArray[np.bool_], test: NDArray[np.bool_], test_from: pd.Timestamp
) -> dict[str, Float64]:
    """The score that each baseline gives each line of the test.

    `learn` marks the labelled lines filed and recorded before the test. Chance gives every line the same score,
    so that only a hash of the consignment orders them.
    """
    last_year = (learn & (lines["filed_at"] >= test_from - pd.DateOffset(years=1))).astype(bool)
    needed = learn | test
    keys = {name: values for name, values in row_keys(Lines(lines[needed])).items() if name in PROFILE_KEYS}
    y, at_test = label[needed], test[needed]
    return {
        "random": np.zeros(int(test.sum())),
        "corridor_rate_last_year": _rates(keys, ["corridor"], y, last_year[needed], at_test)[0],
        "risk_profile": np.mean(_rates(keys, PROFILE_KEYS, y, learn[needed], at_test), axis=0),
    }


def _rates(
    keys: dict[str, NDArray[np.uint64]],
    names: Sequence[str],
    label: Float64,
    learn: NDArray[np.bool_],
    test: NDArray[np.bool_],
) -> list[Float64]:
    """For each kind of key the log odds of the smoothed rate of the test lines' keys."""
    overall = float(label[learn].mean()) if learn.any() else 0.5
    found = []
    for name in names:
        seen = (
            pd.DataFrame({"key": keys[name][learn], "label": label[learn]}).groupby("key")["label"].agg(["sum", "size"])
        )
        rate = (seen["sum"] + SMOOTHING * overall) / (seen["size"] + SMOOTHING)
        mine = pd.Series(keys[name][test]).map(rate).fillna(overall).to_numpy(np.float64)
        clipped = np.clip(mine, 1e-6, 1 - 1e-6)
        found.append(np.log(clipped / (1 - clipped)))
    return found
