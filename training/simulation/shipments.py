"""Consignments while they are simulated: one array a property, everything by index, before it is written out.

Owns the struct of arrays that legal trade and the networks fill and that propensity, rules, inspections and
the manifest read. Times are whole seconds since 1970 UTC; weights kilograms; -1 stands for none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

NOTIFY_NONE, NOTIFY_SAME, NOTIFY_FORWARDER, NOTIFY_PARTY = range(4)
AS_FILED, WORDING, QUANTITY, PARTY, PORT = range(5)
"""What an amendment changed, if there was one."""


@dataclass
class Shipments:
    """n consignments. Places, countries, commodities are indices into `tables`, parties into `Parties`."""

    filed: Array
    etd: Array
    eta: Array
    air: Array
    early: Array
    """Filed before loading, not only before arrival."""
    commodity: Array
    origin: Array
    """Country of origin as declared."""
    loading: Array
    original: Array
    """First loading port where it is told and another than `loading`."""
    via: Array
    """Place of transhipment."""
    destination: Array
    """Row of `Destinations`."""
    onward: Array
    """Country where the goods end, when that is not the country of discharge."""
    consignee: Array
    shipper: Array
    consignee_spelling: Array
    shipper_spelling: Array
    notify: Array
    notify_party: Array
    forwarder: Array
    declarant: Array
    carrier: Array
    ship: Array
    box: Array
    """First container of the pool; the others follow it."""
    order: Array
    """The bill is made out to order."""
    prepaid: Array
    amended: Array
    lines: Array
    packages: Array
    weight: Array
    """Gross kilograms per package of the first line."""
    value: Array
    """USD per kilogram of the first line."""
    density: Array
    """Kilograms per cubic metre of the first line."""
    vague: Array
    wording: Array
    permit: Array
    anonymous: Array
    """The consignee's number is missing."""
    prior: Array
    """Earlier consignments of the consignee, those before the simulated years included."""
    burst: Array
    """Which bill of a load split over several days; 0 for an ordinary consignment."""
    latent: Array
    """What the one who ships brings in log odds beyond what the consignment shows."""
    network: Array
    typology: Array

    def __len__(self) -> int:
        return len(self.filed)

    def take(self, index: Array) -> Shipments:
        """The consignments at these positions."""
        return Shipments(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


def together(parts: Sequence[Shipments]) -> Shipments:
    """All consignments of several parts, in that order."""
    return Shipments(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Shipments)}
    )
