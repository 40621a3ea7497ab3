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

from training.simulation.inspections import WILDLIFE, Checked, check
from training.simulation.parties import TRADER, Parties, Services, spell
from training.simulation.seasons import DAY, Calendar, hour
from training.simulation.shipments import (
    NOTIFY_FORWARDER,
    NOTIFY_PARTY,
    NOTIFY_SAME,
    PARTY,
    PORT,
    QUANTITY,
    WORDING,
    Shipments,
)
from training.simulation.tables import Floats, Ints, Tables
from training.simulation.trade import amendments, carriers, journey, lines_of, packages_of

RUNS: Final = 0.0115
"""Consignments run by networks, as a share of all trade."""
RUNS_A_NETWORK: Final = 42
LIFE_DAYS: Final = (180.0, 560.0)
BILLS: Final = (0.55, 0.27, 0.12, 0.06)
"""Shares of waves of 1, 2, 3 and 4 bills of lading."""
COMPANY_CONSIGNMENTS: Final = 4.0
BOLDNESS: Final = (1.45, 0.45)
ODD: Final = 0.55
"""Share of consignments that weigh (or fill) what their goods do not."""
QUIET_WEEKS: Final = (1.0, 5.0)
"""How long a network lies low after a seizure."""
GIVES_UP: Final = 0.15
TURNS: Final = 0.4
"""Chance that a seizure makes a network change each of its port of arrival, cover load, hub and shippers."""
AMENDED: Final = 0.13
AMENDMENTS: Final = ((WORDING, 0.12), (QUANTITY, 0.28), (PARTY, 0.33), (PORT, 0.27))
WEEK: Final = 7 * DAY


@dataclass
class _Network:
    """One network as it stands now; times in seconds, `gap` between waves in days."""

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
    """When each seizure it has not reacted to yet was recorded."""


@dataclass(frozen=True)
class _Bill:
    """One consignment about to be filed."""

    network: _Network
    filed: int
    burst: int
    company: int
    anonymous: bool
    prior: int


class Networks:
    """All networks of one world, stepped week by week."""

    def __init__(
        self,
        rng: np.random.Generator,
        tables: Tables,
        calendar: Calendar,
        parties: Parties,
        services: Services,
        consignments: float,
    ) -> None:
        self.rng, self.tables, self.calendar, self.parties, self.services = rng, tables, calendar, parties, services
        runs = RUNS * consignments
        count = max(5, round(runs / RUNS_A_NETWORK))
        self._lawful = parties.country.copy(), parties.address.copy()
        # One birth in each of as many equal spans, so that no world is without networks for long.
        spans = (np.arange(count) + rng.random(count)) / count
        births = calendar.start + ((spans * (calendar.days + LIFE_DAYS[1]) - LIFE_DAYS[1]) * DAY).astype(np.int64)
        living = sum(LIFE_DAYS) / 2 * count * calendar.days / (calendar.days + LIFE_DAYS[1])
        # Some of the time goes by lying low or is lost to giving up.
        gap = float(np.dot(BILLS, np.arange(1, 5))) * living / max(runs, 1) / 1.12
        self.networks = [self._found(i, int(birth), gap) for i, birth in enumerate(births)]

    def run(self) -> list[Checked]:
        """Everything the networks ship in the simulated time, week by week."""
        weeks = []
        for monday in range(self.calendar.start, self.calendar.stop, WEEK):
            bills = self._week(monday)
            if bills:
                checked = check(self.rng, self.tables, self.calendar, self._ship(bills))
                self._tell(bills, checked)
                weeks.append(checked)
        return weeks

    def _found(self, number: int, birth: int, gap: float) -> _Network:
        """A new network, in a zone that is hot when it is born."""
        rng = self.rng
        which = int(rng.choice(len(self.tables.typologies), p=[t.share for t in self.tables.typologies]))
        origin = self._source(which, birth)
        destination = self._destination(which, origin)
        country = int(self.tables.destinations.country[destination])
        gap *= float(rng.lognormal(0, 0.25))
        return _Network(
            number=number,
            typology=which,
            dies=birth + int(rng.uniform(*LIFE_DAYS) * DAY),
            gap=gap,
            next_wave=max(birth, self.calendar.start) + int(rng.uniform(0, gap) * DAY),
            boldness=float(rng.normal(*BOLDNESS)),
            origin=origin,
            destination=destination,
            cover=self._cover(which, destination),
            hub=self._hub(which, destination),
            forwarders=self.services.forwarder(rng, 2),
            declarant=int(self.services.declarant(rng, 1)[0]),
            notify=int(self.parties.add(np.array([country]), TRADER)[0]),
            addresses=self._addresses(country),
            shippers=self._shippers(origin),
        )

    def _source(self, which: int, when: int) -> int:
        """A country of supply, by how hot its zone is at the time."""
        typology, tables = self.tables.typologies[which], self.tables
        time = np.clip((when - self.calendar.start) / (self.calendar.days * DAY), 0, 1) * 3
        heat = [float(np.interp(time, np.arange(4.0), typology.heat[zone])) for zone in tables.zone[typology.sources]]
        possible = [bool(self._reachable(which, int(country)).sum()) for country in typology.sources]
        return int(self._choose(typology.sources, typology.source_share * (np.array(heat) + 0.05) * possible))

    def _destination(self, which: int, origin: int) -> int:
        typology = self.tables.typologies[which]
        return int(self._choose(typology.destinations, self._reachable(which, origin)))

    def _reachable(self, which: int, origin: int) -> Floats:
        """The weight of each destination of a typology, 0 where nothing goes there from a country."""
        typology, arrivals = self.tables.typologies[which], self.tables.destinations
        served = self.tables.places.served[origin, arrivals.air[typology.destinations].astype(np.int64)]
        weights: Floats = typology.destination_share * (served & (arrivals.country[typology.destinations] != origin))
        return weights

    def _cover(self, which: int, destination: int) -> int:
        """A cover load that moves in the mode of the destination."""
        covers = self.tables.typologies[which].covers
        by_air = self.tables.commodities.air[covers]
        fits = by_air > 0 if self.tables.destinations.air[destination] else by_air < 1
        return int(self._choose(covers, fits.astype(float)))

    def _hub(self, which: int, destination: int) -> int:
        """A place of transhipment outside the country of arrival, -1 where the typology has none in that mode."""
        typology, places = self.tables.typologies[which], self.tables.places
        air, country = self.tables.destinations.air[destination], self.tables.destinations.country[destination]
        weights = np.zeros(len(places.code))
        for code, share in zip(typology.hubs, typology.hub_share, strict=True):
            weights += share * ((np.array(places.code) == code) & (places.air == air) & (places.country != country))
        return int(self._choose(np.arange(len(weights)), weights)) if weights.any() else -1

    def _addresses(self, country: int) -> Ints:
        """Two or three addresses that its companies share, some of them also used by lawful traders."""
        countries, addresses = self._lawful
        known = addresses[countries == country]
        mine = self.rng.integers(1 << 40, 1 << 41, int(self.rng.integers(2, 4)))
        return np.where(self.rng.random(len(mine)) < 0.3, self.rng.choice(known, len(mine)), mine)

    def _shippers(self, origin: int) -> Ints:
        """One to three shippers of its own, and one that also serves lawful importers where there is one."""
        own = self.parties.add(np.full(int(self.rng.integers(1, 4)), origin), TRADER)
        lawful = np.flatnonzero(self._lawful[0] == origin)
        return np.concatenate([own, self.rng.choice(lawful, 1)]) if len(lawful) else own

    def _choose(self, options: Ints, weights: Floats) -> int:
        return int(self.rng.choice(options, p=weights / weights.sum()))

    def _week(self, monday: int) -> list[_Bill]:
        """The bills of lading of the waves that begin this week."""
        rng, bills = self.rng, []
        for network in self.networks:
            self._react(network, monday)
            while network.next_wave < min(monday + WEEK, network.dies):
                if network.company_left <= 0:
                    self._found_company(network)
                number = 1 + int(rng.choice(len(BILLS), p=BILLS))
                filed = network.next_wave
                for burst in range(1, number + 1):
                    if filed < self.calendar.stop:
                        bills.append(
                            _Bill(
                                network,
                                filed,
                                burst if number > 1 else 0,
                                network.company,
                                network.company_anonymous,
                                network.company_seen,
                            )
                        )
                    network.company_seen += 1
                    filed += int(rng.uniform(0.3, 2.5) * DAY)
                network.company_left -= number
                network.next_wave += int(rng.gamma(2.0, network.gap / 2) * DAY) + DAY // 4
        return bills

    def _found_company(self, network: _Network) -> None:
        """A company that will stand as consignee for a few consignments."""
        country = self.tables.destinations.country[network.destination]
        address = self.rng.choice(network.addresses, 1)
        network.company = int(self.parties.add(np.array([country]), TRADER, address)[0])
        network.company_left = 1 + int(self.rng.poisson(COMPANY_CONSIGNMENTS - 1))
        network.company_seen = 0
        network.company_anonymous = bool(self.rng.random() < 0.35)

    def _ship(self, bills: list[_Bill]) -> Shipments:
        """The consignments of these bills."""
        rng, tables, n = self.rng, self.tables, len(bills)
        networks = [bill.network for bill in bills]
        typologies = [tables.typologies[network.typology] for network in networks]
        goods = tables.commodities

        def of(name: str) -> Ints:
            return np.array([getattr(network, name) for network in networks])

        filed = np.array([bill.filed for bill in bills]) // DAY * DAY + hour(rng, n)
        destination, source, hub = of("destination"), of("origin"), of("hub")
        air = tables.destinations.air[destination]
        usual = rng.random(n) < 0.8
        commodity = np.array(
            [
                network.cover if same else self._cover(network.typology, network.destination)
                for network, same in zip(networks, usual, strict=True)
            ]
        )
        laundered = (hub >= 0) & (rng.random(n) < [typology.laundering for typology in typologies])
        transhipped = (hub >= 0) & ~laundered & (rng.random(n) < 0.72)
        told = transhipped & (rng.random(n) < 0.25)
        port = tables.places.of_country.draw(2 * source + air, rng.random(n))
        transhipped &= port != hub
        told &= transhipped
        origin = np.where(laundered, tables.places.country[hub], source)
        early, etd, eta = journey(rng, tables, filed, air, origin, transhipped)

        odd, dense = rng.random(n) < ODD, np.array([typology.trace == "density" for typology in typologies])
        weight = goods.kg[commodity] * np.exp(rng.normal(0, 0.17, n))
        change = np.where(rng.random(n) < 0.75, 1.0, -1.0) * rng.uniform(0.45, 1.1, n)
        weight = np.where(odd & ~dense, weight * np.exp(change), weight)
        density = goods.density[commodity] * np.exp(rng.normal(0, 0.10, n))
        density = np.where(odd & dense, density * np.exp(rng.uniform(0.2, 0.55, n)), density)
        order = rng.random(n) < 0.16
        notify = rng.choice([NOTIFY_PARTY, NOTIFY_FORWARDER, NOTIFY_SAME], n, p=[0.55, 0.22, 0.23])
        return Shipments(
            filed=filed,
            etd=etd,
            eta=eta,
            air=air,
            early=early,
            commodity=commodity,
            origin=origin,
            loading=np.where(laundered | told, hub, port),
            original=np.where(told, port, -1),
            via=np.where(transhipped & ~told, hub, -1),
            destination=destination,
            onward=np.full(n, -1),
            consignee=np.array([bill.company for bill in bills]),
            shipper=np.array([rng.choice(network.shippers) for network in networks]),
            consignee_spelling=spell(rng, n),
            shipper_spelling=spell(rng, n),
            notify=np.where(order, np.where(notify == NOTIFY_SAME, NOTIFY_PARTY, notify), notify),
            notify_party=of("notify"),
            forwarder=np.array([rng.choice(network.forwarders) for network in networks]),
            declarant=np.where(rng.random(n) < 0.8, of("declarant"), self.services.declarant(rng, n)),
            carrier=carriers(rng, tables, n),
            ship=rng.integers(0, 1 << 30, n),
            box=rng.integers(0, 1 << 40, n),
            order=order,
            prepaid=rng.random(n) < 0.72,
            amended=amendments(rng, n, AMENDED, AMENDMENTS),
            lines=lines_of(rng, n),
            packages=packages_of(rng, tables, commodity, np.exp(rng.normal(0, 0.35, n)), weight),
            weight=weight,
            value=goods.value[commodity] * np.exp(rng.normal(-0.12, 0.28, n)),
            density=density,
            vague=rng.random(n) < 0.04,
            wording=rng.integers(0, 6, n),
            permit=goods.protected[commodity] & (rng.random(n) < 0.6),
            anonymous=np.array([bill.anonymous for bill in bills]),
            prior=np.array([bill.prior for bill in bills]),
            burst=np.array([bill.burst for bill in bills]),
            latent=of("boldness"),
            network=of("number"),
            typology=of("typology"),
        )

    def _tell(self, bills: list[_Bill], checked: Checked) -> None:
        """Notes for each network when its losses will be known."""
        looked = checked.inspections
        for at in np.flatnonzero(looked.done & (looked.final == WILDLIFE)):
            bills[at].network.seizures.append(int(looked.recorded[at]))

    def _react(self, network: _Network, now: int) -> None:
        """What a network does about the seizures that have become known: it gives up or turns elsewhere."""
        known = [when for when in network.seizures if when < now]
        if not known:
            return
        rng = self.rng
        network.seizures = [when for when in network.seizures if when >= now]
        network.company_left = 0
        network.next_wave = max(network.next_wave, now) + int(rng.uniform(*QUIET_WEEKS) * WEEK)
        if rng.random() < GIVES_UP:
            network.dies = now
        if rng.random() < TURNS:
            network.destination = self._destination(network.typology, network.origin)
        if rng.random() < TURNS:
            network.shippers = self._shippers(network.origin)
        # The mode may have changed with the port of arrival, so that cover and hub are looked at in any case.
        network.cover = self._cover(network.typology, network.destination)
        network.hub = self._hub(network.typology, network.destination)
