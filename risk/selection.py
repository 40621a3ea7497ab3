"""From scores to lanes under capacity: who is inspected, and with what probability each would have been.

A set part of the capacity is a plain random sample of all consignments (the random stream, the only unbiased
source of labels); the rest goes to the highest risk. Order is total: probability, then raw score, then a hash of
the consignment's id, so that no tie is broken by the order of a file. Lanes follow customs usage: red (physical
inspection), yellow (documents), blue (audit after clearance), green.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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
    selected_by  object array: "risk", "random" or None
    propensity   float64, probability of being inspected (red) under this selection, given the scores
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
) -> Selection:
    """Choose the inspections among n consignments and a lane for each.

    The random stream is drawn by a hash of seed and id: the same consignments and seed give the same draw in any
    order, on any machine. Raises UsageError for a capacity or a random share out of range.
    """
    n = len(ids)
    if not 0 <= random_share <= 1:
        raise UsageError(f"the random share is {random_share:g}; it has to lie between 0 and 1")
    rank = ranks(ids, probability, raw)
    red = inspections(capacity, n) if n else 0
    drawn = min(_part(random_share, red), max(red - 1, 0))
    lot = np.argsort(stable_hash([f"{seed}:{consignment}" for consignment in ids]), kind="stable")
    at_random = np.zeros(n, bool)
    at_random[lot[:drawn]] = True
    by_risk = np.zeros(n, bool)
    order = np.argsort(rank)
    rest = order[~at_random[order]]
    by_risk[rest[: red - drawn]] = True

    lane = np.full(n, "green", object)
    after = rest[red - drawn :]
    yellow = round(YELLOW_FOR_EACH_RED * red)
    lane[after[:yellow]] = "yellow"
    lane[after[yellow : yellow + round(BLUE_FOR_EACH_RED * red)]] = "blue"
    lane[at_random | by_risk] = "red"
    selected_by = np.full(n, None, object)
    selected_by[by_risk] = "risk"
    selected_by[at_random] = "random"
    return Selection(rank, lane, selected_by, _propensity(rank, drawn, red - drawn), red, seed)


def stable_hash(texts: Sequence[str]) -> NDArray[np.uint64]:
    """A hash of each text that is the same on every machine and in every run."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


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
