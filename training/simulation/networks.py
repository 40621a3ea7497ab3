"""Smuggling networks: groups that live for months and ship cover loads through companies that do not.

Owns what a network has (zone of supply, cover loads, shippers, forwarders, a notify party, addresses, the port
of arrival), how its companies come and go, and how it turns away after a seizure is recorded. Many of its
consignments are clean: they build a record. Which are not is decided in `smuggling`, whose propensity knows
the network only by its `latent` boldness. Time goes in weeks: a network knows on Monday what was recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from training.simulation.inspections import Inspections, both, inspect
from training.simulation.parties import TRADER, Parties, Services
from training.simulation.seasons import DAY, Calendar
from training.simulation.shipments import (
    PARTY,
    PORT,
    QUANTITY,
    WORDING,
    Shipments,
    together,
)
from training.simulation.smuggling import propensity, toss
from training.simulation.tables import Bools, Floats, Ints, Tables

RUNS: Final = 0.0088
"""Consignments run by networks, as a share of all trade."""
RUNS_A_NETWORK: Final = 34
LIFE_DAYS: Final = (150.0, 480.0)
BILLS: Final = (0.55, 0.27, 0.12, 0.06)
"""Shares of waves of 1, 2, 3 and 4 bills of lading."""
COMPANY_CONSIGNMENTS: Final = 4.0
BOLDNESS: Final = (1.0, 0.5)
ODD: Final = 0.55
"""Share of consignments that weigh (or fill) what their goods do not."""
GIVES_UP: Final = 0.22
AMENDED: Final = 0.13
AMENDMENTS: Final = ((WORDING, 0.12), (QUANTITY, 0.28), (PARTY, 0.33), (PORT, 0.27))
WEEK: Final = 7 * DAY


@dataclass
class _Network:
    """One network as it stands now."""

    number: int
    typology: int
    dies: int
    gap: float
    next_wave: int
    boldness: float
    origin: int
    destination: int
    cover: int
    hub: int
    forwarders: Ints
    declarant: int
    notify: int
    addresses: Ints
    shippers: Ints
    company: int = -1
    company_left: int = 0
    company_seen: int = 0
    company_anonymous: bool = False
    seizures: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Runs:
    """What the networks shipped, with the propensity, the coin and the inspection of each consignment."""

    shipments: Shipments
    chance: Floats
    smuggled: Bools
    inspections: Inspections
    networks: int


class Networks:
    """All networks of one world, stepped week by week."""

    def __init__(
        self,
        rng: np.random.Generator,
        tables: Tables,
        calendar: Calendar,
        parties: Parties,
        services: Services,
        consignments: int,
    ) -> None:
        self.rng, self.tables, self.calendar, self.parties, self.services = rng, tables, calendar, parties, services
        runs = RUNS * consignments
        self.count = max(5, round(runs / RUNS_A_NETWORK))
        self.lawful = len(parties)
        self._shippers_by_country = _traders_of(parties)
        span = calendar.days + LIFE_DAYS[1]
        births = calendar.start + (rng.uniform(-LIFE_DAYS[1], calendar.days, self.count) * DAY).astype(np.int64)
        bills = float(np.dot(BILLS, np.arange(1, 5)))
        living = sum(LIFE_DAYS) / 2 * self.count * calendar.days / span
        gap = bills * living / max(runs, 1) / 1.12
        self.networks = [self._found(i, int(birth), gap) for i, birth in enumerate(sorted(births))]

    def run(self) -> Runs:
        """Everything the networks ship in the simulated time."""
        shipments: list[Shipments] = []
        chances: list[Floats] = []
        coins: list[Bools] = []
        inspections: Inspections | None = None
        for monday in range(self.calendar.start, self.calendar.stop, WEEK):
            batch = self._week(monday)
            if batch is None:
                continue
            chance = propensity(batch, self.tables, self.calendar)
            smuggled = toss(self.rng, chance)
            looked = inspect(self.rng, self.tables, batch, smuggled)
            self._tell(batch, looked)
            shipments.append(batch)
            chances.append(chance)
            coins.append(smuggled)
            inspections = looked if inspections is None else both(inspections, looked)
        assert inspections is not None
        return Runs(together(shipments), np.concatenate(chances), np.concatenate(coins), inspections, self.count)

    def _found(self, number: int, birth: int, gap: float) -> _Network:
        """A new network, in a zone that is hot when it is born."""
        rng, tables = self.rng, self.tables
        which = int(rng.choice(len(tables.typologies), p=[t.share for t in tables.typologies]))
        typology = tables.typologies[which]
        origin = self._source(which, birth)
        destination = self._destination(which, origin)
        country = int(tables.destinations.country[destination])
        own = self.parties.add(np.full(int(rng.integers(1, 4)), origin), TRADER)
        lawful = self._shippers_by_country.get(origin, own)
        front = self.parties.add(np.array([country]), TRADER)
        return (
            _Network(
                number=number,
                typology=which,
                dies=birth + int(rng.uniform(*LIFE_DAYS) * DAY),
                gap=gap * float(rng.lognormal(0, 0.35)),
                next_wave=birth + int(rng.uniform(0, 3) * WEEK),
                boldness=float(rng.normal(*BOLDNESS)),
                origin=origin,
                destination=destination,
                cover=self._cover(which, destination),
                hub=self._hub(which, destination),
                forwarders=self.services.forwarder(rng, 2),
                declarant=int(self.services.declarant(rng, 1)[0]),
                notify=int(front[0]),
                addresses=self._addresses(country),
                shippers=np.concatenate([own, rng.choice(lawful, 1)]),
            )
            if typology
            else None
        )  # type: ignore[return-value]
