"""The state of history: for each key one short row of whole numbers, and all rows as of a moment.

Owns the keeping of rows. A state is a value: nothing here or in `features.history` ever changes one, the fold
returns a new state that shares what did not change. So a caller may keep an old state, score against it twice,
or throw the new one away. What a row holds is the matter of `features.row`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.row import BASE, COUNTED, COUNTS, LAST, NEVER, fresh_rows
from features.slots import merge

Int64 = NDArray[np.int64]
UInt64 = NDArray[np.uint64]


@dataclass(frozen=True)
class Layer:
    """Keys and their rows: `hashes` ascending, each once; row i of `rows` (n, words) belongs to hash i."""

    hashes: UInt64
    rows: Int64

    def __len__(self) -> int:
        return len(self.hashes)

    def take(self, hashes: UInt64, into: Int64) -> None:
        """Write the rows of those hashes that are here into `into`, one row a hash."""
        places = np.searchsorted(self.hashes, hashes)
        places[places == len(self)] = 0
        found = np.flatnonzero(self.hashes[places] == hashes)
        into[found] = self.rows[places[found]]


EMPTY: Layer = Layer(np.empty(0, np.uint64), fresh_rows(0))


@dataclass(frozen=True)
class KeyState:
    """The state of all keys of one kind.

    The rows lie in layers, the oldest and largest first; a key's row in a later layer replaces an earlier one.
    Writing a few keys adds a small layer, and layers merge as they grow alike, so that a lookup or a change of
    one key among millions stays a matter of microseconds and no change copies everything.

    `open` holds what happened to keys at the time `open_time`, the last one folded. It is not in the rows yet:
    another event of that time may follow and must not see it.
    """

    layers: tuple[Layer, ...] = ()
    open: Layer = EMPTY
    open_time: int = int(NEVER)

    @staticmethod
    def of(hashes: UInt64, rows: Int64, open_time: int = int(NEVER)) -> KeyState:
        """The state that holds these rows (n, 2 x words) as `rows` gives them, in any order; each hash once."""
        if len(hashes) == 0:
            return KeyState()
        order = np.argsort(hashes, kind="stable")
        words = rows.shape[1] // 2
        settled, waiting = np.ascontiguousarray(rows[order, :words]), np.ascontiguousarray(rows[order, words:])
        has = _touched(waiting)
        opened = Layer(hashes[order][has], waiting[has])
        return KeyState((Layer(hashes[order], settled),), opened, open_time if len(opened) else int(NEVER))

    def rows(self, hashes: UInt64, words: int | None = None) -> Int64:
        """What is kept of each hash, fresh for a key never seen: its row, and behind it what is open (n, 2 x words)."""
        words = words or self.words or BASE
        waiting = fresh_rows(len(hashes), words)
        if len(self.open):
            self.open.take(hashes, waiting)
        return np.concatenate([self.settled(hashes, words), waiting], axis=1)

    def settled(self, hashes: UInt64, words: int) -> Int64:
        """The row of each hash (a copy), a fresh one for a key never seen; quickest when hashes ascend."""
        rows = fresh_rows(len(hashes), words)
        for layer in self.layers:
            layer.take(hashes, rows)
        return rows

    @property
    def words(self) -> int:
        """The words of a row, 0 when there is none."""
        return next((layer.rows.shape[1] for layer in (*self.layers, self.open) if len(layer)), 0)

    def replaced(self, newer: Layer) -> KeyState:
        """This state with the rows of `newer` in place of its own."""
        if len(newer) == 0:
            return self
        layers = [*self.layers, newer]
        while len(layers) > 1 and 2 * len(layers[-1]) >= len(layers[-2]):
            layers[-2:] = [_merged(layers[-2], layers[-1])]
        return KeyState(tuple(layers), self.open, self.open_time)

    def compact(self) -> Layer:
        """All keys and their rows in one layer, without what is open."""
        whole = EMPTY
        for layer in self.layers:
            whole = _merged(whole, layer) if len(whole) else layer
        return whole

    def __len__(self) -> int:
        """How many keys have a row or something open (keys in several layers are counted once)."""
        return len(np.union1d(self.compact().hashes, self.open.hashes))


@dataclass(frozen=True)
class State:
    """History as of a moment: one `KeyState` for each kind of key.

    `as_of` is the time (microseconds since 1970, UTC) of the latest event folded in. Only events at that
    time or later may follow.
    """

    keys: Mapping[str, KeyState] = field(default_factory=dict)
    as_of: int = int(NEVER)

    def key(self, name: str) -> KeyState:
        """The state of one kind of key, empty when none was seen."""
        return self.keys.get(name, KeyState())

    def evict(self, before: datetime) -> State:
        """This history without the keys to which nothing has happened since `before` and that were never inspected.

        A later filing sees such a key as one that was never seen; what it sees of any other key stays the same bit
        for bit. Keys that were inspected stay however old they are: they are few, they are what history is for, and
        a later correction must still find the outcome that it corrects.
        """
        moment = pd.Timestamp(before)
        if moment.tzinfo is None:
            raise ValueError(f"`before` needs a time zone: {before}")
        since = int(moment.as_unit("us").asm8.astype(np.int64))  # `value` would be in nanoseconds
        return State({name: _evicted(key, since) for name, key in self.keys.items()}, self.as_of)


_OUTCOMES: int = COUNTED + COUNTS.index("inspections") // 2


def _evicted(key: KeyState, since: int) -> KeyState:
    whole = key.compact()
    inspected = whole.rows[:, _OUTCOMES] >> 32 != 0
    keep = inspected | (whole.rows[:, LAST] >= since) | np.isin(whole.hashes, key.open.hashes)
    if keep.all():
        return key
    kept = Layer(whole.hashes[keep], whole.rows[keep])
    return KeyState((kept,) if len(kept) else (), key.open, key.open_time)


def _touched(rows: Int64) -> NDArray[np.bool_]:
    return np.asarray((rows[:, LAST] != NEVER) | (rows[:, COUNTED:] != 0).any(axis=1))


def _merged(older: Layer, newer: Layer) -> Layer:
    return Layer(*merge(older.hashes, older.rows, newer.hashes, newer.rows))
