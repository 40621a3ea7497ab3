"""How likely it is that a consignment carries wildlife: the propensity, and the coin that is tossed with it.

Owns the one formula for all trade, lawful or run by a network. It reads what the consignment shows, how busy
the trade from that zone is at the time, the importer's past, and what the one who ships brings in that cannot
be seen (`latent`). The coin is tossed last and nothing that is written to the manifest depends on it: odd
weights, split loads and the rest come first, whether or not wildlife is inside. So the propensity is the
probability given everything but the coin. Networks react to seizures, which is after the coin and before
their next consignment.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from training.simulation.seasons import Calendar
from training.simulation.shipments import NOTIFY_FORWARDER, QUANTITY, Shipments
from training.simulation.tables import Bools, Floats, Ints, Tables

ELSEWHERE: Final = -10.4
"""Log odds of trade that fits no typology."""
FITS: Final = -9.25
"""Log odds of trade that fits one, before everything that follows."""
ROUTE: Final = 2.5
"""A cover load from a zone of supply."""
LAUNDERED: Final = 2.2
"""A cover load that a hub sent on as its own."""
HEAT: Final = 1.0
TRACE: Final = 0.85
"""For each standard deviation of weight per package (or density) beyond the second, three at most."""
SPREAD: Final = 0.2
"""Standard deviation of log weight per package in a commodity."""
DENSITY_SPREAD: Final = 0.1
NEWNESS: Final = ((1, 0.7), (8, 1.1), (25, 0.4))
"""By earlier consignments of the importer: fewer than the first number, what it adds."""
ORDER: Final = 0.4
FORWARDER_NOTIFIED: Final = 0.4
PREPAID: Final = 0.3
AMENDED_ROUTE: Final = 0.9
AMENDED_QUANTITY: Final = 0.4
VAGUE: Final = 0.4
SPLIT: Final = 0.35


def propensity(shipments: Shipments, tables: Tables, calendar: Calendar) -> Floats:
    """The probability that each consignment carries wildlife, given everything except the coin."""
    fits_source, fits_hub, heat, _ = fits(shipments, tables, calendar)
    fitting = fits_source | fits_hub
    z_weight, z_density = deviations(shipments, tables)
    trace = np.clip(np.maximum(np.abs(z_weight), z_density) - 2.0, 0.0, 3.0)
    new = np.zeros(len(shipments))
    for below, adds in reversed(NEWNESS):
        new = np.where(shipments.prior < below, adds, new)
    order = shipments.order * (ORDER + FORWARDER_NOTIFIED * (shipments.notify == NOTIFY_FORWARDER))
    amended = AMENDED_ROUTE * (shipments.amended > QUANTITY) + AMENDED_QUANTITY * (shipments.amended == QUANTITY)
    score = (
        FITS
        + np.where(fits_source, ROUTE, LAUNDERED)
        + HEAT * heat
        + TRACE * trace
        + new
        + order
        + PREPAID * shipments.prepaid
        + amended
        + VAGUE * shipments.vague
        + SPLIT * np.clip(shipments.burst - 1, 0, 2)
    )
    score = np.where(fitting, score, ELSEWHERE) + shipments.latent
    chance: Floats = 1.0 / (1.0 + np.exp(-score))
    return chance


def fits(shipments: Shipments, tables: Tables, calendar: Calendar) -> tuple[Bools, Bools, Floats, Ints]:
    """Whether goods and route are those of a typology (seen as such, or hidden behind a hub), how hot the
    zone is then (0 to 1), and the typology that fits best (-1 for none)."""
    n = len(shipments)
    visible = np.where(
        shipments.original >= 0, tables.places.country[shipments.original], tables.places.country[shipments.loading]
    )
    zone = tables.zone[shipments.origin]
    time = calendar.progress(shipments.filed) * 3
    seen, behind = np.zeros(n, bool), np.zeros(n, bool)
    heat, best, which = np.zeros(n), np.zeros(n), np.full(n, -1)
    for number, typology in enumerate(tables.typologies):
        goods = np.isin(shipments.commodity, typology.covers)
        if typology.mode != "any":
            goods &= shipments.air == (typology.mode == "air")
        source = goods & (np.isin(shipments.origin, typology.sources) | np.isin(visible, typology.sources))
        hubs = [tables.country(code[:2]) for code in typology.hubs]
        hub = goods & ~source & np.isin(tables.places.country[shipments.loading], hubs)
        now = np.zeros(n)
        for at in np.unique(zone[source]):
            mine = source & (zone == at)
            now[mine] = np.interp(time[mine], np.arange(4.0), typology.heat[at])
        now[hub] = 0.3
        seen |= source
        behind |= hub
        heat = np.maximum(heat, now)
        better = (source | hub) & (typology.share * (now + 0.01) > best)
        best = np.where(better, typology.share * (now + 0.01), best)
        which = np.where(better, number, which)
    return seen, behind & ~seen, heat, which


def deviations(shipments: Shipments, tables: Tables) -> tuple[Floats, Floats]:
    """Weight per package and density against what is usual for the commodity, in standard deviations."""
    goods = tables.commodities
    weight = np.log(shipments.weight / goods.kg[shipments.commodity]) / SPREAD
    density = np.log(shipments.density / goods.density[shipments.commodity]) / DENSITY_SPREAD
    return weight, density


def toss(rng: np.random.Generator, chance: Floats) -> Bools:
    """Which consignments carry wildlife."""
    heads: Bools = rng.random(len(chance)) < chance
    return heads
