"""The fold: what was known about a key just before each event, in one pass over time-ordered events.

    fold(state, events) -> what each filing could see, and the state afterwards

Two kinds of event exist: a consignment line is *filed*, an inspection finding is *recorded*. For each key
(a consignee, a lane, an HS heading, ...) the state is a short row of whole numbers. A filing sees only what
is strictly earlier: what happens at one time waits in the pending half of the row until a later time comes,
so equal times do not see each other and their order cannot change a result.

A decayed sum is a whole number too. With x = time / half-life, an event weighs 2^(x - floor(x)) in units of
2^-32, and when the whole part of x moves on, the sum is shifted right by as many places. Whole numbers add
up the same in any order, and two shifts are the same as one, so any cut of the events into batches gives the
same bits; nothing overflows, in a thousand years or before a billion events a half-life.

This module knows no names, tables or models: integers in, numbers out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from features.state import (
    COUNTS,
    DECAYED,
    FIXED_POINT,
    HALF_LIVES_DAYS,
    LAST,
    LAST_FILING,
    LAST_HIT,
    MEASUREMENTS,
    MEASURES,
    N_COUNTS,
    N_DECAYED,
    N_TOTALS,
    NEVER,
    NO_MEASUREMENT,
    PENDING,
    SUMS,
    TOTALS,
    WIDTH,
    KeyState,
    Layer,
    State,
)
from risk.errors import HistoryError

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
UInt64 = NDArray[np.uint64]

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


@dataclass(frozen=True)
class Filings:
    """Lines filed, in time order; arrays of one length n.

    time          int64, microseconds since 1970 UTC, not decreasing
    reader        int64, the output row that this line reads its history into, or -1
    measurements  int32 (n, 2), the weight and value it adds, in fixed point, or NO_MEASUREMENT
    keys          for each kind of key uint64 hashes, 0 where the line has none
    counted       for each kind of key whether the line adds a filing to its key
    """

    time: Int64
    reader: Int64
    measurements: NDArray[np.int32]
    keys: Mapping[str, UInt64]
    counted: Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Findings:
    """Changes of the counts of one kind of key by what inspections found, in time order; arrays of length m.

    time    int64, when the change became known, microseconds
    hashes  uint64, the key it belongs to
    count   int8, which of COUNTS
    change  int8, +1, or -1 for one that is taken back
    dated   int64, from when on it decays: `time`, or for one taken back the time when it was added
    """

    time: Int64
    hashes: UInt64
    count: NDArray[np.int8]
    change: NDArray[np.int8]
    dated: Int64


@dataclass(frozen=True)
class Events:
    """What is folded: lines filed, and for each kind of key (or fewer) findings. `features.events` makes them."""

    filings: Filings
    findings: Mapping[str, Findings]

    @property
    def readers(self) -> int:
        """How many output rows the events read."""
        return int((self.filings.reader >= 0).sum())

    @property
    def span(self) -> tuple[int, int] | None:
        """The earliest and the latest time, None when there is no event."""
        times = [part for part in (self.filings.time, *(f.time for f in self.findings.values())) if len(part)]
        return (int(min(t[0] for t in times)), int(max(t[-1] for t in times))) if times else None


NO_FINDINGS: Final = Findings(
    np.empty(0, np.int64), np.empty(0, np.uint64), np.empty(0, np.int8), np.empty(0, np.int8), np.empty(0, np.int64)
)


def fold(state: State, events: Events, *, threads: int = 1) -> tuple[dict[str, Float64], State]:
    """Fold the events into the history and return what every reading line saw.

    Returns for each kind of key a float64 array (readers, len(READS)), and the state afterwards. The state
    given stays as it is. With several threads each kind of key is folded on its own; the result is the same
    bit for bit.

    Raises HistoryError when an event is earlier than what the state already holds: its reader would see
    the future.
    """
    reads: dict[str, Float64] = {}
    keys: dict[str, KeyState] = dict(state.keys)
    for name, seen, key in fold_each(state, events, threads=threads):
        reads[name], keys[name] = seen, key
    span = events.span
    return reads, State(keys, state.as_of if span is None else max(state.as_of, span[1]))


def fold_each(state: State, events: Events, *, threads: int = 1) -> Iterator[tuple[str, Float64, KeyState]]:
    """Like `fold`, one kind of key after the other: name, what was seen of it, its state afterwards.

    At most `threads` kinds are in memory at a time. Raises HistoryError as `fold` does, before the first.
    """
    span = events.span
    if span is not None and span[0] < state.as_of:
        first, known = pd.Timestamp(span[0], unit="us"), pd.Timestamp(state.as_of, unit="us")
        raise HistoryError(
            f"an event of {first} UTC comes after history as of {known} UTC; fold it in time order, or use a "
            "history that ends before it"
        )
    weights = _weights(events.filings.time)
    names = list(events.filings.keys)

    def one(name: str) -> tuple[str, Float64, KeyState]:
        return name, *_fold_kind(state.key(name), events, name, weights)

    if threads <= 1:
        yield from map(one, names)
        return
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(names), threads):
            yield from pool.map(one, names[start : start + threads])


def _fold_kind(key: KeyState, events: Events, name: str, weights: Int64) -> tuple[Float64, KeyState]:
    filings, findings = events.filings, events.findings.get(name, NO_FINDINGS)
    seen = np.empty((events.readers, len(READS)))
    codes, unique = pd.factorize(np.concatenate([filings.keys[name], findings.hashes]))
    order = np.argsort(unique)
    places = np.empty(len(unique), np.int64)
    places[order] = np.arange(len(unique))
    hashes = unique[order]
    if len(hashes) and hashes[0] == 0:  # no such key
        hashes, places = hashes[1:], places - 1
    slots = places[codes]
    rows = key.rows(hashes)
    _fold_key(
        filings.time,
        filings.reader,
        filings.measurements,
        filings.counted[name],
        weights,
        slots[: len(filings.time)],
        findings.time,
        slots[len(filings.time) :],
        findings.count,
        findings.change,
        findings.dated,
        rows,
        seen,
    )
    return seen, key.replaced(Layer(hashes, rows))


def compiled(function: Any) -> Any:
    """The function compiled to machine code, kept on disk, running without the interpreter's lock."""
    return njit(cache=True, nogil=True, error_model="numpy")(function)


@compiled
def _weight(time, half_life):  # type: ignore[no-untyped-def]
    part = time - (time // half_life) * half_life
    return np.int64(2.0 ** (part / half_life) * _UNIT + 0.5)


@compiled
def _weights(time):  # type: ignore[no-untyped-def]
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
def _fold_key(  # type: ignore[no-untyped-def]
    time, reader, measurements, counted, weights, slots, f_time, f_slot, f_count, f_change, f_dated, rows, seen
):
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
