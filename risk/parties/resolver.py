"""All parties known, and the answer to one question: which of them is this one?

`Parties` holds mentions, links, clusters and an index of keys. Looking up one new name compares it with at
most CANDIDATES_MOST mentions, whatever the name is. What it answers is inferred: with the score and the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from risk.parties import blocking
from risk.parties.clusters import Clusters, cluster
from risk.parties.evidence import LINK, POSSIBLE, RULES, WEAK, Crowds, judge
from risk.parties.judgements import Judgement
from risk.parties.links import Links, link
from risk.parties.mentions import Ints, Mention, Mentions, UInt64, gather, one

CANDIDATES_MOST: Final = 200
"""Mentions that one new name is compared with at most; the surest kinds of key come first."""
_FROM_A_BLOCK: Final = 40


@dataclass(frozen=True)
class Match:
    """A party that a name may be: its id, the mention compared with, score, rule, and whether that is enough."""

    party: str
    mention: str
    score: float
    rule: str
    linked: bool


class Parties:
    """Parties as of a time. Building is the bulk mode; `resolve` is the single one."""

    def __init__(self, mentions: Mentions, judgements: Iterable[Judgement] = (), as_of: datetime | None = None) -> None:
        self.mentions = mentions
        self.judgements = tuple(judgements)
        self.crowds = Crowds.of(mentions)
        self.links: Links = link(mentions, self.crowds)
        self.as_of = as_of
        self.clusters: Clusters = cluster(mentions, self.links, self.judgements, as_of)
        self._row = {id_: row for row, id_ in enumerate(mentions.ids)}
        self._index: list[tuple[UInt64, Ints, UInt64]] | None = None

    @classmethod
    def of(cls, frame: pd.DataFrame, judgements: Iterable[Judgement] = (), as_of: datetime | None = None) -> Parties:
        """Parties of a frame of mentions, see `mentions.gather`."""
        return cls(gather(frame), judgements, as_of)

    def at(self, as_of: datetime | None, judgements: Iterable[Judgement] | None = None) -> Parties:
        """The same parties at another time or under other judgements; links and index are shared, not made anew."""
        other = object.__new__(Parties)
        other.__dict__.update(self.__dict__)
        other.as_of = as_of
        other.judgements = self.judgements if judgements is None else tuple(judgements)
        other.clusters = cluster(self.mentions, self.links, other.judgements, as_of)
        return other

    def party(self, id_: str) -> str | None:
        """The id of the party that a mention belongs to; None when there is no such mention or it is nobody."""
        row = self._row.get(id_)
        return None if row is None else self._party(row)

    def rows(self, ids: Sequence[str]) -> Ints:
        """The rows of mentions in `mentions`; raises KeyError for an id that is not there."""
        return np.array([self._row[id_] for id_ in ids], np.int64)

    def members(self, party: str) -> Ints:
        """The rows of the mentions of a party, the first seen first; empty when there is none."""
        row = self._row.get(party)
        if row is None or self.clusters.root[row] < 0:
            return np.zeros(0, np.int64)
        rows = np.flatnonzero(self.clusters.root == self.clusters.root[row])
        return rows[np.lexsort((rows, self.mentions.first_seen[rows]))]

    def resolve(self, mention: Mention, most: int = 10) -> list[Match]:
        """The parties that a mention may be, one entry each, the best first; [] for nobody and for a new party.

        A mention that is known word for word belongs to its party with score 1. Otherwise at most
        CANDIDATES_MOST mentions are compared. A rule by name alone counts only against the main spelling.
        """
        known = self._row.get(mention.id)
        if known is not None and self.clusters.alive[known]:
            first = [Match(self.mentions.ids[self.clusters.root[known]], mention.id, 1.0, "known", True)]
        else:
            first = []
        asked = one(mention)
        if not asked.form[0]:
            return []
        rows = self.candidates(asked)
        score, rule = judge(asked, np.zeros(len(rows), np.int64), self.mentions, rows, self.crowds)
        ours = (score >= np.float32(POSSIBLE)) & self.clusters.alive[rows]
        ours &= ~WEAK[rule] | (self.mentions.form[rows] == self.clusters.main[rows])
        rows, score, rule = rows[ours], score[ours], rule[ours]
        found, seen = list(first), {match.party for match in first}
        for place in np.lexsort((rows, -self.mentions.seen[rows], -score)):
            party = self._party(int(rows[place]))
            if party is None or party in seen:
                continue
            seen.add(party)
            value = round(float(score[place]), 4)
            linked = not any(match.linked for match in found) and value >= LINK
            name = RULES[int(rule[place])].name
            found.append(Match(party, self.mentions.ids[int(rows[place])], value, name, linked))
        return found[:most]

    def candidates(self, asked: Mentions) -> Ints:
        """The rows worth comparing with the one mention asked about, at most CANDIDATES_MOST."""
        found: list[Ints] = []
        count = 0
        for kind, (key, row, near) in enumerate(self._keys()):
            wanted = blocking.keys(asked, kind)
            starts = np.searchsorted(key, wanted.key, "left")
            ends = np.searchsorted(key, wanted.key, "right")
            for place in np.flatnonzero(ends > starts).tolist():
                start, end = int(starts[place]), int(ends[place])
                if kind not in blocking.OPEN and end - start > blocking.BLOCK_MOST:
                    continue
                if end - start > _FROM_A_BLOCK:
                    middle = start + int(np.searchsorted(near[start:end], wanted.near[place]))
                    start = max(start, min(middle - _FROM_A_BLOCK // 2, end - _FROM_A_BLOCK))
                    end = start + _FROM_A_BLOCK
                found.append(row[start:end])
                count += end - start
                if count >= 4 * CANDIDATES_MOST:
                    break
        rows = np.concatenate(found) if found else np.zeros(0, np.int64)
        _, first = np.unique(rows, return_index=True)
        return rows[np.sort(first)][:CANDIDATES_MOST]

    def mapping(self, ids: Sequence[str]) -> list[str]:
        """The key of each mention, by id: its party as of this time.

        "" for nobody; a mention that was not known (yet) is its own party.
        """
        root, alive = self.clusters.root, self.clusters.alive
        keys = []
        for id_ in ids:
            row = self._row.get(id_)
            if row is None or (not alive[row] and self.mentions.form[row]):
                keys.append(id_)
            else:
                keys.append(self.mentions.ids[root[row]] if root[row] >= 0 else "")
        return keys

    def _party(self, row: int) -> str | None:
        root = int(self.clusters.root[row])
        return self.mentions.ids[root] if root >= 0 else None

    def _keys(self) -> list[tuple[UInt64, Ints, UInt64]]:
        if self._index is None:
            ordered = (blocking.in_order(blocking.keys(self.mentions, kind)) for kind in range(7))
            self._index = [(found.key, found.row, found.near) for found in ordered]
        return self._index
