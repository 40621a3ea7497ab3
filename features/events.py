"""From tables of consignments and outcomes to the events of the fold.

A line is *filed* at `filed_at`; only a first version counts as a filing, an amendment reads history without
adding to it. An outcome is *recorded* at `recorded_at` and points at the line it belongs to (all lines of
the consignment when it names none). A second outcome of the same line corrects the first: from its own time
on the counts move by the difference, and what was known before stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.history import COUNTS, FIXED_POINT, NO_MEASUREMENT, Events
from features.keys import row_keys
from risk.inspection import Target

NOT_AN_OFFENCE: Final = ("nothing", "inconclusive")


@dataclass(frozen=True)
class Context:
    """What was folded before and new outcomes may point at or correct: lines, and outcomes if any."""

    lines: pd.DataFrame
    outcomes: pd.DataFrame | None = None


def make_events(
    lines: pd.DataFrame,
    outcomes: pd.DataFrame | None,
    target: Target,
    *,
    context: Context | None = None,
    reads: NDArray[np.bool_] | None = None,
) -> Events:
    """The events of the lines filed and the outcomes recorded, in time order.

    `outcomes` may point at `lines` or at lines of the context; those that point at neither are left out (the
    caller reports them, see `unknown_outcomes`).
    `reads` marks the lines that read their history; all of them by default. Line i of those marked, in table
    order, reads into output row i.
    """
    n = len(lines)
    keys = row_keys(lines)
    reader = np.arange(n) if reads is None else np.where(reads, np.cumsum(reads) - 1, -1)
    counts = np.zeros((n, len(COUNTS)), np.int8)
    counts[:, 0] = lines["version"].to_numpy() == 1
    filed = {
        "time": microseconds(lines["filed_at"]),
        "reader": reader.astype(np.int64),
        "counts": counts,
        "measurements": measurements(lines),
    }
    if outcomes is None or len(outcomes) == 0:
        order = np.argsort(filed["time"], kind="stable")
        return Events(
            **{name: values[order] for name, values in filed.items()},
            keys={name: values[order] for name, values in keys.items()},
        )

    known = lines if context is None else pd.concat([context.lines, lines], ignore_index=True)
    known_keys = keys if context is None else row_keys(known)
    found = _outcomes_of_lines(known, outcomes, target, None if context is None else context.outcomes)
    rows = found["row"].to_numpy()
    recorded = {
        "time": microseconds(found["recorded_at"]),
        "reader": np.full(len(found), -1, np.int64),
        "counts": found[list(COUNTS)].to_numpy(np.int8),
        "measurements": np.full((len(found), 2), NO_MEASUREMENT, np.int32),
    }
    together = {name: np.concatenate([filed[name], recorded[name]]) for name in filed}
    order = np.argsort(together["time"], kind="stable")
    return Events(
        **{name: values[order] for name, values in together.items()},
        keys={name: np.concatenate([values, known_keys[name][rows]])[order] for name, values in keys.items()},
    )


def unknown_outcomes(lines: pd.DataFrame, outcomes: pd.DataFrame) -> NDArray[np.bool_]:
    """Which outcomes point at a consignment that the table of lines does not hold."""
    return ~outcomes["consignment_id"].isin(lines["consignment_id"]).to_numpy()


def microseconds(times: pd.Series[pd.Timestamp]) -> NDArray[np.int64]:
    """Times as whole microseconds since 1970 UTC."""
    return times.dt.tz_convert("UTC").dt.as_unit("us").astype("int64").to_numpy()


def measurements(lines: pd.DataFrame) -> NDArray[np.int32]:
    """Log weight per package and log value per kilogram of each line, in fixed point (n, 2)."""
    weight = lines.get("gross_weight_kg", pd.Series(np.nan, lines.index)).to_numpy(np.float64)
    net = lines.get("net_weight_kg", pd.Series(np.nan, lines.index)).to_numpy(np.float64)
    packages = lines.get("packages", pd.Series(np.nan, lines.index)).to_numpy(np.float64)
    value = lines.get("value", pd.Series(np.nan, lines.index)).to_numpy(np.float64)
    weight = np.where(np.isnan(weight), net, weight)
    return np.column_stack([fixed_log_ratio(weight, packages), fixed_log_ratio(value, weight)])


def fixed_log_ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.int32]:
    """log(above / below) in fixed point; NO_MEASUREMENT unless both are positive."""
    good = (above > 0) & (below > 0)
    ratio = np.divide(above, below, out=np.ones_like(above), where=good)
    fixed = np.rint(np.log(np.clip(ratio, 1e-12, 1e12)) * FIXED_POINT).astype(np.int32)
    return np.where(good, fixed, np.int32(NO_MEASUREMENT)).astype(np.int32)


def _outcomes_of_lines(
    lines: pd.DataFrame, outcomes: pd.DataFrame, target: Target, before: pd.DataFrame | None
) -> pd.DataFrame:
    """One row for each outcome and line it belongs to: `row` of the line, time, and change of each count.

    Where a consignment has several versions the outcome belongs to its lines as first filed. Outcomes of
    `before` are what the new ones correct; they give no row themselves.
    """
    filed = pd.DataFrame(
        {
            "consignment_id": lines["consignment_id"].to_numpy(),
            "line": lines["line_no"].to_numpy(),
            "version": lines["version"].to_numpy(),
            "row": np.arange(len(lines)),
        }
    )
    filed = filed.sort_values("version", kind="stable").drop_duplicates(["consignment_id", "line"])
    parts = [] if before is None else [_results(before, target).assign(new=False)]
    found = pd.concat([*parts, _results(outcomes, target).assign(new=True)]).merge(filed, on="consignment_id")
    found = found[(found["of_line"] == 0) | (found["of_line"] == found["line"])]
    found = found.sort_values(["recorded_at", "row", "hit", "offence"], kind="stable", ignore_index=True)
    earlier = found.groupby("row", sort=False)
    again = earlier.cumcount().to_numpy() > 0
    found["filings"] = 0
    found["inspections"] = (~again).astype(np.int8)
    found["random_inspections"] = (found["random"].to_numpy() & ~again).astype(np.int8)
    for count, column in (("hits", "hit"), ("offences", "offence")):
        now = found[column].astype(np.int8)
        found[count] = now - earlier[column].shift(fill_value=False).astype(np.int8)
    return found[found["new"]]


def _results(outcomes: pd.DataFrame, target: Target) -> pd.DataFrame:
    result = outcomes["result"]
    reason = outcomes.get("selection_reason", pd.Series("other", outcomes.index))
    return pd.DataFrame(
        {
            "consignment_id": outcomes["consignment_id"],
            "of_line": outcomes["line_no"],
            "recorded_at": outcomes["recorded_at"],
            "random": reason == "random",
            "hit": result.isin(list(target.positive)),
            "offence": ~result.isin([*target.positive, *NOT_AN_OFFENCE]),
        }
    )
