"""From inspection outcomes to changes of counts.

An outcome counts from `recorded_at`. It belongs to one line, or to all lines of its consignment when it names
none, as they stood: lines filed by then, in the version filed first. Of two outcomes for a line the later one
stands from its own time on, and what was known before stays as it was; what both found at the same time
counts together. A random inspection is one whose first outcome was selected at random.

A key counts consignments, not lines: for a key that lines of a consignment share, the consignment is
inspected, or a hit, while any of those lines is. Knows tables; knows nothing of state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.columns import microseconds
from features.history import Findings
from features.keys import join
from features.row import COUNTS
from risk.consignment import CONSIGNMENTS
from risk.inspection import OUTCOMES, Target
from risk.layout import column

Int64 = NDArray[np.int64]
UInt64 = NDArray[np.uint64]

NOT_AN_OFFENCE: Final = ("nothing", "inconclusive")
_CHANGES: Final = ("inspections", "random_inspections", "hits", "offences")
_COUNT: Final = np.array([COUNTS.index(name) for name in _CHANGES], np.int8)


def make_findings(
    lines: pd.DataFrame,
    keys: Mapping[str, UInt64],
    outcomes: pd.DataFrame,
    target: Target,
    *,
    earlier: int = 0,
    before: pd.DataFrame | None = None,
) -> dict[str, Findings]:
    """The findings of each kind of key.

    `lines` are all lines that outcomes may point at, `keys` theirs; the first `earlier` of them were folded
    before. So were the outcomes `before`, which the new ones may correct; they give no findings themselves.
    """
    if before is None or len(before) == 0:
        return _findings(_line_changes(lines, outcomes, target), keys)
    # What all outcomes give, less what the earlier ones gave. The two differ from the last time folded on.
    times = np.concatenate([microseconds(outcomes["recorded_at"]), microseconds(lines["filed_at"].iloc[earlier:])])
    since = int(times.min(initial=np.iinfo(np.int64).max))
    after = _findings(_line_changes(lines, pd.concat([before, outcomes]), target), keys)
    less = _findings(_line_changes(lines.iloc[:earlier], before, target), keys)
    return {name: _difference(after[name], less[name], since) for name in keys}


def unknown_outcomes(lines: pd.DataFrame, outcomes: pd.DataFrame) -> NDArray[np.bool_]:
    """Which outcomes point at no line of the table that was filed by the time they were recorded."""
    table = pd.DataFrame(
        {
            "consignment_id": outcomes["consignment_id"].to_numpy(),
            "line_no": column(outcomes, OUTCOMES, "line_no").to_numpy(),
            "time": microseconds(outcomes["recorded_at"]),
            "place": np.arange(len(outcomes)),
        }
    )
    unknown = np.ones(len(outcomes), bool)
    unknown[_matched(lines, table)["place"].to_numpy()] = False
    return unknown


def _matched(lines: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """One row for each outcome and line it belongs to; `row` is the one in which that line was filed first."""
    meant = np.flatnonzero(lines["consignment_id"].isin(outcomes["consignment_id"]).to_numpy())
    lines = lines.iloc[meant]
    filed = pd.DataFrame(
        {
            "consignment_id": lines["consignment_id"].to_numpy(),
            "line": column(lines, CONSIGNMENTS, "line_no").to_numpy(),
            "version": column(lines, CONSIGNMENTS, "version").to_numpy(),
            "filed": microseconds(lines["filed_at"]),
            "row": meant,
        }
    )
    filed = filed.sort_values(["filed", "version"], kind="stable").drop_duplicates(["consignment_id", "line"])
    found = outcomes.merge(filed, on="consignment_id")
    mine = (found["line_no"] == 0) | (found["line_no"] == found["line"])
    return found[mine & (found["filed"] <= found["time"])]


def _line_changes(lines: pd.DataFrame, outcomes: pd.DataFrame, target: Target) -> pd.DataFrame:
    """How the outcomes change what is known of each line: row, consignment, time, and the change of _CHANGES."""
    result = outcomes["result"]
    table = pd.DataFrame(
        {
            "consignment_id": outcomes["consignment_id"].to_numpy(),
            "line_no": column(outcomes, OUTCOMES, "line_no").to_numpy(),
            "time": microseconds(outcomes["recorded_at"]),
            "random": (column(outcomes, OUTCOMES, "selection_reason") == "random").to_numpy(bool),
            "hit": result.isin(list(target.positive)).to_numpy(bool),
            "offence": ~result.isin([*target.positive, *target.unknown, *NOT_AN_OFFENCE]).to_numpy(bool),
        }
    )
    found = _matched(lines, table)
    found = found.groupby(["row", "time"], as_index=False)[["random", "hit", "offence"]].max()
    row = found["row"].to_numpy()
    begins = np.ones(len(row), bool)
    begins[1:] = row[1:] != row[:-1]
    now = found[["hit", "offence"]].to_numpy(np.int8)
    was = np.zeros_like(now)
    was[1:] = now[:-1]
    was[begins] = 0
    return pd.DataFrame(
        {
            "row": row,
            "consignment": pd.factorize(lines["consignment_id"].to_numpy()[row])[0],
            "time": found["time"].to_numpy(),
            "inspections": begins.astype(np.int8),
            "random_inspections": (begins & found["random"].to_numpy(bool)).astype(np.int8),
            "hits": now[:, 0] - was[:, 0],
            "offences": now[:, 1] - was[:, 1],
        }
    )


def _findings(changes: pd.DataFrame, keys: Mapping[str, UInt64]) -> dict[str, Findings]:
    row = changes["row"].to_numpy()
    consignment = changes["consignment"].to_numpy().astype(np.uint64) + np.uint64(1)
    time = changes["time"].to_numpy()
    amounts = changes[list(_CHANGES)].to_numpy(np.int64)
    return {name: _of_kind(hashes[row], consignment, time, amounts) for name, hashes in keys.items()}


def _of_kind(hashes: UInt64, consignment: UInt64, time: Int64, amounts: Int64) -> Findings:
    """The findings of one kind of key: what its consignments change from not so to so, and back."""
    has_key = hashes > 0
    hashes, time, amounts = hashes[has_key], time[has_key], amounts[has_key]
    group = join(consignment[has_key], hashes)
    order = np.lexsort((time, group))
    group, time, hashes, amounts = group[order], time[order], hashes[order], amounts[order]

    new_group = _begins(group)
    starts = np.flatnonzero(new_group | _begins(time))
    new_group, time, hashes = new_group[starts], time[starts], hashes[starts]
    lines_so = np.cumsum(np.add.reduceat(amounts, starts, axis=0), axis=0) if len(starts) else amounts
    so_before = np.zeros_like(lines_so)
    so_before[1:] = lines_so[:-1]
    base = so_before[new_group][np.cumsum(new_group) - 1]
    now, was = lines_so - base > 0, (so_before - base > 0) & ~new_group[:, None]
    change = now.astype(np.int8) - was.astype(np.int8)

    parts = []
    for place, count in enumerate(_COUNT):
        at = np.flatnonzero(change[:, place])
        signs, dated = change[at, place], time[at].copy()
        back = np.flatnonzero(signs < 0)
        dated[back] = time[at[back - 1]]  # in a group, +1 and -1 take turns
        parts.append(Findings(time[at], hashes[at], np.full(len(at), count), signs, dated))
    return _in_time_order(parts)


def _begins(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    begins = np.ones(len(values), bool)
    begins[1:] = values[1:] != values[:-1]
    return begins


def _in_time_order(parts: list[Findings]) -> Findings:
    time = np.concatenate([part.time for part in parts])
    order = np.argsort(time, kind="stable")
    return Findings(
        time[order],
        np.concatenate([part.hashes for part in parts])[order],
        np.concatenate([part.count for part in parts])[order],
        np.concatenate([part.change for part in parts])[order],
        np.concatenate([part.dated for part in parts])[order],
    )


def _difference(after: Findings, less: Findings, since: int) -> Findings:
    def later(part: Findings, sign: int) -> Findings:
        at = part.time >= since
        change = (part.change[at] * sign).astype(np.int8)
        return Findings(part.time[at], part.hashes[at], part.count[at], change, part.dated[at])

    return _in_time_order([later(after, 1), later(less, -1)])
