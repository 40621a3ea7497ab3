"""From tables of consignments and outcomes to the events of the fold.

A line is *filed* at `filed_at`. Only version 1 counts as a filing; an amendment reads history without adding
to it (and sees its own first version as an earlier consignment). A key counts consignments, not lines: where
several lines of a consignment share a key, the line filed first carries the count, the others carry none.
What was measured, weight per package and value per kilogram, is added by every line of version 1.

Outcomes become findings in `features.findings`. Knows tables; knows nothing of state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.columns import Lines, filing_times
from features.findings import make_findings
from features.history import Events, Filings
from features.keys import join, row_keys
from features.measurements import measurements
from features.party_links import PartyLinks
from risk.inspection import Target

UInt64 = NDArray[np.uint64]


@dataclass(frozen=True)
class Context:
    """What was folded before and the new lines and outcomes may belong to: lines, and outcomes if any.

    Needed are only those of the consignments that the new lines and outcomes name; more does no harm.
    """

    lines: pd.DataFrame
    outcomes: pd.DataFrame | None = None


def make_events(
    lines: Lines,
    outcomes: pd.DataFrame | None = None,
    target: Target | None = None,
    *,
    context: Context | None = None,
    reads: NDArray[np.bool_] | None = None,
    links: PartyLinks | None = None,
) -> Events:
    """The events of the lines filed and the outcomes recorded, in time order.

    `outcomes` may point at `lines` or at lines of the context; those that point at neither are left out
    (`features.findings.unknown_outcomes` tells which). `reads` marks the lines that read their history, all
    of them by default: line i of those marked, in table order, reads into output row i. `links` says which keys are
    of one party, and from when.

    Raises InputError for a line without `filed_at`.
    """
    n = len(lines)
    keys = lines.once("keys", row_keys)
    time = filing_times(lines.frame)
    reader = np.arange(n) if reads is None else np.where(reads, np.cumsum(reads) - 1, -1)
    first_version = lines.integer("version") == 1
    measured = lines.once("measurements", measurements)

    earlier = lines.frame.iloc[:0] if context is None else _named(context.lines, lines.frame, outcomes)
    earlier_keys = row_keys(Lines(earlier)) if len(earlier) else {name: values[:0] for name, values in keys.items()}
    counted = _counted(lines, time, first_version, keys, Lines(earlier), earlier_keys)

    order = np.argsort(time, kind="stable")
    filings = Filings(
        time=time[order],
        reader=reader[order].astype(np.int64),
        measurements=measured[order],
        enters=first_version[order],
        keys={name: values[order] for name, values in keys.items()},
        counted={name: values[order] for name, values in counted.items()},
        others={}
        if links is None
        else links.others({name: values[order] for name, values in keys.items()}, time[order]),
    )
    before = None
    if context is not None and context.outcomes is not None:
        before = _named(context.outcomes, lines.frame, outcomes)
        outcomes = before.iloc[:0] if outcomes is None else outcomes
    if outcomes is None or (len(outcomes) == 0 and (before is None or len(before) == 0)):
        return Events(filings, {})
    known = pd.concat([earlier, lines.frame], ignore_index=True) if len(earlier) else lines.frame
    known_keys = {name: np.concatenate([earlier_keys[name], values]) for name, values in keys.items()}
    return Events(
        filings,
        make_findings(known, known_keys, outcomes, target or Target(), earlier=len(earlier), before=before),
    )


def _named(table: pd.DataFrame, lines: pd.DataFrame, outcomes: pd.DataFrame | None) -> pd.DataFrame:
    """The rows of a table of the context that belong to the consignments of the new lines and outcomes."""
    named = lines["consignment_id"]
    if outcomes is not None:
        named = pd.concat([named, outcomes["consignment_id"]])
    return table[table["consignment_id"].isin(named)]


def _counted(
    lines: Lines,
    time: NDArray[np.int64],
    first_version: NDArray[np.bool_],
    keys: Mapping[str, UInt64],
    earlier: Lines,
    earlier_keys: Mapping[str, UInt64],
) -> dict[str, NDArray[np.bool_]]:
    """For each kind of key, which lines of version 1 are the first of their consignment with their key."""
    whole = np.concatenate([earlier.frame["consignment_id"].to_numpy(), lines.frame["consignment_id"].to_numpy()])
    consignment = pd.factorize(whole)[0]
    of_version_1 = np.concatenate([earlier.integer("version") == 1, first_version])
    several = of_version_1 & (np.bincount(consignment[of_version_1], minlength=len(whole) + 1)[consignment] > 1)
    rows = np.flatnonzero(several)
    if len(rows) == 0:
        return dict.fromkeys(keys, first_version)
    when = np.concatenate([np.full(len(earlier), np.iinfo(np.int64).min), time])
    rows = rows[np.argsort(when[rows], kind="stable")]
    counted = {}
    for name, values in keys.items():
        hashes = np.concatenate([earlier_keys[name], values])[rows]
        again = pd.Series(join(consignment[rows].astype(np.uint64) + np.uint64(1), hashes)).duplicated().to_numpy()
        mask = of_version_1.copy()
        mask[rows[again]] = False
        counted[name] = mask[len(earlier) :]
    return counted
