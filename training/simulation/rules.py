"""The old selection rules that were in force in the simulated years, and with what probability they pick.

Owns points and bands (data/rules.yaml). The rules see only what a consignment shows and how many the importer
has had before; they learn nothing from what inspections find.
"""

from __future__ import annotations

import numpy as np

from training.simulation.shipments import Shipments
from training.simulation.tables import Floats, Ints, Tables


def points(shipments: Shipments, tables: Tables) -> Ints:
    """The points of each consignment; more is more suspicious."""
    rules, goods, places = tables.rules, tables.commodities, tables.places
    worth = rules["points"]
    concern = [tables.country(code) for code in rules["countries_of_concern"]]
    shown = np.where(shipments.original >= 0, shipments.original, shipments.loading)
    covers = [goods.hs.index(code) for code in rules["cover_loads"]]
    hubs = [i for i, code in enumerate(places.code) if code in rules["hubs"] and not places.air[i]]
    live = [i for i, hs in enumerate(goods.hs) if hs.startswith(("0106", "0301"))]
    cheap = shipments.value < 0.6 * goods.value[shipments.commodity]
    total = np.zeros(len(shipments), np.int64)
    for name, holds in (
        ("country_of_concern", np.isin(shipments.origin, concern) | np.isin(places.country[shown], concern)),
        ("cover_load", np.isin(shipments.commodity, covers)),
        ("live_animals", np.isin(shipments.commodity, live)),
        ("wildlife_heading_without_permit", goods.protected[shipments.commodity] & ~shipments.permit),
        ("new_consignee", shipments.prior < 3),
        ("consignee_number_missing", shipments.anonymous | shipments.order),
        ("order_bill", shipments.order),
        ("vague_description", shipments.vague),
        ("hub_on_the_way", np.isin(shipments.via, hubs) | np.isin(shipments.loading, hubs)),
        ("low_value", cheap),
    ):
        total += worth[name] * holds
    return total


def chance_of_selection(total: Ints, tables: Tables) -> Floats:
    """The probability with which the rules pick a consignment of so many points."""
    chance = np.zeros(len(total))
    for band, share in sorted(tables.rules["bands"].items()):
        chance = np.where(total >= band, share, chance)
    return chance
