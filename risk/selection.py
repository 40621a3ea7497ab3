"""From scores to lanes under capacity: who is inspected, and with what probability each would have been.

A set part of the capacity is a plain random sample of all consignments (the random stream, the only unbiased
source of labels); another part, none unless asked for, explores where `risk.exploration` points; the rest goes to
the highest risk. Order is total: probability, then raw score, then a hash of the consignment's id, so that no tie is
broken by the order of a file. Lanes follow customs usage: red (physical inspection), yellow (documents), blue (audit
after clearance), green. `select` fills one capacity, `select_each` one for each office and day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from risk.errors import UsageError

Float64 = NDArray[np.float64]

LANES: Final = ("red", "yellow", "blue", "green")
RANDOM_SHARE: Final = 0.05
"""Share of the capacity that is drawn at random, rounded up; one inspection is always left to the risk."""
YELLOW_FOR_EACH_RED: Final = 1.0
BLUE_FOR_EACH_RED: Final = 2.0
"""How many consignments get the milder lanes for each red one; defaults, to be set by each office."""


@dataclass(frozen=True)
class Selection:
    """What happens to each of n consignments.

    rank         int64, 1 for the highest risk; no rank occurs twice
    lane         object array of LANES
    selected_by  object array: "risk", "random", "exploration" or None
    propensity   float64, probability of being inspected (red) under this selection, given the scores
    capacity     how many are inspected in all
    """

    rank: NDArray[np.int64]
    lane: NDArray[np.object_]
    selected_by: NDArray[np.object_]
    propensity: Float64
    capacity: int
    seed: int


def inspections(capacity: float, n: int) -> int:
    """How many inspections a capacity means for n consignments: a share below 1, else a number.

    A share is rounded up, so that any capacity inspects at least one. Raises UsageError unless it is above 0 and
    finite.
    """
    if not 0 < capacity < np.inf:
        raise UsageError(f"the capacity is {capacity:g}; give a number of inspections (50) or a share below 1 (0.01)")
    return min(max(_part(capacity, n), 1) if capacity < 1 else int(capacity), n)


def _part(share: float, n: int) -> int:
    """A share of n, rounded up; 0.05 of 140 is 7, whatever the last binary digit says."""
    return int(np.ceil(share * n - 1e-9))


def ranks(ids: Sequence[str], probability: Float64, raw: Float64) -> NDArray[np.int64]:
    """The place of each consignment, 1 for the highest risk, in a strict order that the input's order cannot move."""
    order = np.lexsort((stable_hash(ids), -raw, -probability))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return rank


def select(
    ids: Sequence[str],
    probability: Float64,
    raw: Float64,
    *,
    capacity: float,
    seed: int,
    random_share: float = RANDOM_SHARE,
    explore_share: float = 0.0,
    appetite: Float64 | None = None,
) -> Selection:
    """Choose the inspections among n consignments and a lane for each.

    The random stream is drawn by a hash of seed and id: the same consignments and seed give the same draw in any
    order, on any machine. `explore_share` of the capacity is drawn in proportion to the `appetite` (>= 0, by default
    the same for all; none counts as next to none) among those that the risk does not select anyway. Raises
    UsageError for a capacity or a share out of range.
    """
    n = len(ids)
    for name, share in (("random share", random_share), ("share of exploration", explore_share)):
        if not 0 <= share <= 1:
            raise UsageError(f"the {name} is {share:g}; it has to lie between 0 and 1")
    rank = ranks(ids, probability, raw)
    order = np.argsort(rank)
    red = inspections(capacity, n) if n else 0
    drawn = min(_part(random_share, red), max(red - 1, 0))
    explored = min(_part(explore_share, red), max(red - 1 - drawn, 0))
    at_random = np.zeros(n, bool)
    at_random[np.argsort(_lots(seed, ids), kind="stable")[:drawn]] = True
    chance = np.zeros(n)
    if explored:
        wanted = np.ones(n) if appetite is None else np.maximum(appetite, 1e-9 * max(float(np.max(appetite)), 1e-9))
        wanted[order[: red - drawn - explored]] = 0.0
        chance = proportional(wanted, explored)
    by_exploring = systematic(chance, np.argsort(_lots(f"{seed}:explore", ids)), _start(seed)) & ~at_random
    by_risk = np.zeros(n, bool)
    rest = order[~(at_random | by_exploring)[order]]
    places = red - int(at_random.sum() + by_exploring.sum())
    by_risk[rest[:places]] = True

    lane = np.full(n, "green", object)
    after = rest[places:]
    yellow = round(YELLOW_FOR_EACH_RED * red)
    lane[after[:yellow]] = "yellow"
    lane[after[yellow : yellow + round(BLUE_FOR_EACH_RED * red)]] = "blue"
    lane[at_random | by_exploring | by_risk] = "red"
    selected_by = np.full(n, None, object)
    selected_by[by_risk] = "risk"
    selected_by[by_exploring] = "exploration"
    selected_by[at_random] = "random"
    if not chance.any():
        return Selection(rank, lane, selected_by, _propensity(rank, drawn, red - drawn), red, seed)
    propensity = np.empty(n)
    propensity[order] = _propensity_exploring(chance[order], drawn, red)
    return Selection(rank, lane, selected_by, propensity, red, seed)


def select_each(
    groups: Sequence[str],
    ids: Sequence[str],
    probability: Float64,
    raw: Float64,
    *,
    capacity: float | Mapping[str, float],
    seed: int,
    random_share: float = RANDOM_SHARE,
    explore_share: float = 0.0,
    appetite: Float64 | None = None,
) -> Selection:
    """Choose within each group (such as "VNHPH 2026-06-30", an office and a day), each with a capacity of its own.

    `capacity` is one for all groups or one for each; ranks are those among all n. Raises UsageError for a group
    without a capacity, else as `select` does.
    """
    n = len(ids)
    names = np.asarray(groups, dtype=object)
    lane, selected_by = np.full(n, "green", object), np.full(n, None, object)
    propensity, total = np.zeros(n), 0
    for name in dict.fromkeys(groups):
        own = capacity if isinstance(capacity, int | float) else capacity.get(name)
        if own is None:
            raise UsageError(f"no capacity is given for {name}; give one for each office and day")
        at = np.flatnonzero(names == name)
        part = select(
            [ids[int(i)] for i in at],
            probability[at],
            raw[at],
            capacity=own,
            seed=seed,
            random_share=random_share,
            explore_share=explore_share,
            appetite=None if appetite is None else appetite[at],
        )
        lane[at], selected_by[at], propensity[at] = part.lane, part.selected_by, part.propensity
        total += part.capacity
    return Selection(ranks(ids, probability, raw), lane, selected_by, propensity, total, seed)


def proportional(appetite: Float64, places: int) -> Float64:
    """The probability with which each is drawn when so many are drawn in proportion to an appetite.

    Nobody's exceeds 1; what is cut off there goes to the others. They add up to the places, or to the number of
    those with any appetite where those are fewer.
    """
    chance = np.zeros(len(appetite))
    open_ = np.isfinite(appetite) & (appetite > 0)
    left = min(places, int(open_.sum()))
    while left > 0:
        share = left * appetite[open_] / appetite[open_].sum()
        over = share >= 1
        if not over.any():
            chance[open_] = share
            break
        sure = np.flatnonzero(open_)[over]
        chance[sure] = 1.0
        open_[sure] = False
        left -= len(sure)
    return chance


def systematic(chance: Float64, order: NDArray[np.intp], start: float) -> NDArray[np.bool_]:
    """One systematic draw: each is in it with exactly its chance over a uniform `start`, and their number is fixed.

    The chances stand on a line in the given order; drawn is who covers one of the points start, start + 1, ...
    """
    upto = np.cumsum(chance[order])
    if len(upto):
        upto = np.round(upto, 9)  # the sum of the chances is whole; rounding must not move its end past a point
    reached = np.floor(upto - start).astype(np.int64)
    drawn = np.zeros(len(chance), bool)
    drawn[order] = np.diff(reached, prepend=np.floor(-start).astype(np.int64)) > 0
    return drawn


def stable_hash(texts: Sequence[str]) -> NDArray[np.uint64]:
    """A hash of each text that is the same on every machine and in every run."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def _lots(salt: object, ids: Sequence[str]) -> NDArray[np.uint64]:
    return stable_hash([f"{salt}:{consignment}" for consignment in ids])


def _start(seed: int) -> float:
    """A number in (0, 1) that belongs to the seed."""
    return float((int(stable_hash([f"{seed}:start"])[0]) + 0.5) / 2**64)


def _propensity(rank: NDArray[np.int64], drawn: int, by_risk: int) -> Float64:
    """P(drawn) + P(not drawn) x P(enough of those ranked higher were drawn to leave a place).

    Given that a consignment is not drawn itself, the number drawn among the r - 1 ranked above it is
    hypergeometric: a draw of `drawn` out of the other n - 1.
    """
    from scipy.stats import hypergeom  # half a second to import

    n = len(rank)
    if n == 0:
        return np.empty(0)
    random = drawn / n
    needed = rank - 1 - by_risk  # how many above it must be drawn for a place to remain
    left: Float64 = np.where(needed < 0, 1.0, 0.0)
    close = (needed >= 0) & (needed < drawn)
    left[close] = hypergeom.sf(needed[close], n - 1, rank[close] - 1, drawn)
    return random + (1 - random) * left


DRAWS: Final = 1000
"""How many draws are simulated for the chance of a place that random draws leave over."""


def _propensity_exploring(chance: Float64, drawn: int, red: int) -> Float64:
    """The propensity of each, from the highest risk down, when some of the places explore.

    P(random) + P(not random) x chance of being explored, which are exact and independent, and for those whom the
    risk does not select for sure the chance of getting a place left over because both draws took the same
    consignment or one that the risk had taken. That last part is found by DRAWS simulated draws (always the same
    ones) and scaled to its exact sum. It concerns the few just below the line; for all others the result is exact.
    """
    n = len(chance)
    sure = red - drawn - round(float(chance.sum()))
    random = drawn / n
    found = random + (1 - random) * chance
    found[:sure] = 1.0
    left_over = random * red - random * drawn  # drawn at random though selected by risk or exploring
    if left_over <= 0:
        return found
    rng = np.random.default_rng(0)
    filled = np.zeros(n)
    for _ in range(DRAWS):
        taken = systematic(chance, rng.permutation(n), rng.random())
        taken[:sure] = True
        taken[rng.choice(n, drawn, replace=False)] = True
        free = red - int(taken.sum())
        if free:
            window = sure + 2 * (drawn + free) + int(chance.sum()) + 1
            filled[sure + np.flatnonzero(~taken[sure:window])[:free]] += 1
    return _added(found, filled, left_over)


def _added(chance: Float64, part: Float64, total: float) -> Float64:
    """The chances with a total more, in proportion to `part` as far as 1 allows, the rest in equal parts."""
    found = np.minimum(chance, 1.0)
    for weight in [part] * 20 + [np.ones(len(part))] * 20:
        room = 1.0 - found
        wanted = np.where(room > 0, weight, 0.0)
        if total <= 0 or not wanted.any():
            continue
        more = np.minimum(wanted * total / wanted.sum(), room)
        found, total = found + more, total - float(more.sum())
    return np.asarray(np.minimum(found, 1.0), np.float64)
