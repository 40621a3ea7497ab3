"""Parties: clusters of mentions, made of automatic links and human judgements, as of any time.

Order of work: what people said is the same; then links from the strongest down; last the links that rest on a
name alone, which only the main spelling of a party may use, so that a slip of the pen that happens to be
another company's name does not join the two. No step joins what a person said is different: where links would,
the weakest of them gives way. Numbers of one country that contradict each other stop the links by name alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from risk.parties.evidence import LINK, RULES, WEAK
from risk.parties.judgements import Judgement, standing
from risk.parties.links import Links
from risk.parties.mentions import Ints, Mentions, UInt64


@dataclass(frozen=True)
class Refused:
    """A judgement that could not be followed: "same" of two that others hold apart, or an id that is not there."""

    judgement: Judgement
    reason: str


@dataclass(frozen=True)
class Clusters:
    """Which party each mention belongs to.

    root   int64, the row of the mention that the party is named after: the first one seen, -1 for nobody
    main   uint64, the form most seen of the party that a row belongs to, 0 for nobody
    alive  bool, the mention was known at the time asked for
    used   int64, the places in the links that joined two clusters
    """

    root: Ints
    main: UInt64
    alive: np.ndarray[tuple[int], np.dtype[np.bool_]]
    used: Ints
    refused: Sequence[Refused]


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


def cluster(
    mentions: Mentions, links: Links, judgements: Iterable[Judgement] = (), as_of: datetime | None = None
) -> Clusters:
    """The parties as of a time: with the mentions first seen and the judgements made strictly before it."""
    n = len(mentions)
    alive = mentions.form > 0
    if as_of is not None:
        alive &= mentions.first_seen < round(as_of.timestamp() * 1_000_000)
    union, unsure = _Union(n), set[tuple[int, int]]()
    refused = _follow(union, mentions.ids, standing(judgements, as_of), unsure)

    good = (links.score >= np.float32(LINK)) & alive[links.i] & alive[links.j]
    for a, b in unsure:
        good &= ~((links.i == min(a, b)) & (links.j == max(a, b)))
    weak = WEAK[links.rule]
    used: list[int] = []
    for place in _strongest_first(links, good & ~weak):
        if union.join(int(links.i[place]), int(links.j[place])):
            used.append(place)
    _join_weak(union, mentions, links, good & weak, used)

    root, main = _named(union.roots(), mentions, alive)
    return Clusters(root, main, alive, np.array(used, np.int64), refused)


def _follow(
    union: _Union, ids: list[str], judgements: Sequence[Judgement], unsure: set[tuple[int, int]]
) -> list[Refused]:
    row, refused = {id_: place for place, id_ in enumerate(ids)} if judgements else {}, []
    for strict in (True, False):  # "different" first: it wins over every "same"
        for one in judgements:
            if (one.verdict == "different") != strict:
                continue
            absent = [id_ for id_ in one.pair if id_ not in row]
            if absent:
                refused.append(Refused(one, f"{absent[0]} is not among the parties"))
                continue
            a, b = row[one.left], row[one.right]
            if one.verdict == "different":
                union.hold_apart(a, b)
            elif one.verdict == "unsure":
                unsure.add((a, b))
            elif union.join(a, b) is False:
                refused.append(Refused(one, "other judgements hold the two apart, and different wins over same"))
    return refused


def _strongest_first(links: Links, where: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[int]:
    places = np.flatnonzero(where)
    order = np.lexsort((links.j[places], links.i[places], -links.score[places]))
    return [int(place) for place in places[order]]


def _join_weak(
    union: _Union,
    mentions: Mentions,
    links: Links,
    where: np.ndarray[tuple[int], np.dtype[np.bool_]],
    used: list[int],
) -> None:
    """Links by name alone: only between main spellings, and never between contradicting numbers."""
    roots = union.roots()
    main = _main(roots, mentions)
    where &= (mentions.form[links.i] == main[links.i]) & (mentions.form[links.j] == main[links.j])
    where &= roots[links.i] != roots[links.j]
    numbers: dict[int, set[tuple[int, int]]] = {}
    has = np.flatnonzero(mentions.identifier)
    held = zip(roots[has].tolist(), mentions.country[has].tolist(), mentions.identifier[has].tolist(), strict=True)
    for root, country, number in held:
        numbers.setdefault(root, set()).add((country, number))
    for place in _strongest_first(links, where):
        a, b = union.find(int(links.i[place])), union.find(int(links.j[place]))
        mine, theirs = numbers.get(a, set()), numbers.get(b, set())
        if _contradict(mine, theirs):
            continue
        if union.join(a, b):
            used.append(place)
            if mine or theirs:
                numbers[union.find(a)] = mine | theirs


def _contradict(mine: set[tuple[int, int]], theirs: set[tuple[int, int]]) -> bool:
    return bool(mine and theirs and not mine & theirs and {c for c, _ in mine} & {c for c, _ in theirs})


def _main(roots: Ints, mentions: Mentions) -> UInt64:
    """For each row the form most often seen in its set; of equals the smaller hash."""
    frame = pd.DataFrame({"root": roots, "form": mentions.form, "seen": mentions.seen})
    total = frame[frame["form"] > 0].groupby(["root", "form"], sort=True)["seen"].sum().reset_index()
    best = total.sort_values(["root", "seen", "form"], ascending=[True, False, True]).drop_duplicates("root")
    main = np.zeros(len(roots), np.uint64)
    main[best["root"].to_numpy()] = best["form"].to_numpy(np.uint64)
    return main[roots]


def _named(roots: Ints, mentions: Mentions, alive: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[Ints, UInt64]:
    rows = np.flatnonzero(alive)
    order = rows[np.lexsort((rows, mentions.first_seen[rows], roots[rows]))]
    first = np.r_[True, roots[order][1:] != roots[order][:-1]] if len(order) else np.zeros(0, bool)
    name = np.full(len(roots), -1, np.int64)
    name[roots[order[first]]] = order[first]
    named = np.where(alive, name[roots], -1)
    return named, np.where(alive, _main(roots, mentions), np.uint64(0))


def rule_words(rule: int) -> str:
    """A rule in words for people."""
    return RULES[rule].words
