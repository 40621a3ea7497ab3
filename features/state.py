"""The state of history: for each key one short row of whole numbers, and all rows as of a moment.

Owns the keeping of rows. A state is a value: nothing here or in `features.history`
ever changes one, the fold returns a new state that shares what did not change. So a caller may keep an old
state, score against it twice, or throw the new one away. What a row holds is the matter of
`features.row`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.row import NEVER, WIDTH, fresh_rows

Int64 = NDArray[np.int64]
UInt64 = NDArray[np.uint64]


@dataclass(frozen=True)
class Layer:
    """Keys and their rows: `hashes` ascending, each once; row i of `rows` (n, WIDTH) belongs to hash i."""

    hashes: UInt64
    rows: Int64

    def __len__(self) -> int:
        return len(self.hashes)


@dataclass(frozen=True)
class KeyState:
    """The state of all keys of one kind.

    The rows lie in layers, the oldest and largest first; a key's row in a later layer replaces an earlier
    one. Writing a few keys adds a small layer, and layers merge as they grow alike, so that a lookup or a
    change of one key among millions stays a matter of microseconds and no change copies everything.
    """

    layers: tuple[Layer, ...] = ()

    @staticmethod
    def of(hashes: UInt64, rows: Int64) -> KeyState:
        """The state that holds these rows, in any order; each hash once."""
        order = np.argsort(hashes, kind="stable")
        return KeyState((Layer(hashes[order], rows[order]),)) if len(hashes) else KeyState()

    def rows(self, hashes: UInt64) -> Int64:
        """The row of each hash (a copy), a fresh one for a key never seen."""
        rows = fresh_rows(len(hashes))
        for layer in self.layers:
            places = np.searchsorted(layer.hashes, hashes)
            places[places == len(layer)] = 0
            found = layer.hashes[places] == hashes
            rows[found] = layer.rows[places[found]]
        return rows

    def replaced(self, newer: Layer) -> KeyState:
        """This state with the rows of `newer` in place of its own."""
        if len(newer) == 0:
            return self
        layers = [*self.layers, newer]
        while len(layers) > 1 and 2 * len(layers[-1]) >= len(layers[-2]):
            layers[-2:] = [_merged(layers[-2], layers[-1])]
        return KeyState(tuple(layers))

    def compact(self) -> Layer:
        """All keys and their rows in one layer."""
        whole = Layer(np.empty(0, np.uint64), fresh_rows(0))
        for layer in self.layers:
            whole = _merged(whole, layer) if len(whole) else layer
        return whole


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


def _merged(older: Layer, newer: Layer) -> Layer:
    hashes = np.union1d(older.hashes, newer.hashes)
    rows = np.empty((len(hashes), WIDTH), np.int64)
    rows[np.searchsorted(hashes, older.hashes)] = older.rows
    rows[np.searchsorted(hashes, newer.hashes)] = newer.rows
    return Layer(hashes, rows)
