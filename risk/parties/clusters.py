"""Parties: clusters of mentions, made of automatic links and human judgements.

Order of work: what people said is the same; then links from the strongest down; last the links that rest on a
name alone, which only the main spelling of a party may use, so that a slip of the pen that happens to be
another company's name does not join the two. No step joins what a person said is different: where links would,
the weakest of them gives way. Numbers of one country, or names in Chinese characters, that contradict each other
stop the links by name alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from risk.parties.evidence import LINK, WEAK, Bools
from risk.parties.judgements import Judgement
from risk.parties.links import Links
from risk.parties.mentions import Ints, Mentions, UInt64

Marks = set[tuple[int, int]]
"""What a party has one of: its numbers, each with its country, and its name in Chinese characters; as hashes."""
_CHINESE: Final = -1
"""Stands beside a name in Chinese characters, where a number has its country."""


@dataclass(frozen=True)
class Clusters:
    """Which party each mention belongs to.

    root     int64, the row of the mention that the party is named after: the first one seen, -1 for nobody
    main     uint64, the form of most mentions of the party that a row belongs to, 0 for nobody
    used     int64, the places in the links that joined two clusters
    refused  judgements of "same" about two that other judgements hold apart: different wins
    """

    root: Ints
    main: UInt64
    used: Ints
    refused: Sequence[Judgement]


class _Union:
    """Sets of rows that may be joined, but for those held apart."""

    def __init__(self, n: int) -> None:
        self.parent = list(range(n))
        self.apart: dict[int, set[int]] = {}

    def find(self, row: int) -> int:
        parent = self.parent
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    def hold_apart(self, a: int, b: int) -> None:
        a, b = self.find(a), self.find(b)
        self.apart.setdefault(a, set()).add(b)
        self.apart.setdefault(b, set()).add(a)

    def join(self, a: int, b: int) -> bool | None:
        """Join two sets: True done, None they were one already, False they are held apart."""
        a, b = self.find(a), self.find(b)
        if a == b:
            return None
        if b in self.apart.get(a, ()):
            return False
        a, b = min(a, b), max(a, b)
        self.parent[b] = a
        for other in self.apart.pop(b, ()):
            self.apart[other].discard(b)
            self.apart[other].add(a)
            self.apart.setdefault(a, set()).add(other)
        return True

    def roots(self) -> Ints:
        parent = np.array(self.parent, np.int64)
        while True:
            upper = parent[parent]
            if np.array_equal(upper, parent):
                return parent
            parent = upper


def cluster(mentions: Mentions, links: Links, judgements: Sequence[Judgement] = ()) -> Clusters:
    """The parties under the judgements that stand, one for each pair (see `judgements.standing`)."""
    named = mentions.form > 0
    union, refused = _judged(mentions.ids, judgements)
    good = links.score >= np.float32(LINK)
    weak = WEAK[links.rule]
    used = [
        place for place in _strongest_first(links, good & ~weak) if union.join(int(links.i[place]), int(links.j[place]))
    ]
    _join_weak(union, mentions, links, good & weak, used)
    roots = union.roots()[: len(mentions)]
    main = np.where(named, _main(roots, mentions), np.uint64(0))
    return Clusters(np.where(named, _first_seen(roots, mentions), -1), main, np.array(used, np.int64), refused)


def contradict(mine: Marks, theirs: Marks) -> bool:
    """Whether two parties both have a number of one country, or a Chinese name, and not the same."""
    both = {kind for kind, _ in mine} & {kind for kind, _ in theirs}
    return any(not any(kind == mark[0] and mark in theirs for mark in mine) for kind in both)


def marks(mentions: Mentions, rows: Ints) -> list[tuple[int, tuple[int, int]]]:
    """The marks of these mentions, each behind its row."""
    numbered, written = rows[mentions.identifier[rows] > 0], rows[mentions.chinese[rows] > 0]
    country, number = mentions.country[numbered].tolist(), mentions.identifier[numbered].tolist()
    found = list(zip(numbered.tolist(), zip(country, number, strict=True), strict=True))
    return found + [(row, (_CHINESE, int(mentions.chinese[row]))) for row in written.tolist()]


def _judged(ids: list[str], judgements: Sequence[Judgement]) -> tuple[_Union, list[Judgement]]:
    """What people said, put into effect. An id that is not among the mentions still ties others together."""
    row = {id_: place for place, id_ in enumerate(ids)} if judgements else {}
    pairs = [tuple(row.setdefault(id_, len(row)) for id_ in one.pair) for one in judgements]
    union, refused = _Union(max(len(ids), len(row))), []
    for one, (a, b) in zip(judgements, pairs, strict=True):  # "different" first: it wins over every "same"
        if one.verdict == "different":
            union.hold_apart(a, b)
    for one, (a, b) in zip(judgements, pairs, strict=True):
        if one.verdict == "same" and union.join(a, b) is False:
            refused.append(one)
    return union, refused


def _strongest_first(links: Links, where: Bools) -> list[int]:
    places = np.flatnonzero(where)
    order = np.lexsort((links.j[places], links.i[places], -links.score[places]))
    return [int(place) for place in places[order]]


def _join_weak(union: _Union, mentions: Mentions, links: Links, where: Bools, used: list[int]) -> None:
    """Links by name alone: only between main spellings, and never between contradicting marks."""
    roots = union.roots()
    main = _main(roots[: len(mentions)], mentions)
    where &= (mentions.form[links.i] == main[links.i]) & (mentions.form[links.j] == main[links.j])
    where &= roots[links.i] != roots[links.j]
    held: dict[int, Marks] = {}
    for row, mark in marks(mentions, np.arange(len(mentions))):
        held.setdefault(int(roots[row]), set()).add(mark)
    for place in _strongest_first(links, where):
        a, b = union.find(int(links.i[place])), union.find(int(links.j[place]))
        mine, theirs = held.get(a, set()), held.get(b, set())
        if contradict(mine, theirs):
            continue
        if union.join(a, b):
            used.append(place)
            if mine or theirs:
                held[union.find(a)] = mine | theirs


def _main(roots: Ints, mentions: Mentions) -> UInt64:
    """For each row the form that most mentions in its set have; of equals the one seen first, then the smaller hash."""
    frame = pd.DataFrame({"root": roots, "form": mentions.form, "time": mentions.first_seen})
    total = frame[frame["form"] > 0].groupby(["root", "form"], sort=True)["time"].agg(["size", "min"]).reset_index()
    order = total.sort_values(["root", "size", "min", "form"], ascending=[True, False, True, True])
    best = order.drop_duplicates("root")
    main = np.zeros(int(roots.max(initial=-1)) + 1, np.uint64)
    main[best["root"].to_numpy()] = best["form"].to_numpy(np.uint64)
    return main[roots]


def _first_seen(roots: Ints, mentions: Mentions) -> Ints:
    """For each row the row of its set that has a name and was seen first; of equals the smaller id."""
    rows = np.flatnonzero(mentions.form)
    order = rows[np.lexsort((rows, mentions.first_seen[rows], roots[rows]))]
    first = order[np.flatnonzero(np.diff(roots[order], prepend=-1))]
    of = np.full(int(roots.max(initial=-1)) + 1, -1, np.int64)
    of[roots[first]] = first
    return of[roots]
