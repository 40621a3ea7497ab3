"""Labels: which lines of which version have one, what it says, and how much it counts.

Only an inspected consignment has a label, and only from the moment its outcome was recorded. A line that was not
inspected, or whose outcome was not yet known, has none: it is never a negative. Each label weighs as much as the
inspection was unlikely (inverse propensity, clipped), so that the few consignments of the random stream speak for
all those like them that nobody opened.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.consignment import CONSIGNMENTS
from risk.inspection import OUTCOMES, Target
from risk.layout import column

MAX_WEIGHT: Final = 10.0
"""Inverse propensities are clipped here: one consignment never counts for more than ten."""


@dataclass(frozen=True)
class Labels:
    """The label of each line of a consignments table, as known at a moment; arrays of its length n.

    label         float64, 1 positive, 0 negative, NaN none
    weight        float64, clipped inverse of the selection probability; 1 where no probability was recorded
    random        bool, inspected by the random stream
    delay_days    float64, from filing to the recording of the outcome, NaN without a label
    unweighted    how many labels came without a selection probability
    """

    label: NDArray[np.float64]
    weight: NDArray[np.float64]
    random: NDArray[np.bool_]
    delay_days: NDArray[np.float64]
    unweighted: int

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which lines have a label."""
        return ~np.isnan(self.label)

    def effective_size(self, rows: NDArray[np.bool_]) -> float:
        """Kish's effective sample size of these labels: (sum of weights)^2 / sum of squared weights."""
        w = self.weight[rows & self.known]
        return float(w.sum() ** 2 / (w**2).sum()) if len(w) else 0.0


def label_lines(
    lines: pd.DataFrame,
    outcomes: pd.DataFrame,
    target: Target,
    as_of: pd.Timestamp,
    *,
    max_weight: float = MAX_WEIGHT,
) -> Labels:
    """The labels that were known just before `as_of`.

    Of several outcomes of one line the last one recorded counts. A consignment with several versions has its
    label on the last version filed before the inspection, the one an officer had before him.
    """
    found = _last_outcomes(lines, outcomes, as_of)
    n = len(lines)
    label, weight, delay = np.full(n, np.nan), np.ones(n), np.full(n, np.nan)
    random = np.zeros(n, bool)
    row = found["row"].to_numpy()
    label[row] = target.label(found["result"])
    probability = found["probability"].to_numpy(np.float64)
    weight[row] = np.minimum(1.0 / np.where(np.isnan(probability), 1.0, probability), max_weight)
    random[row] = found["reason"].to_numpy() == "random"
    delay[row] = (found["recorded_at"] - found["filed_at"]).dt.total_seconds() / 86400
    delay[np.isnan(label)] = np.nan
    return Labels(label, weight, random, delay, int(np.isnan(probability).sum()))


def _last_outcomes(lines: pd.DataFrame, outcomes: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """One row for each labelled line: `row` in the table, and its last outcome before `as_of`."""
    known = outcomes[outcomes["recorded_at"] < as_of]
    told = pd.DataFrame(
        {
            "consignment_id": known["consignment_id"],
            "of_line": column(known, OUTCOMES, "line_no"),
            "result": known["result"],
            "recorded_at": known["recorded_at"],
            "inspected_at": column(known, OUTCOMES, "inspected_at").fillna(known["recorded_at"]),
            "reason": column(known, OUTCOMES, "selection_reason"),
            "probability": column(known, OUTCOMES, "selection_probability"),
        }
    )
    table = pd.DataFrame(
        {
            "consignment_id": lines["consignment_id"],
            "line": column(lines, CONSIGNMENTS, "line_no"),
            "version": column(lines, CONSIGNMENTS, "version"),
            "filed_at": lines["filed_at"],
            "row": np.arange(len(lines)),
        }
    )
    table = table[table["consignment_id"].isin(told["consignment_id"])]
    found = told.merge(table, on="consignment_id")
    found = found[(found["of_line"] == 0) | (found["of_line"] == found["line"])]
    found = found.sort_values(["recorded_at", "result"], kind="stable")
    last = found.drop_duplicates("row", keep="last")
    seen = last[last["filed_at"] <= last["inspected_at"]].sort_values("version", kind="stable")
    return seen.drop_duplicates(["consignment_id", "line"], keep="last")


def by_consignment(
    ids: pd.Series[str], score: NDArray[np.float64], tie: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The riskiest line of each consignment, which speaks for all of it.

    Returns for each consignment (in order of first appearance) the position of its line with the highest
    (score, tie), and for each line the number of its consignment.
    """
    number, _ = pd.factorize(ids)
    order = np.lexsort((-tie, -score, number))
    first = np.ones(len(order), bool)
    first[1:] = number[order][1:] != number[order][:-1]
    return order[first], number.astype(np.int64)


def fingerprint(*tables: pd.DataFrame) -> str:
    """Sixteen hex digits over the content of the tables, whatever the order of their columns."""
    digest = hashlib.sha256()
    for table in tables:
        ordered = table[sorted(table.columns)]
        digest.update(" ".join(ordered.columns).encode())
        digest.update(pd.util.hash_pandas_object(ordered, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:16]


def counts(labels: Labels, rows: NDArray[np.bool_]) -> dict[str, Any]:
    """How many lines, labels, positives and random inspections these rows hold."""
    known = rows & labels.known
    return {
        "lines": int(rows.sum()),
        "labelled": int(known.sum()),
        "positives": int(np.nansum(labels.label[known])),
        "random_stream": int((known & labels.random).sum()),
        "effective_sample_size": round(labels.effective_size(rows), 1),
    }
