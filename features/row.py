"""The row of a key: what it remembers, how an event changes it and what a filing reads of it.

A row is short and holds whole numbers only. What happens at one time waits in its pending half until a later
time comes, so equal times do not see each other and their order cannot change a result.

A decayed sum is a whole number too. With x = time / half-life, an event weighs 2^(x - floor(x)) in units of
2^-32, and when the whole part of x moves on, the sum is shifted right by as many places. Whole numbers add
up the same in any order, and two shifts are the same as one, so any cut of the events into batches gives the
same bits; nothing overflows, in a thousand years or before a billion events a half-life.

Layout and compiled code stand in one file because the compiler's cache notices changes of this file only.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

Int64 = NDArray[np.int64]

COUNTS: Final = ("filings", "inspections", "random_inspections", "hits", "offences")
MEASUREMENTS: Final = ("weight", "value")
HALF_LIVES_DAYS: Final = (30, 180)
DECAYED: Final = (("filings", 0), ("filings", 1), ("inspections", 1), ("hits", 1), ("offences", 1))
"""Which counts are also kept as decayed sums, and at which half-life (index into HALF_LIVES_DAYS)."""

FIXED_POINT: Final = 4096
"""Measurements are kept as whole multiples of 1/4096, so that their sums are exact in any order."""
NO_MEASUREMENT: Final = np.iinfo(np.int32).min
NEVER: Final = np.iinfo(np.int64).min

# A row: the time of the last change, of the last filing and of the last hit (microseconds since 1970, UTC);
# then the totals: counts, for each measurement its n, sum and sum of squares, decayed sums; then the same
# once more for what happened exactly at the time of the last change and may not be seen before it has passed.
LAST: Final = 0
LAST_FILING: Final = 1
LAST_HIT: Final = 2
TOTALS: Final = 3
N_COUNTS: Final = len(COUNTS)
N_DECAYED: Final = len(DECAYED)
MEASURES: Final = N_COUNTS
SUMS: Final = N_COUNTS + 3 * len(MEASUREMENTS)
N_TOTALS: Final = SUMS + N_DECAYED
PENDING: Final = TOTALS + N_TOTALS
WIDTH: Final = PENDING + N_TOTALS


def fresh_rows(n: int) -> Int64:
    """Rows of keys that were never seen."""
    rows = np.zeros((n, WIDTH), np.int64)
    rows[:, :TOTALS] = NEVER
    return rows


READS: Final = (
    *COUNTS,
    "filings_30d",
    "filings_180d",
    "inspections_180d",
    "hits_180d",
    "offences_180d",
    "days_since_filing",
    "days_since_hit",
    "weight_n",
    "weight_mean",
    "weight_sd",
    "value_n",
    "value_mean",
    "value_sd",
)
"""What a filing reads of each of its keys, in order. Counts and sums are 0 for an unseen key; times and
measurements are NaN. All NaN when the line has no such key."""

_DAY_US: Final = 86_400_000_000
_HALF_LIVES_US: Final = tuple(days * _DAY_US for days in HALF_LIVES_DAYS)
_UNIT: Final = 2.0**32
_COUNT_OF: Final = tuple(COUNTS.index(name) for name, _ in DECAYED)
_HALF_LIFE: Final = tuple(index for _, index in DECAYED)
_FILINGS: Final = COUNTS.index("filings")
_HITS: Final = COUNTS.index("hits")
_N_MEASUREMENTS: Final = len(MEASUREMENTS)


def compiled(function: Any) -> Any:
    """The function compiled to machine code, kept on disk, running without the interpreter's lock."""
    return njit(cache=True, nogil=True, error_model="numpy")(function)


@compiled
def _weight(time, half_life):  # type: ignore[no-untyped-def]
    part = time - (time // half_life) * half_life
    return np.int64(2.0 ** (part / half_life) * _UNIT + 0.5)


@compiled
def weights_of(time):  # type: ignore[no-untyped-def]
    """What an event at each time weighs in each decayed sum: int64 (n, half-lives)."""
    weights = np.empty((len(time), len(_HALF_LIVES_US)), np.int64)
    for e in range(len(time)):
        for h in range(len(_HALF_LIVES_US)):
            weights[e, h] = _weight(time[e], _HALF_LIVES_US[h])
    return weights


@compiled
def _shift(value, half_life, since, now):  # type: ignore[no-untyped-def]
    return value >> min(now // half_life - since // half_life, 63)


@compiled
def _advance(row, time):  # type: ignore[no-untyped-def]
    """What waited in the row may be seen from now on, when `time` is later."""
    last = row[LAST]
    if time <= last:
        return
    if last != NEVER:
        if row[PENDING + _FILINGS] > 0:
            row[LAST_FILING] = last
        if row[PENDING + _HITS] > 0:
            row[LAST_HIT] = last
        for i in range(N_TOTALS):
            row[TOTALS + i] += row[PENDING + i]
            row[PENDING + i] = 0
        for d in range(N_DECAYED):
            half_life = _HALF_LIVES_US[_HALF_LIFE[d]]
            row[TOTALS + SUMS + d] = _shift(row[TOTALS + SUMS + d], half_life, last, time)
    row[LAST] = time


@compiled
def _read(row, time, weights, seen):  # type: ignore[no-untyped-def]
    for i in range(N_COUNTS):
        seen[i] = row[TOTALS + i]
    for d in range(N_DECAYED):
        seen[N_COUNTS + d] = row[TOTALS + SUMS + d] / weights[_HALF_LIFE[d]]
    at = N_COUNTS + N_DECAYED
    seen[at] = np.nan
    if row[LAST_FILING] != NEVER:
        seen[at] = (time - row[LAST_FILING]) / _DAY_US
    seen[at + 1] = np.nan
    if row[LAST_HIT] != NEVER and row[TOTALS + _HITS] > 0:
        seen[at + 1] = (time - row[LAST_HIT]) / _DAY_US
    for m in range(_N_MEASUREMENTS):
        n = row[TOTALS + MEASURES + 3 * m]
        seen[at + 2 + 3 * m] = n
        seen[at + 3 + 3 * m] = np.nan
        seen[at + 4 + 3 * m] = np.nan
        if n > 0:
            mean = row[TOTALS + MEASURES + 3 * m + 1] / n
            spread = row[TOTALS + MEASURES + 3 * m + 2] / n - mean * mean
            seen[at + 3 + 3 * m] = mean / FIXED_POINT
            seen[at + 4 + 3 * m] = np.sqrt(max(spread, 0.0)) / FIXED_POINT


@compiled
def _find(row, time, count, change, dated):  # type: ignore[no-untyped-def]
    _advance(row, time)
    row[PENDING + count] += change
    for d in range(N_DECAYED):
        if _COUNT_OF[d] == count:
            half_life = _HALF_LIVES_US[_HALF_LIFE[d]]
            row[PENDING + SUMS + d] += change * _shift(_weight(dated, half_life), half_life, dated, time)


@compiled
def _add(row, counted, measurements, weights):  # type: ignore[no-untyped-def]
    if counted:
        row[PENDING + _FILINGS] += 1
        for d in range(N_DECAYED):
            if _COUNT_OF[d] == _FILINGS:
                row[PENDING + SUMS + d] += weights[_HALF_LIFE[d]]
    for m in range(_N_MEASUREMENTS):
        x = np.int64(measurements[m])
        if x != NO_MEASUREMENT:
            row[PENDING + MEASURES + 3 * m] += 1
            row[PENDING + MEASURES + 3 * m + 1] += x
            row[PENDING + MEASURES + 3 * m + 2] += x * x


@compiled
def fold_key(  # type: ignore[no-untyped-def]
    time, reader, measurements, counted, weights, slots, f_time, f_slot, f_count, f_change, f_dated, rows, seen
):
    """Fold the filings (arrays as in `features.history.Filings`) and findings (`f_*`, as in `Findings`) of one
    kind of key into `rows`, and write what each reader saw into `seen` (readers, READS).

    `slots` and `f_slot` are the rows of their keys, -1 for none; `weights` are those of `weights_of(time)`.
    """
    scratch = np.empty(WIDTH, np.int64)
    f = 0
    for e in range(len(time)):
        t = time[e]
        while f < len(f_time) and f_time[f] <= t:
            _find(rows[f_slot[f]], f_time[f], f_count[f], f_change[f], f_dated[f])
            f += 1
        slot, out = slots[e], reader[e]
        if slot < 0:
            if out >= 0:
                seen[out, :] = np.nan
            continue
        row = rows[slot]
        if not counted[e] and measurements[e].max() == NO_MEASUREMENT:  # only reads: leaves the row as it is
            if out < 0:
                continue
            scratch[:] = row
            row = scratch
        _advance(row, t)
        if out >= 0:
            _read(row, t, weights[e], seen[out])
        _add(row, counted[e], measurements[e], weights[e])
    while f < len(f_time):
        _find(rows[f_slot[f]], f_time[f], f_count[f], f_change[f], f_dated[f])
        f += 1
