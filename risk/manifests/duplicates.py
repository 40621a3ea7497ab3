"""Remembers which records one reading has seen, in 16 bytes each, however many there are.

A record is known by a 64-bit hash: among ten million records the chance that two different ones are taken
for the same is below one in a hundred thousand.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk import layout
from risk.layout import Table

_LINE_BITS = 44
_LINE_MASK = (1 << _LINE_BITS) - 1


class Seen:
    """Hashes of records with the file and line of the first of each."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._runs: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []  # sorted, each longer than the next

    def firsts(
        self, frame: pd.DataFrame, table: Table, names: Sequence[str], file: str, lines: NDArray[np.int64]
    ) -> dict[int, tuple[str, int]]:
        """For each row that equals an earlier one in these columns the file and line of that one.

        The other rows are remembered.
        """
        if len(frame) == 0:
            return {}
        if not self._files or self._files[-1] != file:
            self._files.append(file)
        columns = {name: layout.column(frame, table, name).reset_index(drop=True) for name in names}
        hashes = pd.util.hash_pandas_object(pd.DataFrame(columns), index=False).to_numpy().astype(np.uint64)
        places = ((len(self._files) - 1) << _LINE_BITS) | lines
        unique, first = np.unique(hashes, return_index=True)
        within = first[np.searchsorted(unique, hashes)]
        before = np.where(within < np.arange(len(hashes)), places[within], -1)
        for known, known_places in self._runs:
            at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
            before = np.where(known[at] == hashes, known_places[at], before)
        new = before[first] < 0
        self._remember(unique[new], places[first[new]])
        repeated = np.flatnonzero(before >= 0).tolist()
        return {row: (self._files[int(before[row]) >> _LINE_BITS], int(before[row]) & _LINE_MASK) for row in repeated}

    def _remember(self, hashes: NDArray[np.uint64], places: NDArray[np.int64]) -> None:
        """Keep a sorted run; runs of like size are merged, so that there are never many."""
        if len(hashes) == 0:
            return
        while self._runs and len(self._runs[-1][0]) <= 2 * len(hashes):
            older, older_places = self._runs.pop()
            hashes, places = np.concatenate([older, hashes]), np.concatenate([older_places, places])
            order = np.argsort(hashes, kind="stable")
            hashes, places = hashes[order], places[order]
        self._runs.append((hashes, places))
