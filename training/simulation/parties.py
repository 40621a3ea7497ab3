"""Who trades: every party that exists, and the habits of lawful importers.

A party is a number; its country, kind and address say how `names` writes it. An importer has a few habits: a
commodity from one origin, one shipper, one lane, its own weight per package and price. Importers follow
Zipf's law, come and go; half of them traded before the simulated years began.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.seasons import Calendar
from training.simulation.shipments import Array
from training.simulation.tables import Bools, Floats, Ints, Tables, choices

TRADER, FORWARDER = 0, 1
IMPORTERS_A_CONSIGNMENT = 0.17
ZIPF_OFFSET = 4.0
LIFE_DAYS = 900.0
INSIDERS = 0.012
"""Share of established importers of goods that serve as cover who smuggle themselves."""


class Parties:
    """All parties: country, kind and address of each. Grows while networks found their companies."""

    def __init__(self) -> None:
        self.country = np.empty(0, np.int64)
        self.kind = np.empty(0, np.int64)
        self.address = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.country)

    def add(self, country: Array, kind: int, address: Array | None = None) -> Ints:
        """New parties in these countries, each at an address of its own unless told; gives their numbers."""
        new = len(self) + np.arange(len(country))
        self.country = np.concatenate([self.country, country])
        self.kind = np.concatenate([self.kind, np.full(len(country), kind)])
        self.address = np.concatenate([self.address, new if address is None else address])
        return new


@dataclass(frozen=True)
class Habits:
    """The habits of importers: one array entry a habit; `first` and `count` say which are whose."""

    importer: Ints
    commodity: Ints
    origin: Ints
    loading: Ints
    via: Ints
    told: Bools
    """A transhipped habit names its first port as `original_loading_port` and loads at the hub."""
    destination: Ints
    shipper: Ints
    forwarder: Ints
    declarant: Ints
    carrier: Ints
    notify: Ints
    notify_party: Ints
    prepaid: Bools
    spelling: Ints
    shipper_spelling: Ints
    weight: Floats
    value: Floats
    size: Floats
    permit: Bools


@dataclass(frozen=True)
class Importers:
    """Lawful importers by their number among the parties (they are the first), and their habits."""

    weight: Floats
    opens: Floats
    closes: Floats
    earlier: Ints
    anonymous: Bools
    order: Bools
    onward: Ints
    latent: Floats
    first: Ints
    count: Ints
    habits: Habits


SPELLINGS = (0.64, 0.19, 0.05, 0.03, 0.09)
"""Shares of the ways a party is written; see `names`."""


def spell(rng: np.random.Generator, n: int) -> Ints:
    """A way of writing a party, for each of n."""
    return np.searchsorted(np.cumsum(SPELLINGS), rng.random(n) * 0.999999).astype(np.int64)


@dataclass(frozen=True)
class Services:
    """Those who serve everyone: forwarders (parties) and declarants (numbers), the busiest first."""

    forwarders: Ints
    declarants: int

    def forwarder(self, rng: np.random.Generator, n: int) -> Ints:
        """A forwarder for each of n."""
        return self.forwarders[(len(self.forwarders) * rng.random(n) ** 2.2).astype(np.int64)]

    def declarant(self, rng: np.random.Generator, n: int) -> Ints:
        """A declarant for each of n."""
        return (self.declarants * rng.random(n) ** 2.0).astype(np.int64)


def make_importers(
    rng: np.random.Generator, tables: Tables, calendar: Calendar, parties: Parties, consignments: int
) -> tuple[Importers, Services]:
    """Importers, their habits and shippers, for about so many consignments of lawful trade."""
    n = max(60, round(consignments * IMPORTERS_A_CONSIGNMENT))
    homes = tables.destinations
    home = np.searchsorted(np.cumsum(homes.share), rng.random(n) * 0.999999)
    onward = np.where(
        (homes.country[home] == tables.country("VN")) & ~homes.air[home] & (rng.random(n) < 0.02),
        np.where(rng.random(n) < 0.6, tables.country("KH"), tables.country("LA")),
        -1,
    )
    country = np.where(onward >= 0, onward, homes.country[home])
    service_address = rng.integers(0, n, max(2, n // 150))
    address = np.where(rng.random(n) < 0.06, service_address[rng.integers(0, len(service_address), n)], np.arange(n))
    importers = parties.add(country, TRADER, address)

    weight = 1.0 / (rng.permutation(n) + ZIPF_OFFSET)
    established = rng.random(n) < 0.5
    opens = np.where(established, 0.0, rng.random(n) * calendar.days)
    closes = np.minimum(opens + np.maximum(rng.exponential(LIFE_DAYS, n), 20.0), calendar.days)
    rate = weight / weight.sum() * consignments / calendar.days
    earlier = np.where(established, rng.poisson(rate * rng.uniform(100, 900, n)), 0)

    scale = max(1.0, consignments / 1000)
    forwarders = parties.add(country[rng.integers(0, n, max(24, round(14 * scale**0.6)))], FORWARDER)
    services = Services(forwarders, max(20, round(12 * scale**0.6)))
    habits, first, count = _habits(rng, tables, parties, importers, home, rate * calendar.days, services)
    covers = np.unique(np.concatenate([t.covers for t in tables.typologies]))
    sources = np.unique(np.concatenate([t.sources for t in tables.typologies]))
    fits = np.isin(habits.commodity[first], covers) & np.isin(habits.origin[first], sources)
    insider = fits & (rng.random(n) < INSIDERS)
    return Importers(
        weight=weight * calendar.share(opens, closes),
        opens=opens,
        closes=closes,
        earlier=earlier,
        anonymous=rng.random(n) < 0.10,
        order=rng.random(n) < 0.04,
        onward=onward,
        latent=np.where(insider, rng.normal(2.2, 0.4, n), 0.0),
        first=first,
        count=count,
        habits=habits,
    ), services


def _habits(
    rng: np.random.Generator,
    tables: Tables,
    parties: Parties,
    importers: Ints,
    home: Ints,
    expected: Floats,
    services: Services,
) -> tuple[Habits, Ints, Ints]:
    n = len(importers)
    count = 1 + np.minimum(rng.poisson(0.45 * np.log1p(expected)), 9)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    owner = np.repeat(np.arange(n), count)
    main = np.zeros(len(owner), bool)
    main[first] = True
    at = np.where(main | (rng.random(len(owner)) < 0.85), home[owner], _near(rng, tables, home[owner]))
    air = tables.destinations.air[at]
    commodity = _goods(rng, tables, air, owner, first)
    origin = tables.commodities.origins.draw(commodity, rng.random(len(owner)))
    elsewhere = tables.country("CN")
    served = tables.places.served[origin, air.astype(int)] & (origin != tables.destinations.country[at])
    origin = np.where(served, origin, elsewhere)
    loading = tables.places.of_country.draw(2 * origin + air, rng.random(len(owner)))
    zone = tables.zone[origin]
    via = np.where(rng.random(len(owner)) < tables.via_share[zone], hub(rng, tables, zone, air), -1)
    via = np.where((via == loading) | (tables.places.country[via] == tables.destinations.country[at]), -1, via)
    m = len(owner)
    return (
        Habits(
            importer=owner,
            commodity=commodity,
            origin=origin,
            loading=loading,
            via=via,
            told=rng.random(m) < 0.18,
            destination=at,
            shipper=_shippers(rng, tables, parties, commodity, origin),
            forwarder=services.forwarder(rng, m),
            declarant=services.declarant(rng, m)[first][owner],
            carrier=rng.integers(0, len(tables.names["sea_carriers"]), m),
            notify=np.searchsorted(np.cumsum([0.17, 0.55, 0.2, 0.08]), rng.random(m) * 0.999999),
            notify_party=importers[rng.integers(0, n, m)],
            prepaid=rng.random(m) < 0.45,
            spelling=spell(rng, m),
            shipper_spelling=spell(rng, m),
            weight=np.exp(rng.normal(0, 0.16, m)),
            value=np.exp(rng.normal(0, 0.25, m)),
            size=np.exp(rng.normal(0, 0.5, m)),
            permit=rng.random(m) < 0.93,
        ),
        first,
        count,
    )


def hub(rng: np.random.Generator, tables: Tables, zone: Ints, air: Bools) -> Ints:
    """A place where lawful cargo from these zones changes ship or plane."""
    sea = ("SGSIN", "MYPKG", "LKCMB", "HKHKG", "KRPUS", "TWKHH", "AEJEA", "OMSLL", "ESALG", "MYTPP")
    near = np.array([5, 3, 0, 3, 2, 2, 0, 0, 0, 1.0])
    far = np.array([6, 4, 2, 1, 0, 0.3, 2, 0.8, 0.8, 1.5])
    east = tables.zones.index("southeast_asia")
    rows = choices(
        [
            [(tables.places.index(code, False), w) for code, w in zip(sea, weights, strict=True)]
            for weights in (near, far)
        ]
    )
    by_sea = rows.draw((zone > east).astype(np.int64), rng.random(len(zone)))
    return np.where(air, tables.air_hub[zone], by_sea)


def _near(rng: np.random.Generator, tables: Tables, home: Ints) -> Ints:
    places = tables.destinations
    rows = choices(
        [
            [(int(j), float(places.share[j])) for j in np.flatnonzero(places.country == places.country[i])]
            for i in range(len(places.office))
        ]
    )
    return rows.draw(home, rng.random(len(home)))


def _goods(rng: np.random.Generator, tables: Tables, air: Bools, owner: Ints, first: Ints) -> Ints:
    """What each habit is in: mostly goods of the sector of the importer's first one."""
    goods = tables.commodities
    modes = choices(
        [[(i, float(w)) for i, w in enumerate(goods.share * share) if w > 0] for share in (1 - goods.air, goods.air)]
    )
    anything = modes.draw(air.astype(np.int64), rng.random(len(owner)))
    sector = goods.sector[anything[first]][owner]
    alike = goods.alike().draw(2 * sector + air, rng.random(len(owner)))
    main = np.zeros(len(owner), bool)
    main[first] = True
    return np.where(main | (alike < 0) | (rng.random(len(owner)) < 0.15), anything, alike)


def _shippers(rng: np.random.Generator, tables: Tables, parties: Parties, commodity: Ints, origin: Ints) -> Ints:
    """The shipper of each habit, out of a pool for each commodity and origin; some serve many importers."""
    pool = commodity * len(tables.countries) + origin
    kinds, which, sizes = np.unique(pool, return_inverse=True, return_counts=True)
    size = np.ceil(0.6 * sizes).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    numbers = parties.add(np.repeat(kinds % len(tables.countries), size), TRADER)
    found: Ints = numbers[start[which] + (size[which] * rng.random(len(pool)) ** 1.6).astype(np.int64)]
    return found
