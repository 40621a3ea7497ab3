"""All parties known, and the answer to one question: which of them is this one?

`Parties` holds mentions, links, clusters and an index of keys. Looking up one new name compares it with at
most CANDIDATES_MOST mentions, whatever the name is. What it answers is inferred: with the score and the rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from risk.parties import blocking
from risk.parties.clusters import Clusters, Marks, cluster, contradict, marks
from risk.parties.evidence import LINK, POSSIBLE, RULES, WEAK, Crowds, judge
from risk.parties.judgements import Judgement, standing
from risk.parties.links import Links, link
from risk.parties.mentions import Ints, Mention, Mentions, gather, one

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
    """Parties as of a time. Building is the bulk mode; `resolve` is the single one.

    Only mentions first seen and judgements made strictly before `as_of` (all when None) have any part in it:
    what came later can neither link, nor crowd out, nor name a party.
    """

    def __init__(self, mentions: Mentions, judgements: Iterable[Judgement] = (), as_of: datetime | None = None) -> None:
        self.as_of = as_of
        self._everything, self._said = mentions, tuple(judgements)
        self.mentions: Mentions = mentions.before(as_of)
        self.crowds = Crowds.of(self.mentions)
        self.links: Links = link(self.mentions, self.crowds)
        self._row = {id_: row for row, id_ in enumerate(self.mentions.ids)}
        self._cluster()

    @classmethod
    def of(cls, frame: pd.DataFrame, judgements: Iterable[Judgement] = (), as_of: datetime | None = None) -> Parties:
        """Parties of a frame of mentions, see `mentions.gather`."""
        return cls(gather(frame), judgements, as_of)

    def at(self, as_of: datetime | None, judgements: Iterable[Judgement] | None = None) -> Parties:
        """The parties at another time, or under other judgements; only the former links anew."""
        said = self._said if judgements is None else tuple(judgements)
        if len(self._everything.before(as_of)) != len(self.mentions):
            return Parties(self._everything, said, as_of)
        other = object.__new__(Parties)
        other.__dict__.update(self.__dict__)
        other.as_of, other._said = as_of, said
        other._cluster()
        return other

    def _cluster(self) -> None:
        self.judgements = standing(self._said, self.as_of)
        self.clusters: Clusters = cluster(self.mentions, self.links, self.judgements)

    def row(self, id_: str) -> int | None:
        """The row of a mention in `mentions`; None when there is none."""
        return self._row.get(id_)

    def party(self, id_: str) -> str | None:
        """The id of the party that a mention belongs to; None when there is no such mention or it is nobody."""
        row = self._row.get(id_)
        return None if row is None else self._party(row)

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
        CANDIDATES_MOST mentions are compared. A rule by name alone counts only against the main spelling, and
        does not link where marks contradict each other. At most the best one is linked.
        """
        asked = one(mention)
        if not asked.form[0]:
            return []
        found: dict[str, Match] = {}
        known = self.party(mention.id)
        if known is not None:
            found[known] = Match(known, mention.id, 1.0, "known", True)
        rows = self.candidates(asked)
        score, rule = judge(asked, np.zeros(len(rows), np.int64), self.mentions, rows, self.crowds)
        ours = score >= np.float32(POSSIBLE)
        ours &= ~WEAK[rule] | (self.mentions.form[rows] == self.clusters.main[rows])
        rows, score, rule = rows[ours], score[ours], rule[ours]
        for place in np.lexsort((rows, self.mentions.first_seen[rows], -score)):
            row = int(rows[place])
            party = self._party(row)
            if party is None or party in found:
                continue
            linked = bool(score[place] >= np.float32(LINK)) and not any(match.linked for match in found.values())
            if linked and WEAK[rule[place]]:
                theirs = np.flatnonzero(self.clusters.root == self.clusters.root[row])
                linked = not contradict(_marks(asked, np.zeros(1, np.int64)), _marks(self.mentions, theirs))
            value, made_by = round(float(score[place]), 4), RULES[int(rule[place])].name
            found[party] = Match(party, self.mentions.ids[row], value, made_by, linked)
        return list(found.values())[:most]

    def candidates(self, asked: Mentions) -> Ints:
        """The rows worth comparing with the one mention asked about, at most CANDIDATES_MOST."""
        found: list[Ints] = []
        count = 0
        for kind, index in enumerate(self._index):
            wanted = blocking.keys(asked, kind)
            starts = np.searchsorted(index.key, wanted.key, "left")
            ends = np.searchsorted(index.key, wanted.key, "right")
            for place in np.flatnonzero(ends > starts).tolist():
                start, end = int(starts[place]), int(ends[place])
                if kind not in blocking.OPEN and end - start > blocking.BLOCK_MOST:
                    continue
                if end - start > _FROM_A_BLOCK:
                    middle = start + int(np.searchsorted(index.near[start:end], wanted.near[place]))
                    start = max(start, min(middle - _FROM_A_BLOCK // 2, end - _FROM_A_BLOCK))
                    end = start + _FROM_A_BLOCK
                found.append(index.row[start:end])
                count += end - start
            if count >= 4 * CANDIDATES_MOST:
                break
        rows = np.concatenate(found) if found else np.zeros(0, np.int64)
        _, first = np.unique(rows, return_index=True)
        return rows[np.sort(first)][:CANDIDATES_MOST]

    def _party(self, row: int) -> str | None:
        root = int(self.clusters.root[row])
        return self.mentions.ids[root] if root >= 0 else None

    @cached_property
    def _index(self) -> list[blocking.Keys]:
        return [blocking.in_order(blocking.keys(self.mentions, kind)) for kind in range(7)]


def _marks(mentions: Mentions, rows: Ints) -> Marks:
    return {mark for _, mark in marks(mentions, rows)}
