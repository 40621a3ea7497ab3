"""Lawful trade: consignments drawn from the habits of importers.

Owns how a habit becomes consignments with their times, weights, values and papers, and the slips that occur
in honest trade (odd weights, missing numbers, loose wording). Knows nothing of networks; what of this trade
carries wildlife is decided in `smuggling`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from training.simulation.parties import Importers, Services
from training.simulation.seasons import DAY, Calendar
from training.simulation.shipments import (
    AS_FILED,
    NOTIFY_PARTY,
    PARTY,
    PORT,
    QUANTITY,
    WORDING,
    Array,
    Shipments,
)
from training.simulation.tables import Bools, Floats, Ints, Tables

SEVERAL_LINES: Final = 0.13
MORE_LINES: Final = (0.62, 0.26, 0.12)
"""Shares of 2, 3 and 4 lines among consignments with several."""
AMENDED: Final = 0.022
AMENDMENTS: Final = ((WORDING, 0.42), (QUANTITY, 0.42), (PARTY, 0.10), (PORT, 0.06))
ODD_WEIGHT: Final = 0.025
SPREAD_WITHIN: Final = 0.07
"""Standard deviation of the log of weight per package from one consignment to the next of a habit."""


def lawful_trade(
    rng: np.random.Generator,
    tables: Tables,
    calendar: Calendar,
    importers: Importers,
    services: Services,
    lines: int,
) -> Shipments:
    """Consignments of lawful importers, in no order of time, as many as fill so many rows of a manifest."""
    goods, amended = lines_of(rng, lines), amendments(rng, lines, AMENDED, AMENDMENTS)
    n = max(1, int(np.searchsorted(np.cumsum(goods * (1 + (amended > 0))), lines)))
    upto = np.cumsum(importers.weight)
    who = np.searchsorted(upto, rng.random(n) * upto[-1] * (1 - 1e-12))
    pick = np.minimum((importers.count[who] * rng.random(n) ** 1.8).astype(np.int64), importers.count[who] - 1)
    row = importers.first[who] + pick
    habits = importers.habits
    commodity, destination = habits.commodity[row], habits.destination[row]
    air = tables.destinations.air[destination]
    filed = calendar.draw(rng, tables.commodities.season[commodity], importers.opens[who], importers.closes[who])

    other = rng.random(n) < 0.07
    stranger = row[rng.permutation(n)]
    same_goods = (habits.commodity[stranger] == commodity) & (habits.origin[stranger] == habits.origin[row])
    shipper = np.where(other & same_goods, habits.shipper[stranger], habits.shipper[row])
    other = rng.random(n) < 0.05
    loading = np.where(
        other, tables.places.of_country.draw(2 * habits.origin[row] + air, rng.random(n)), habits.loading[row]
    )
    via = np.where((rng.random(n) < 0.85) & (habits.via[row] != loading), habits.via[row], -1)
    told = habits.told[row] & (via >= 0)
    early, etd, eta = journey(rng, tables, filed, air, habits.origin[row], via >= 0)
    weight = tables.commodities.kg[commodity] * habits.weight[row] * np.exp(rng.normal(0, SPREAD_WITHIN, n))
    odd = rng.random(n) < ODD_WEIGHT
    weight = np.where(odd, weight * np.exp(rng.choice([-1, 1], n) * rng.uniform(0.4, 1.7, n)), weight)
    order = importers.order[who] & (rng.random(n) < 0.8)
    prior = importers.earlier[who] + counted(who, filed)
    return Shipments(
        filed=filed,
        etd=etd,
        eta=eta,
        air=air,
        early=early,
        commodity=commodity,
        origin=habits.origin[row],
        loading=np.where(told, via, loading),
        original=np.where(told, loading, -1),
        via=np.where(told, -1, via),
        destination=destination,
        onward=np.where(air, -1, importers.onward[who]),
        consignee=who,
        shipper=shipper,
        consignee_spelling=respell(rng, habits.spelling[row]),
        shipper_spelling=respell(rng, habits.shipper_spelling[row]),
        notify=np.where(order & (rng.random(n) < 0.75), NOTIFY_PARTY, habits.notify[row]),
        notify_party=np.where(order, who, habits.notify_party[row]),
        forwarder=np.where(rng.random(n) < 0.9, habits.forwarder[row], services.forwarder(rng, n)),
        declarant=np.where(rng.random(n) < 0.93, habits.declarant[row], services.declarant(rng, n)),
        carrier=np.where(rng.random(n) < 0.6, habits.carrier[row], carriers(rng, tables, n)),
        ship=rng.integers(0, 1 << 30, n),
        box=rng.integers(0, 1 << 40, n),
        order=order,
        prepaid=habits.prepaid[row] ^ (rng.random(n) < 0.05),
        amended=amended[:n],
        lines=goods[:n],
        packages=packages_of(rng, tables, commodity, habits.size[row], weight),
        weight=weight,
        value=tables.commodities.value[commodity] * habits.value[row] * np.exp(rng.normal(0, 0.12, n)),
        density=tables.commodities.density[commodity] * np.exp(rng.normal(0, 0.10, n)),
        vague=rng.random(n) < 0.012,
        wording=rng.integers(0, 6, n),
        permit=tables.commodities.protected[commodity] & habits.permit[row] & (rng.random(n) < 0.97),
        anonymous=importers.anonymous[who] | (rng.random(n) < 0.015),
        prior=prior,
        burst=np.zeros(n, np.int64),
        latent=importers.latent[who],
        network=np.full(n, -1),
        typology=np.full(n, -1),
    )


def journey(
    rng: np.random.Generator, tables: Tables, filed: Ints, air: Bools, origin: Ints, transhipped: Bools
) -> tuple[Bools, Ints, Ints]:
    """Whether each was filed before loading, and its planned departure and arrival."""
    n = len(filed)
    early = rng.random(n) < np.where(air, 0.4, 0.22)
    days = tables.sea_days[tables.zone[origin]] * np.exp(rng.normal(0, 0.12, n))
    days = np.where(transhipped, days * 1.15 + rng.uniform(2, 9, n), days)
    days = np.where(air, rng.uniform(0.2, 0.8, n) + 0.8 * transhipped, days)
    before = np.where(air, rng.uniform(0.1, 0.5, n), rng.uniform(0.8, 3.0, n))
    ahead = np.where(air, rng.uniform(0.1, 0.6, n), rng.uniform(0.7, 4.0, n))
    ahead = np.minimum(ahead, 0.8 * days)
    etd = np.where(early, filed + before * DAY, filed + (ahead - days) * DAY)
    # A ship's plan is told to the hour.
    whole = (np.round(etd / 3600) * 3600).astype(np.int64)
    return early, whole, whole + (np.round(days * 24) * 3600).astype(np.int64)


def counted(who: Array, filed: Array) -> Ints:
    """For each consignment how many of the same party were filed before it."""
    order = np.lexsort((filed, who))
    sorted_who = who[order]
    starts = np.flatnonzero(np.concatenate([[True], sorted_who[1:] != sorted_who[:-1]]))
    sizes = np.diff(np.append(starts, len(who)))
    place = np.arange(len(who)) - np.repeat(starts, sizes)
    earlier = np.empty(len(who), np.int64)
    earlier[order] = place
    return earlier


def carriers(rng: np.random.Generator, tables: Tables, n: int) -> Ints:
    """A carrier for each of n: large ones carry more."""
    return (len(tables.names["sea_carriers"]) * rng.random(n) ** 1.5).astype(np.int64)


def respell(rng: np.random.Generator, usual: Ints) -> Ints:
    """How a party is written this time: nearly always as usual."""
    fresh = rng.integers(0, 5, len(usual))
    return np.where(rng.random(len(usual)) < 0.95, usual, fresh)


def amendments(rng: np.random.Generator, n: int, share: float, kinds: tuple[tuple[int, float], ...]) -> Ints:
    """What was amended, for each of n."""
    upto = np.cumsum([weight for _, weight in kinds])
    which = np.array([kind for kind, _ in kinds])[np.searchsorted(upto, rng.random(n) * upto[-1] * 0.999999)]
    return np.where(rng.random(n) < share, which, AS_FILED)


def lines_of(rng: np.random.Generator, n: int) -> Ints:
    """The number of goods lines of each of n."""
    more = 2 + np.searchsorted(np.cumsum(MORE_LINES), rng.random(n) * 0.999999)
    return np.where(rng.random(n) < SEVERAL_LINES, more, 1)


def packages_of(rng: np.random.Generator, tables: Tables, commodity: Ints, size: Floats, weight: Floats) -> Floats:
    """Whole packages of the first line, at most what a hundred tonnes hold."""
    wanted = tables.commodities.packages[commodity] * size * np.exp(rng.normal(0, 0.35, len(size)))
    return np.maximum(1.0, np.round(np.minimum(wanted, 100_000 / weight)))
