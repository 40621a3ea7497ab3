"""Numbers the versions of bills that are sent again, within one reading and after earlier ones.

Remembers 24 bytes for each version of each consignment. What earlier readings filed is looked up by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]

Filed = Callable[[Sequence[str]], pd.DataFrame]
"""Looks up what was filed in earlier readings: `consignment_id`, `version` and `filed_at` (UTC) of the versions of
some consignments, one row each."""


class Versions:
    """Counts the versions of a consignment up, one for each moment at which it was filed.

    The count goes on from what `filed` finds; without it each consignment begins with 1.
    """

    def __init__(self, filed: Filed | None = None) -> None:
        self._filed = filed
        self._runs: list[tuple[NDArray[np.uint64], Ints, Ints]] = []  # hash, filed_at, version; sorted by hash

    def number(self, ids: pd.Series[Any], filed: pd.Series[Any]) -> tuple[Ints, NDArray[np.bool_]]:
        """The version of each row, and which rows were filed before a version that was read earlier.

        Rows of one consignment filed at one moment are one version. Within a call versions follow `filed`.
        """
        if self._filed is not None:
            self._recall(ids)
        hashes, moments = _hashes(ids), _moments(filed)
        wanted, inverse = np.unique(hashes, return_inverse=True)
        latest, last = np.zeros(len(wanted), np.int64), np.full(len(wanted), np.iinfo(np.int64).min)
        known: dict[tuple[int, int], int] = {}
        for run, run_moments, run_versions in self._runs:
            low, high = np.searchsorted(run, wanted, "left"), np.searchsorted(run, wanted, "right")
            for place in np.flatnonzero(high > low).tolist():
                for at in range(int(low[place]), int(high[place])):
                    known[place, int(run_moments[at])] = int(run_versions[at])
                    latest[place] = max(latest[place], run_versions[at])
                    last[place] = max(last[place], run_moments[at])
        pairs, which = np.unique(np.stack([inverse, moments], axis=1), axis=0, return_inverse=True)
        numbers, new = np.zeros(len(pairs), np.int64), np.ones(len(pairs), np.bool_)
        if not known:
            starts = np.flatnonzero(np.diff(pairs[:, 0], prepend=-1))
            numbers = np.arange(len(pairs)) - np.repeat(starts, np.diff(np.append(starts, len(pairs)))) + 1
            late = np.zeros(len(pairs), np.bool_)
        else:
            late = pairs[:, 1] < last[pairs[:, 0]]
            for at, (place, moment) in enumerate(pairs.tolist()):
                if (place, moment) in known:
                    numbers[at], new[at] = known[place, moment], False
                else:
                    latest[place] += 1
                    numbers[at] = latest[place]
        self._remember(wanted[pairs[new, 0]], pairs[new, 1], numbers[new])
        which = which.reshape(-1)
        return numbers[which], (late & new)[which]

    def _recall(self, ids: pd.Series[Any]) -> None:
        """Remember the earlier versions of consignments that this reading has not met."""
        assert self._filed is not None
        distinct = pd.Series(ids.unique(), dtype="str")
        met = [np.isin(_hashes(distinct), run) for run, _, _ in self._runs]
        new = distinct[~np.logical_or.reduce(met)] if met else distinct
        if len(new):
            earlier = self._filed(new.tolist())
            order = np.argsort(_hashes(earlier["consignment_id"]), kind="stable")
            earlier = earlier.iloc[order]
            versions = earlier["version"].to_numpy().astype(np.int64)
            self._remember(_hashes(earlier["consignment_id"]), _moments(earlier["filed_at"]), versions)

    def _remember(self, hashes: NDArray[np.uint64], moments: Ints, versions: Ints) -> None:
        if len(hashes) == 0:
            return
        while self._runs and len(self._runs[-1][0]) <= 2 * len(hashes):
            older, older_moments, older_versions = self._runs.pop()
            hashes = np.concatenate([older, hashes])
            moments, versions = np.concatenate([older_moments, moments]), np.concatenate([older_versions, versions])
            order = np.argsort(hashes, kind="stable")
            hashes, moments, versions = hashes[order], moments[order], versions[order]
        self._runs.append((hashes, moments, versions))


def _hashes(ids: pd.Series[Any]) -> NDArray[np.uint64]:
    return pd.util.hash_pandas_object(ids, index=False).to_numpy().astype(np.uint64)


def _moments(filed: pd.Series[Any]) -> Ints:
    moments: Ints = filed.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    return moments
