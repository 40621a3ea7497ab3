"""The fold: what was known about a key just before each event, in one pass over time-ordered events.

    fold(state, events) -> what each filing could see, and the state afterwards

Two kinds of event exist: a consignment line is *filed*, an inspection finding is *recorded*. For each key
(a consignee, a lane, an HS heading, ...) the state is a short row of whole numbers, `features.row`. A filing
sees only what is strictly earlier.

This module knows no names, tables or models: integers in, numbers out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.row import READS, fold_key, weights_of
from features.state import KeyState, Layer, State
from risk.errors import HistoryError

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
UInt64 = NDArray[np.uint64]


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
    weights = weights_of(events.filings.time)
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
    fold_key(
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
