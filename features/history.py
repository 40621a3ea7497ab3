"""The fold: what was known about a key just before each event, in one pass over time-ordered events.

    fold(state, events) -> what each filing could see, and the state afterwards

Two kinds of event exist: a consignment line is *filed*, an inspection finding is *recorded*. For each key
(a consignee, a lane, an HS heading, ...) the state is a short row of whole numbers, `features.row`. A filing
sees only what is strictly earlier.

This module knows no names, tables or models: integers in, numbers out.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.row import (
    BASE,
    PROFILE,
    RATES,
    READS,
    block_of,
    clock_of,
    copied_columns,
    fold_key,
    fresh_rows,
    open_end,
    width,
)
from features.slots import ascending, number, renumber
from features.state import EMPTY, KeyState, Layer, State
from risk.errors import HistoryError

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
UInt64 = NDArray[np.uint64]


@dataclass(frozen=True)
class Kind:
    """How one kind of key is kept and read: what the fold needs to know of it.

    partner    the kind of key whose distinct values are counted for each key of this kind; None for no sketches
    measured   whether rows keep the moments of the measurements
    parent     the kind of key whose rates this one's lean on
    """

    partner: str | None = None
    measured: bool = False
    parent: str | None = None

    @property
    def words(self) -> int:
        """The length of a row."""
        return width(sketched=self.partner is not None, measured=self.measured)

    @property
    def places(self) -> tuple[int, int]:
        """Where in a row the sketches and the moments begin, 0 for none."""
        sketch = BASE if self.partner is not None else 0
        return sketch, width(sketched=sketch > 0, measured=False) if self.measured else 0


CHAPTERS: Final = "hs2"
"""The kind of key whose distinct values the second sketch counts."""


@dataclass(frozen=True)
class Others:
    """Other keys that each line reads along with its own: of line i, hashes[starts[i]:starts[i + 1]].

    starts  int64 (n + 1)
    hashes  uint64
    """

    starts: Int64
    hashes: UInt64


@dataclass(frozen=True)
class Filings:
    """Lines filed, in time order; arrays of one length n.

    time          int64, microseconds since 1970 UTC, not decreasing
    reader        int64, the output row that this line reads its history into, or -1
    measurements  int32 (n, 3), what is measured of the line, in fixed point, or NO_MEASUREMENT
    enters        whether the line enters history; an amendment only reads
    keys          for each kind of key uint64 hashes, 0 where the line has none
    counted       for each kind of key whether the line adds a filing to its key
    others        for kinds of key of a party, the other keys it is known by at the time of the line
    """

    time: Int64
    reader: Int64
    measurements: NDArray[np.int32]
    enters: NDArray[np.bool_]
    keys: Mapping[str, UInt64]
    counted: Mapping[str, NDArray[np.bool_]]
    others: Mapping[str, Others] = field(default_factory=dict)

    @cached_property
    def moments(self) -> tuple[Int64, Int64]:
        """The distinct times, and where the lines of each begin (and the end)."""
        begins = np.ones(len(self.time), bool)
        begins[1:] = self.time[1:] != self.time[:-1]
        starts = np.flatnonzero(begins)
        return self.time[starts], np.append(starts, len(self.time))

    @cached_property
    def clock(self) -> tuple[Any, ...]:
        """What `features.row.clock_of` says of each moment."""
        return tuple(clock_of(self.moments[0]))


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


@dataclass(frozen=True)
class Matrix:
    """Where features go: `out` float32 (readers, columns), and for each kind of key the column of each of PROFILE."""

    out: NDArray[np.float32]
    places: Mapping[str, Int64]


def fold(
    state: State, events: Events, kinds: Mapping[str, Kind], *, threads: int = 1
) -> tuple[dict[str, Float64], State]:
    """Fold the events into the history and return what every reading line saw.

    Returns for each kind of key a float64 array (readers, len(READS)), and the state afterwards. The state
    given stays as it is. With several threads each kind of key is folded on its own; the result is the same
    bit for bit.

    Raises HistoryError when an event is earlier than what the state already holds: its reader would see
    the future.
    """
    reads = {name: np.empty((events.readers, len(READS))) for name in kinds}
    return reads, _fold(state, events, kinds, reads, _NOWHERE, threads)


def fold_into(matrix: Matrix, state: State, events: Events, kinds: Mapping[str, Kind], *, threads: int = 1) -> State:
    """Like `fold`, but write the features of every reading line into the matrix; returns the state afterwards."""
    return _fold(state, events, kinds, {}, matrix, threads)


_NOWHERE: Final = Matrix(np.empty((0, 0), np.float32, order="F"), {})


def _fold(
    state: State, events: Events, kinds: Mapping[str, Kind], reads: Mapping[str, Float64], matrix: Matrix, threads: int
) -> State:
    span = events.span
    if span is None:
        return state
    if span[0] < state.as_of:
        first, known = pd.Timestamp(span[0], unit="us"), pd.Timestamp(state.as_of, unit="us")
        raise HistoryError(
            f"an event of {first} UTC comes after history as of {known} UTC; fold it in time order, or use a "
            "history that ends before it"
        )
    events.filings.clock  # noqa: B018  made once, before threads share it
    folded: dict[str, KeyState] = {}
    if threads <= 1:  # parents stand before their children; for a few lines a pool would take longer than the fold
        for name, kind in kinds.items():
            folded[name] = _fold_kind(state.key(name), events, name, kind, span[1], reads.get(name, _UNREAD), matrix)
        return State({**state.keys, **folded}, max(state.as_of, span[1]))
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        running: dict[Future[KeyState], str] = {}

        def start(parent: str | None) -> None:
            """Rates lean on those of the parent, so a kind of key begins when its parent is done."""
            for name, kind in kinds.items():
                if kind.parent == parent or (parent is None and kind.parent not in kinds):
                    given = (state.key(name), events, name, kind, span[1], reads.get(name, _UNREAD), matrix)
                    running[pool.submit(_fold_kind, *given)] = name

        start(None)
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                folded[name] = future.result()
                start(name)
    keys = {**state.keys, **{name: folded[name] for name in kinds}}
    return State(keys, max(state.as_of, span[1]))


_NO_OTHERS: Final = Others(np.empty(0, np.int64), np.empty(0, np.uint64))
_UNREAD: Final = np.empty((0, len(READS)))
_NO_PLACES: Final = np.full(len(PROFILE), -1, np.int64)


def _fold_kind(
    key: KeyState, events: Events, name: str, kind: Kind, end: int, seen: Float64, matrix: Matrix
) -> KeyState:
    filings, findings = events.filings, events.findings.get(name, NO_FINDINGS)
    n, m, others = len(filings.time), len(findings.time), filings.others.get(name, _NO_OTHERS)
    at_open = n + m + len(key.open)
    hashes = np.concatenate([filings.keys[name], findings.hashes, key.open.hashes, others.hashes])
    unique, slots = np.empty(len(hashes), np.uint64), np.empty(len(hashes), np.int32)
    unique = unique[: number(hashes, unique, slots)]
    order = ascending(unique)
    unique = unique[order]
    renumber(slots, order)
    rows = key.settled(unique, kind.words)
    times, starts = filings.moments
    partners = filings.keys[kind.partner] if kind.partner else filings.keys[name]
    lines = (filings.enters, filings.measurements, partners, filings.keys[CHAPTERS])
    found = (slots[n : n + m], findings.count, findings.change, findings.dated)
    places = matrix.places.get(name, _NO_PLACES)
    fold_key(
        starts, times, *filings.clock, filings.reader, filings.counted[name], *lines, slots[:n],
        others.starts, slots[at_open:], findings.time, *found,
        key.open_time, slots[n + m : at_open], key.open.rows, rows, end, *kind.places,
        seen, matrix.out, places, copied_columns(places), _rates_at(matrix.places.get(kind.parent or "", _NO_PLACES)),
        np.empty((1, kind.words), np.int64), np.empty((1, kind.words), np.int64), block_of(kind.words),
    )  # fmt: skip

    waiting = key.open if key.open_time == end else EMPTY
    begin, f_begin = (int(np.searchsorted(part, end)) for part in (filings.time, findings.time))
    last = hashes[begin:n], hashes[n + f_begin : n + m]
    ended = np.unique(np.concatenate([waiting.hashes, *last]))
    ended = ended[ended > 0]
    if len(others.hashes):  # rows that were only read, and may be new, are none to keep
        own = np.zeros(len(unique), bool)
        own[slots[:at_open][slots[:at_open] >= 0]] = True
        unique, rows = unique[own], rows[own]
    after = key.replaced(Layer(unique, rows))
    if len(ended) == 0:
        return KeyState(after.layers)
    open_rows = fresh_rows(len(ended), kind.words)
    if len(waiting):
        waiting.take(ended, open_rows)
    at, f_at = (np.where(part > 0, np.searchsorted(ended, part), -1) for part in last)
    open_end(
        *clock_of(np.array([end])), filings.counted[name][begin:], *(part[begin:] for part in lines), at,
        f_at, *(part[f_begin:] for part in found[1:]), open_rows, end, *kind.places,
    )  # fmt: skip
    return KeyState(after.layers, Layer(ended, open_rows), end)


def _rates_at(places: Int64) -> Int64:
    return places[[PROFILE.index(name) for name in RATES]]
