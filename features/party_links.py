"""Which keys are of one party, and from when: dated links, read together and kept apart.

A state keeps the history of every spelling of a party on its own. Which spellings are one party is judged later, and
judged again: so nothing is ever moved from one row to another, but a line reads the sum over the spellings that were
linked strictly before it was filed. A merge or a split judged today changes what lines see that are filed later, and
not a bit of what was seen before. Knows hashes and times; who judged, and why, is not its matter.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.history import Others

UInt64 = NDArray[np.uint64]
Int64 = NDArray[np.int64]

KINDS_OF_PARTY: Final = ("consignee", "shipper", "notify")
"""The kinds of key that are read by party. Keys made of several things (`pair`, `consignee_lane`) go by spelling."""


@dataclass(frozen=True)
class PartyLinks:
    """For each link the key of a spelling (as `features.keys.row_keys` gives it), its party, and since when.

    key    uint64 (n), the spelling
    party  uint64 (n), whatever names the party, such as the key of its first spelling
    since  int64 (n), microseconds since 1970 UTC: the link holds for lines filed later, until a later link of the
           same spelling; of two links of one time the last one stands

    A spelling without a link is its own party: the one that its own key names. So a split is a link to its own key.
    """

    key: UInt64
    party: UInt64
    since: Int64

    def others(self, keys: Mapping[str, UInt64], time: Int64) -> dict[str, Others]:
        """For each kind of key of a party the other keys that each line reads, as linked before `time` (ascending)."""
        return {name: self._others(keys[name], time) for name in KINDS_OF_PARTY if name in keys and len(self.key)}

    def together(self, hashes: UInt64) -> UInt64:
        """These keys and all that were ever of one party with any of them: ascending, what a state must hold."""
        parties = np.union1d(self.party[np.isin(self.key, hashes)], hashes)
        whole = np.concatenate([hashes, self.key[np.isin(self.party, parties)], np.intersect1d(parties, self._named)])
        return np.unique(whole)

    @cached_property
    def _named(self) -> UInt64:
        return np.union1d(self.key, self.party)

    @cached_property
    def _moments(self) -> list[int]:
        return sorted(set(self.since.tolist()))

    @cached_property
    def _groups(self) -> list[dict[int, tuple[int, ...]]]:
        """After each number of moments: the other keys of each key that has any."""
        party: dict[int, int] = {}
        after: list[dict[int, tuple[int, ...]]] = [{}]
        order = np.argsort(self.since, kind="stable").tolist()
        place = 0
        for moment in self._moments:
            while place < len(order) and self.since[order[place]] == moment:
                party[int(self.key[order[place]])] = int(self.party[order[place]])
                place += 1
            members: dict[int, list[int]] = {}
            for key in sorted({*party, *party.values()}):
                members.setdefault(party.get(key, key), []).append(key)
            after.append({key: tuple(o for o in group if o != key) for group in members.values() for key in group})
        return after

    def _others(self, hashes: UInt64, time: Int64) -> Others:
        counts = np.zeros(len(hashes), np.int64)
        found: list[int] = []
        for line in np.flatnonzero(np.isin(hashes, self._named) & (hashes > 0)).tolist():
            group = self._groups[bisect_left(self._moments, int(time[line]))].get(int(hashes[line]), ())
            counts[line] = len(group)
            found.extend(group)
        return Others(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), np.array(found, np.uint64))
