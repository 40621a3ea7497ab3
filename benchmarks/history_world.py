"""Simulated filings and findings for the benchmark of the fold, a batch at a time, as integers only.

Three years on a minute clock, 300,000 consignees (Zipf 1.05) with a few shippers, goods and ways each; 1 % of the
lines inspected, a tenth of those a hit, known 0 to 30 days later. One line a consignment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.history import Events, Filings, Findings
from features.keys import KEYS, join
from features.row import COUNTS

MINUTE: Final = 60_000_000
DAY: Final = 1440 * MINUTE
SPAN: Final = 1096 * DAY
CONSIGNEES: Final = 300_000
UInt64 = NDArray[np.uint64]
_Part = tuple[NDArray[np.int64], NDArray[np.int8], dict[str, UInt64]]
"""When findings become known, the changes of their counts, and the keys of their lines."""


def batches(lines: int, batch: int, seed: int = 7) -> Iterator[Events]:
    """The events in time order, cut into batches of about `batch` lines; every line reads its history."""
    random = np.random.default_rng(seed)
    cuts = -(-lines // batch)
    pending: list[_Part] = []
    for number in range(cuts):
        n = lines // cuts
        begin, end = (SPAN * at // cuts // MINUTE * MINUTE for at in (number, number + 1))
        time = np.sort(random.integers(begin // MINUTE, end // MINUTE, n)) * MINUTE
        keys = _keys(random, n)
        measured = random.normal(0, 3000, (n, 3)).astype(np.int32)
        yes = np.ones(n, bool)
        filings = Filings(time, np.arange(n), measured, yes, keys, dict.fromkeys(keys, yes))
        pending.append(_found(random, time, keys))
        known = [_taken(part, end) for part in pending]
        pending = [later for _, later in known]
        yield Events(filings, _findings([now for now, _ in known]))


def _keys(random: np.random.Generator, n: int) -> dict[str, UInt64]:
    def mixed(kind: int, values: NDArray[np.int64]) -> UInt64:
        return join(np.full(len(values), kind, np.uint64), values.astype(np.uint64))

    weights = np.arange(1, CONSIGNEES + 1) ** -1.05
    consignee = np.searchsorted(np.cumsum(weights) / weights.sum(), random.random(n)).astype(np.int64)
    own = (random.random((4, n)) ** 3 * 4).astype(np.int64)  # which of its few shippers, goods, ways, brokers
    shipper = (consignee * 7 + own[0] * 1009) % 200_000
    hs6 = (consignee * 31 + own[1] * 501) % 5000
    lane = (consignee * 13 + own[2] * 97) % 2000
    goods = {"hs2": mixed(2, hs6 // 52), "hs4": mixed(3, hs6 // 5), "hs6": mixed(4, hs6)}
    way = mixed(5, lane)
    party, seller = mixed(6, consignee), mixed(7, shipper)
    keys = {
        "all": np.ones(n, np.uint64),
        **goods,
        "corridor": mixed(8, lane // 10),
        "lane": way,
        "route": join(way, mixed(9, own[3])),
        "origin_hs6": join(mixed(10, lane // 50), goods["hs6"]),
        "lane_hs4": join(way, goods["hs4"]),
        "carrier": mixed(11, random.integers(0, 60, n)),
        "declarant": mixed(12, (consignee * 3 + own[3]) % 4000),
        "consignee": party,
        "consignee_address": mixed(13, consignee - consignee % 3 + own[3] % 2),
        "shipper": seller,
        "notify": mixed(14, (consignee + own[3]) % 100_000),
        "pair": join(party, seller),
        "consignee_hs4": join(party, goods["hs4"]),
        "consignee_lane": join(party, way),
        "container": mixed(15, random.integers(0, 1_500_000, n)),
    }
    return {key.name: keys[key.name] for key in KEYS}


def _found(
    random: np.random.Generator, time: NDArray[np.int64], keys: dict[str, UInt64]
) -> tuple[NDArray[np.int64], NDArray[np.int8], dict[str, UInt64]]:
    """When outcomes become known, which counts each changes (a column for each of COUNTS), and their keys."""
    row = np.flatnonzero(random.random(len(time)) < 0.01)
    known = time[row] + random.integers(0, 30 * 1440, len(row)) * MINUTE
    order = np.argsort(known, kind="stable")
    row, known = row[order], known[order]
    luck = random.random(len(row))
    changes = np.zeros((len(row), len(COUNTS)), np.int8)
    for name, is_so in (("inspections", luck < 1), ("random_inspections", luck % 0.1 < 0.02), ("hits", luck < 0.1),
                        ("offences", luck > 0.95)):  # fmt: skip
        changes[:, COUNTS.index(name)] = is_so
    return known, changes, {name: hashes[row] for name, hashes in keys.items()}


def _taken(part: _Part, end: int) -> tuple[_Part, _Part]:
    known, changes, keys = part
    cut = np.searchsorted(known, end)
    now = (known[:cut], changes[:cut], {name: hashes[:cut] for name, hashes in keys.items()})
    return now, (known[cut:], changes[cut:], {name: hashes[cut:] for name, hashes in keys.items()})


def _findings(parts: list[tuple[NDArray[np.int64], NDArray[np.int8], dict[str, UInt64]]]) -> dict[str, Findings]:
    time = np.concatenate([part[0] for part in parts])
    changes = np.concatenate([part[1] for part in parts])
    row, count = np.nonzero(changes)
    order = np.argsort(time[row], kind="stable")
    row = row[order]
    changed: NDArray[np.int8] = count[order].astype(np.int8)
    when, one = time[row], np.ones(len(row), np.int8)
    names = parts[0][2]
    return {
        name: Findings(when, np.concatenate([part[2][name] for part in parts])[row], changed, one, when)
        for name in names
    }
