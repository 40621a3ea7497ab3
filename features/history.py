"""The fold: what was known about a key just before each event, in one pass over time-ordered events.

    fold(state, events) -> what each filing could see, and the state afterwards

Two kinds of event exist: a consignment line is *filed*, an inspection outcome is *recorded*. For each key
(a consignee, a lane, an HS heading, ...) the state is a short vector of whole numbers and decayed sums. A
filing sees only what is strictly earlier: an event waits in the `pending` half of its key's state until a
later time arrives, so equal times do not see each other and their order cannot change a result. Everything
that waits is a whole number, and a decayed sum grows by (number pending) x 2^(t / half-life), so the same
events in any cut give the same bits.

This module knows no names, tables or models: integers in, numbers out.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from risk.errors import HistoryError

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
UInt64 = NDArray[np.uint64]

DAY_US: Final = 86_400_000_000
HALF_LIVES_DAYS: Final = (30.0, 180.0)
DECAY_ORIGIN_US: Final = 1_577_836_800_000_000
"""2020-01-01 UTC. Weights are 2^((t - origin) / half-life): with 30 days float64 holds 84 years each way."""
NEVER: Final = np.iinfo(np.int64).min
FIXED_POINT: Final = 4096
"""Measurements are kept as whole multiples of 1/4096, so that their sums are exact in any order."""
NO_MEASUREMENT: Final = np.iinfo(np.int32).min

COUNTS: Final = ("filings", "inspections", "random_inspections", "hits", "offences")
MEASUREMENTS: Final = ("weight", "value")
DECAYED: Final = (("filings", 0), ("filings", 1), ("inspections", 1), ("hits", 1), ("offences", 1))
"""Which counts are also kept as decayed sums, and at which half-life (index into HALF_LIVES_DAYS)."""

N_COUNTS: Final = len(COUNTS)
N_TOTALS: Final = N_COUNTS + 3 * len(MEASUREMENTS)  # each measurement: n, sum, sum of squares
FIRST_TOTAL: Final = 3  # after: time of the last change, last filing, last hit
FIRST_PENDING: Final = FIRST_TOTAL + N_TOTALS
N_INTEGERS: Final = FIRST_PENDING + N_TOTALS
N_SUMS: Final = len(DECAYED)

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


@dataclass
class KeyState:
    """The state of all keys of one kind. Row i of both arrays belongs to the key with hash `hashes[i]`."""

    hashes: UInt64 = field(default_factory=lambda: np.empty(0, np.uint64))
    integers: Int64 = field(default_factory=lambda: np.empty((0, N_INTEGERS), np.int64))
    sums: Float64 = field(default_factory=lambda: np.empty((0, N_SUMS), np.float64))

    def slots(self, hashes: UInt64) -> NDArray[np.int64]:
        """The row of each hash (0 means no key: -1), growing the state by the hashes not seen before."""
        codes, unique = pd.factorize(hashes)
        known = pd.Index(self.hashes).get_indexer(pd.Index(unique)) if len(self.hashes) else None
        slots = np.full(len(unique), -1, np.int64) if known is None else known.astype(np.int64)
        new = (slots < 0) & (unique != 0)
        count = int(new.sum())
        if count:
            slots[new] = np.arange(len(self.hashes), len(self.hashes) + count)
            fresh = np.zeros((count, N_INTEGERS), np.int64)
            fresh[:, :FIRST_TOTAL] = NEVER
            self.hashes = np.concatenate([self.hashes, unique[new]])
            self.integers = np.concatenate([self.integers, fresh])
            self.sums = np.concatenate([self.sums, np.zeros((count, N_SUMS))])
        return slots[codes]

    def subset(self, hashes: UInt64) -> KeyState:
        """The part of the state that the given hashes need."""
        found = np.isin(self.hashes, hashes)
        return KeyState(self.hashes[found], self.integers[found], self.sums[found])


@dataclass
class State:
    """History as of a moment: one `KeyState` for each kind of key.

    `as_of` is the time (microseconds since 1970, UTC) of the latest event folded in. Only events at that
    time or later may follow.
    """

    keys: dict[str, KeyState] = field(default_factory=dict)
    as_of: int = int(NEVER)


@dataclass(frozen=True)
class Events:
    """Events in time order; arrays of one length n. `features.events` makes them.

    time          int64, microseconds since 1970 UTC, not decreasing
    reader        int64, the output row that this event reads its history into, or -1
    counts        int8 (n, 5), what the event adds to COUNTS
    measurements  int32 (n, 2), weight and value in fixed point, or NO_MEASUREMENT
    keys          uint64 hash of each kind of key, 0 where the line has none
    """

    time: Int64
    reader: Int64
    counts: NDArray[np.int8]
    measurements: NDArray[np.int32]
    keys: Mapping[str, UInt64]

    @property
    def readers(self) -> int:
        """How many output rows the events read."""
        return int((self.reader >= 0).sum())


def fold(state: State, events: Events, *, threads: int = 1) -> tuple[dict[str, Float64], State]:
    """Fold the events into the history and return what every reading event saw.

    Returns for each kind of key a float64 array (readers, len(READS)), and the state afterwards. The state
    given is taken over and must not be used again. With several threads each kind of key is folded on its
    own; the result is the same bit for bit.

    Raises HistoryError when an event is earlier than what the state already holds: its reader would see
    the future.
    """
    if len(events.time) == 0:
        return {name: np.empty((0, len(READS))) for name in events.keys}, state
    if events.time[0] < state.as_of:
        first, known = pd.Timestamp(events.time[0], unit="us"), pd.Timestamp(state.as_of, unit="us")
        raise HistoryError(
            f"an event of {first} UTC comes after history as of {known} UTC; fold it in time order, or use a "
            "history that ends before it"
        )
    for name in events.keys:
        state.keys.setdefault(name, KeyState())

    def fold_one(name: str) -> Float64:
        key = state.keys[name]
        slots = key.slots(events.keys[name])
        seen = np.empty((events.readers, len(READS)))
        _fold_key(
            events.time,
            events.reader,
            events.counts,
            events.measurements,
            slots,
            key.integers,
            key.sums,
            seen,
        )
        return seen

    with ThreadPoolExecutor(max(1, threads)) as pool:
        reads = dict(zip(events.keys, pool.map(fold_one, events.keys), strict=True))
    state.as_of = int(events.time[-1])
    return reads, state


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _weight(time: int, half_life: float) -> float:
    return 2.0 ** ((time - DECAY_ORIGIN_US) / (half_life * DAY_US))  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fold_key(time, reader, counts, measurements, slots, integers, sums, seen):  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0915
    total = np.empty(N_TOTALS, np.int64)
    decayed = np.empty(N_SUMS, np.float64)
    for e in range(len(time)):
        slot = slots[e]
        out = reader[e]
        if slot < 0:
            if out >= 0:
                seen[out, :] = np.nan
            continue
        t = time[e]
        last = integers[slot, 0]
        settled = t > last  # what is pending belongs to an earlier time and may be seen

        if out >= 0:
            for i in range(N_TOTALS):
                total[i] = integers[slot, FIRST_TOTAL + i]
                if settled:
                    total[i] += integers[slot, FIRST_PENDING + i]
            for d in range(N_SUMS):
                decayed[d] = sums[slot, d]
            if settled and last != NEVER:
                _settle(decayed, integers, slot, last)
            for d in range(N_SUMS):
                half = HALF_LIVES_DAYS[_HALF_LIFE[d]]
                decayed[d] = max(decayed[d] / _weight(t, half), 0.0)
            last_filing = integers[slot, 1]
            last_hit = integers[slot, 2]
            if settled and integers[slot, FIRST_PENDING] > 0:
                last_filing = last
            if settled and integers[slot, FIRST_PENDING + 3] > 0:
                last_hit = last
            for i in range(N_COUNTS):
                seen[out, i] = max(total[i], 0)
            for d in range(N_SUMS):
                seen[out, N_COUNTS + d] = decayed[d]
            at = N_COUNTS + N_SUMS
            seen[out, at] = np.nan if last_filing == NEVER else (t - last_filing) / DAY_US
            seen[out, at + 1] = np.nan if last_hit == NEVER else (t - last_hit) / DAY_US
            for m in range(2):
                n = total[N_COUNTS + 3 * m]
                seen[out, at + 2 + 3 * m] = n
                seen[out, at + 3 + 3 * m] = np.nan
                seen[out, at + 4 + 3 * m] = np.nan
                if n > 0:
                    mean = total[N_COUNTS + 3 * m + 1] / n
                    spread = total[N_COUNTS + 3 * m + 2] / n - mean * mean
                    seen[out, at + 3 + 3 * m] = mean / FIXED_POINT
                    seen[out, at + 4 + 3 * m] = np.sqrt(max(spread, 0.0)) / FIXED_POINT

        changes = False
        for i in range(N_COUNTS):
            changes = changes or counts[e, i] != 0
        if not changes:
            continue
        if settled:
            if last != NEVER:
                _settle(sums[slot], integers, slot, last)
            if integers[slot, FIRST_PENDING] > 0:
                integers[slot, 1] = last
            if integers[slot, FIRST_PENDING + 3] > 0:
                integers[slot, 2] = last
            for i in range(N_TOTALS):
                integers[slot, FIRST_TOTAL + i] += integers[slot, FIRST_PENDING + i]
                integers[slot, FIRST_PENDING + i] = 0
            integers[slot, 0] = t
        for i in range(N_COUNTS):
            integers[slot, FIRST_PENDING + i] += counts[e, i]
        for m in range(2):
            x = np.int64(measurements[e, m])
            if x != NO_MEASUREMENT:
                at = FIRST_PENDING + N_COUNTS + 3 * m
                integers[slot, at] += 1
                integers[slot, at + 1] += x
                integers[slot, at + 2] += x * x


_COUNT_OF: Final = tuple(COUNTS.index(name) for name, _ in DECAYED)
_HALF_LIFE: Final = tuple(index for _, index in DECAYED)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _settle(decayed, integers, slot, last):  # type: ignore[no-untyped-def]
    for d in range(N_SUMS):
        pending = integers[slot, FIRST_PENDING + _COUNT_OF[d]]
        if pending != 0:
            decayed[d] += pending * _weight(last, HALF_LIVES_DAYS[_HALF_LIFE[d]])
