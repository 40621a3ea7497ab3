"""Looks over the messages of one reading for flight and house manifests, so that waybills know their flight.

Only when there are some are the waybills looked over too, so that a bill with a message of its own is not given a
second time by a manifest that lists it. What cannot be read here is passed over: reading it says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from risk.errors import InputError
from risk.manifests import cargo_imp, cargo_xml
from risk.manifests.air_waybill import Flights
from risk.manifests.content import message_format
from risk.manifests.xml_events import root_name


def look_over(sources: Sequence[Path], encoding: str | None, received: datetime | None, flights: Flights) -> None:
    """Book the waybills of all flight manifests among the files, and note the bills that are described."""
    kinds: dict[Path, str] = {}
    for source in sources:
        try:
            kinds[source] = _kind(source, encoding, alone=len(sources) == 1)
            if kinds[source] == "cargo_imp":
                cargo_imp.flights_in(source, encoding, received, flights)
            elif kinds[source] == "FlightManifest":
                cargo_xml.flights_in(source, encoding, flights)
        except InputError:
            continue
    if not flights and not cargo_xml.MANIFESTS & set(kinds.values()):
        return
    for source, kind in kinds.items():
        try:
            if kind == "cargo_imp":
                flights.described.update(cargo_imp.described(source, encoding))
            elif kind in {"Waybill", "HouseWaybill"}:
                flights.described.update(cargo_xml.described(source, kind, encoding))
        except InputError:
            continue


def _kind(source: Path, encoding: str | None, *, alone: bool) -> str:
    """The kind of message in a file; an XML file alone has no other to tell of."""
    format = message_format(source)
    return root_name(source, encoding) if format == "xml" and not alone else format or ""
