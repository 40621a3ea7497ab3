"""Who is inspected, how, what is found and when it is known.

Owns the draw of the random stream and of the rules, the depth of an inspection, what it misses, other
offences, and the delay until a result is recorded. A consignment of the random stream says `random` even when
the rules wanted it too, so that those rows are a plain sample of all trade.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from risk.inspection import RESULTS
from training.simulation.rules import chance_of_selection, points
from training.simulation.seasons import DAY, Calendar
from training.simulation.shipments import Shipments, together
from training.simulation.smuggling import propensity, toss
from training.simulation.tables import Bools, Floats, Ints, Tables

NOTHING, DOCUMENT, OTHER, WILDLIFE, INCONCLUSIVE = range(len(RESULTS))
NOT_YET: Final = np.iinfo(np.int64).max

DOCUMENT_OFFENCE: Final = 0.022
OTHER_OFFENCE: Final = 0.014
TO_LABORATORY: Final = 0.35
"""Share of finds that are first recorded as inconclusive and confirmed by a laboratory."""
CORRECTED: Final = 0.012
"""Share of other inspections whose result is corrected later."""


@dataclass
class Inspections:
    """The inspections of n consignments: an entry for each, meaningful where `done`. Times in seconds."""

    points: Ints
    probability: Floats
    done: Bools
    random: Bools
    depth: Ints
    result: Ints
    inspected: Ints
    recorded: Ints
    corrected: Ints
    """When the result was corrected to `final`; NOT_YET for never."""
    final: Ints


@dataclass
class Checked:
    """Consignments with the propensity, the coin and the inspection of each."""

    shipments: Shipments
    chance: Floats
    smuggled: Bools
    inspections: Inspections


def check(rng: np.random.Generator, tables: Tables, calendar: Calendar, shipments: Shipments) -> Checked:
    """Tosses the coin for each consignment and inspects those that are selected."""
    chance = propensity(shipments, tables, calendar)
    smuggled = toss(rng, chance)
    return Checked(shipments, chance, smuggled, inspect(rng, tables, shipments, smuggled))


def in_order(parts: Sequence[Checked], order: Callable[[Shipments], Ints]) -> Checked:
    """All consignments of several parts, in the order of the positions that `order` gives."""
    shipments = together([part.shipments for part in parts])
    index = order(shipments)
    inspections = {
        field.name: np.concatenate([getattr(part.inspections, field.name) for part in parts])[index]
        for field in fields(Inspections)
    }
    return Checked(
        shipments.take(index),
        np.concatenate([part.chance for part in parts])[index],
        np.concatenate([part.smuggled for part in parts])[index],
        Inspections(**inspections),
    )


def inspect(rng: np.random.Generator, tables: Tables, shipments: Shipments, smuggled: Bools) -> Inspections:
    """Selects, inspects and records; whether wildlife is inside decides only what is found and how fast."""
    n = len(shipments)
    total = points(shipments, tables)
    by_rule = chance_of_selection(total, tables)
    stream = tables.rules["random_stream"]
    random = rng.random(n) < stream
    done = random | (rng.random(n) < by_rule)

    depth = np.where(random, _depth(rng, tables, "random", n), _depth(rng, tables, "rule", n))
    sees = np.where(
        shipments.air,
        np.array([float(row["detects_air"]) for row in tables.depths])[depth],
        np.array([float(row["detects"]) for row in tables.depths])[depth],
    )
    found = smuggled & (rng.random(n) < sees)
    result = np.where(found, WILDLIFE, _other_results(rng, tables, shipments))

    inspected = shipments.eta + (DAY * (0.2 + rng.gamma(1.6, 1.1, n))).astype(np.int64)
    delay = np.where(found, rng.lognormal(1.6, 0.8, n), rng.lognormal(-0.1, 1.0, n))
    recorded = inspected + (DAY * np.clip(delay, 0.05, 60)).astype(np.int64)
    laboratory = found & (rng.random(n) < TO_LABORATORY)
    mended = ~found & (rng.random(n) < CORRECTED)
    later = recorded + (DAY * rng.uniform(3, 35, n)).astype(np.int64)
    final = np.where(mended, np.where(result == NOTHING, DOCUMENT, NOTHING), result)
    return Inspections(
        points=total,
        probability=1 - (1 - by_rule) * (1 - stream),
        done=done,
        random=random,
        depth=depth,
        result=np.where(laboratory, INCONCLUSIVE, result),
        inspected=inspected,
        recorded=recorded,
        corrected=np.where(laboratory | mended, later, NOT_YET),
        final=final,
    )


def _depth(rng: np.random.Generator, tables: Tables, stream: str, n: int) -> Ints:
    """Depths as rows of `tables.depths`."""
    upto = np.cumsum([float(row[stream]) for row in tables.depths])
    rows: Ints = np.searchsorted(upto, rng.random(n) * upto[-1] * 0.999999).astype(np.int64)
    return rows


def _other_results(rng: np.random.Generator, tables: Tables, shipments: Shipments) -> Ints:
    """Offences that have nothing to do with wildlife: wrong papers, undervalued or miscounted goods."""
    goods = tables.commodities
    cheap = shipments.value < 0.7 * goods.value[shipments.commodity]
    costly = goods.value[shipments.commodity] > 25
    papers = DOCUMENT_OFFENCE * (1 + 1.5 * shipments.anonymous + 1.0 * (shipments.prior < 3) + 2.0 * shipments.vague)
    other = OTHER_OFFENCE * (1 + 4.0 * cheap + 1.5 * costly)
    u = rng.random(len(shipments))
    result = np.where(u < papers, DOCUMENT, NOTHING)
    result = np.where((u >= papers) & (u < papers + other), OTHER, result)
    return np.where(u > 1 - 0.008, INCONCLUSIVE, result)
