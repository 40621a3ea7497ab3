"""Reads Cargo-XML of IATA: air waybills (XFWB), house waybills (XFZB), house manifests (XFHL), flight manifests (XFFM).

Elements are known by their local names, so prefixes and the versions of the namespaces do not matter, nor does the
order of siblings. A bill is known by its place in the message, counted from 1. One message is at most
`LARGEST` bytes, as it is taken apart in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from risk.errors import InputError
from risk.manifests.air_waybill import Flight, Flights, awb_number, is_awb, place, valid_awb
from risk.manifests.cargo_xml_consignment import Bill, house_bill, measure, one, several, text, unit, waybill
from risk.manifests.content import open_bytes
from risk.manifests.facts import Function, MessageFacts
from risk.manifests.message import Collector, Container, Row, consignment_id
from risk.manifests.raw import Raw
from risk.manifests.xml_events import Element, elements

ROOTS: Final = {"Waybill": "XFWB", "HouseWaybill": "XFZB", "HouseManifest": "XFHL", "FlightManifest": "XFFM"}
"""The messages read, by the name of their first element."""

MANIFESTS: Final = frozenset({"FlightManifest", "HouseManifest"})
"""Those that list bills which may have a message of their own."""

LARGEST: Final = 32 << 20
"""Bytes of one message; the largest flight has a few megabytes."""

_FUNCTIONS: Final[dict[str, Function]] = {
    "": "original", "CREATION": "original", "ORIGINAL": "original", "9": "original",
    "UPDATE": "change", "CHANGE": "change", "2": "change", "4": "change", "REPLACE": "replace", "5": "replace",
    "DELETION": "cancel", "DELETE": "cancel", "CANCELLATION": "cancel", "CANCEL": "cancel", "1": "cancel",
    "3": "cancel",
}  # fmt: skip


class CargoXml:
    """A Cargo-XML message as `Raw` batches; `flights` are those that other messages of the reading tell."""

    fixed = False
    names: tuple[str, ...] = ()

    def __init__(
        self,
        path: Path,
        root: str,
        encoding: str | None,
        batch_rows: int,
        received: datetime | None,
        flights: Flights | None = None,
    ) -> None:
        self._path, self._root, self._encoding = path, root, encoding
        self._batch_rows, self._received, self._flights = batch_rows, received, flights or Flights()

    def __iter__(self) -> Iterator[Raw]:
        """The bills in order. Raises InputError when the time of filing is not known or the XML is damaged."""
        bills = Collector(str(self._path), self._batch_rows, self._received)
        for message in _messages(self._path, self._root, self._encoding):
            facts = header(message, self._root)
            if not (facts.prepared_at or self._received):
                raise InputError(
                    f"{self._path}: the {facts.format} message does not say when it was issued (IssueDateTime); give "
                    "the time at which it was received (received_at)."
                )
            bills.begin(facts)
            if facts.function == "unknown":
                bills.note("function", "is no PurposeCode known here; taken as a creation", 1, _purpose(message))
            listed = list(self.bills(message, facts))
            known = self._flights.known([_name(bill) for bill in listed]) if self._root in MANIFESTS else set()
            for number, bill in enumerate(listed, 1):
                self._take(bill, number, bills, known)
                if bills.full:
                    yield bills.take()
            bills.end()
        yield bills.take()

    def bills(self, message: Element, facts: MessageFacts) -> Iterator[Bill]:
        """The bills of a message, taken apart; its `facts` get the totals that a flight declares."""
        if self._root == "FlightManifest":
            flown = list(flown_bills(message))
            _declare_flight(message, facts)
            yield from flown
            return
        found = False
        for master in several(message, "MasterConsignment"):
            houses = several(master, "IncludedHouseConsignment")
            if self._root == "Waybill":
                found = True
                yield waybill(message, master)
            for house in houses if self._root != "Waybill" else ():
                found = True
                yield house_bill(message, master, house, alone=len(houses) == 1 and self._root == "HouseWaybill")
        if not found:
            yield Bill("", "", [], record={"message": facts.reference})

    def _take(self, bill: Bill, number: int, bills: Collector, known: set[str]) -> None:
        facts = bills.facts
        if not bill.number:
            wanted = "BusinessHeaderDocument/ID" if self._root == "Waybill" else "the ID of the consignment"
            if self._root == "FlightManifest":
                wanted = "TransportContractDocument/ID"
            bills.reject(number, "bl_no", "", f"is missing; expected is {wanted}", bill.record)
            return
        if facts.function == "cancel":
            bills.cancel(bill.number, bill.master, number)
            return
        air = bill.master or bill.number
        if is_awb(air) and not valid_awb(air):
            bills.note("bl_no", "has a wrong check digit (the serial number by 7)", number, air)
        for name, reason, value in bill.notes:
            bills.note(name, reason, number, value)
        for name, total in bill.declared.items():
            facts.declared[name] = facts.declared.get(name, 0.0) + total
        if _name(bill) in known:
            _count_only(bill, facts)
            return
        if self._root != "FlightManifest":
            for row in bill.rows:
                self._flights.join(air, row)
        bills.bill(bill.rows, number, bill.boxes, bill.joined)


def header(message: Element, root: str) -> MessageFacts:
    """What the MessageHeaderDocument says; the time of issue may lack its zone."""
    head = one(message, "MessageHeaderDocument")
    return MessageFacts(
        ROOTS[root],
        version=text(head, "VersionID"),
        reference=text(head, "ID"),
        sender=text(head, "SenderParty", "PrimaryID"),
        recipient=text(head, "RecipientParty", "PrimaryID"),
        function=_FUNCTIONS.get(_purpose(message).upper(), "unknown"),
        prepared_at=text(head, "IssueDateTime") or text(head, "IssueDate"),
    )


def flown_bills(message: Element) -> Iterator[Bill]:
    """The waybills of a flight manifest, one bill for each and place of unloading, its parts in ULDs added up."""
    movement = one(message, "LogisticsTransportMovement")
    bills: dict[tuple[str, str], Bill] = {}
    nameless = []
    for event, cargo, part in _parts(message):
        flight = _flight(movement, event)
        number = awb_number(text(part, "TransportContractDocument", "ID") or text(part, "ID"))
        if not number:
            nameless.append(Bill("", "", [], record={"description": text(part, "SummaryDescription")}))
            continue
        row = _flown_row(number, flight, part)
        equipment = one(cargo, "UtilizedUnitLoadTransportEquipment")
        boxes = [] if equipment is None else [unit(equipment)]
        key = (number, flight.discharge_port)
        if key in bills:
            _add_part(bills[key], row, boxes)
        else:
            bills[key] = Bill(number, "", [row], boxes, flight=flight)
    yield from bills.values()
    yield from nameless


def flights_in(path: Path, encoding: str | None, flights: Flights) -> None:
    """Book the waybills of a flight manifest on its flight."""
    for message in _messages(path, "FlightManifest", encoding):
        if header(message, "FlightManifest").function != "cancel":
            for bill in flown_bills(message):
                if bill.number and bill.flight is not None:
                    flights.book(bill.number, bill.flight)


def described(path: Path, root: str, encoding: str | None) -> Iterator[str]:
    """The consignments that an XFWB or XFZB describes, by `consignment_id`; none when it takes them back."""
    reader = CargoXml(path, root, encoding, 1, None)
    for message in _messages(path, root, encoding):
        facts = header(message, root)
        if facts.function != "cancel":
            yield from (consignment_id(bill.number, bill.master) for bill in reader.bills(message, facts))


def _messages(path: Path, root: str, encoding: str | None) -> Iterator[Element]:
    size = 0
    with open_bytes(path) as file:
        while block := file.read(1 << 20):
            size += len(block)
            if size > LARGEST:
                raise InputError(
                    f"{path}: the {ROOTS[root]} message has more than {LARGEST:,} bytes; expected is one message."
                )
    yield from elements(path, encoding, (root,))


def _name(bill: Bill) -> str:
    return consignment_id(bill.number, bill.master)


def _purpose(message: Element) -> str:
    return text(one(message, "MessageHeaderDocument"), "PurposeCode")


def _parts(message: Element) -> Iterator[tuple[Element, Element, Element]]:
    """Arrival, cargo and consignment of each part of a waybill on the flight."""
    for event in several(message, "ArrivalEvent"):
        for cargo in several(event, "AssociatedTransportCargo"):
            for part in several(cargo, "IncludedMasterConsignment"):
                yield event, cargo, part
    events = several(message, "ArrivalEvent")
    for name in ("MasterConsignment", "IncludedMasterConsignment"):
        for part in several(message, name):  # senders that leave the levels between out
            yield (events[0] if events else None), None, part


def _flight(movement: Element | None, event: Element | None) -> Flight:
    departure = one(movement, "DepartureEvent")
    number = text(movement, "ID").replace("-", "").replace(" ", "").upper()
    carrier = text(movement, "OperatingCarrierParty", "Name") or text(movement, "CarrierParty", "Name")
    return Flight(
        number,
        carrier or number[:2],
        place(text(departure, "OccurrenceDepartureLocation", "ID")),
        place(text(event, "OccurrenceArrivalLocation", "ID")),
        text(departure, "DepartureOccurrenceDateTime") or text(departure, "ScheduledOccurrenceDateTime"),
        text(event, "ArrivalOccurrenceDateTime") or text(event, "ScheduledOccurrenceDateTime"),
    )


def _flown_row(number: str, flight: Flight, part: Element) -> Row:
    row = {"bl_no": number, "mode": "air", **flight.row()}
    origin, end = place(text(part, "OriginLocation", "ID")), place(text(part, "FinalDestinationLocation", "ID"))
    if origin and origin != flight.loading_port:
        row["original_loading_port" if flight.loading_port else "loading_port"] = origin
    if end:
        row["final_destination"] = end
    item = one(part, "IncludedMasterConsignmentItem")
    for name, found in (
        ("gross_weight_kg", measure(part, ("GrossWeightMeasure", "IncludedTareGrossWeightMeasure"))),
        ("volume_m3", measure(part, ("GrossVolumeMeasure",), volume=True)),
        ("packages", text(part, "TotalPieceQuantity") or text(part, "PieceQuantity") or text(part, "PackageQuantity")),
        ("description", text(part, "SummaryDescription")),
        ("hs_code", text(item, "TypeCode")),
    ):
        if found:
            row[name] = found
    return row


def _add_part(bill: Bill, row: Row, boxes: Sequence[Container]) -> None:
    whole = bill.rows[0]
    for name in ("gross_weight_kg", "volume_m3", "packages"):
        try:
            whole[name] = f"{float(whole[name]) + float(row[name]):.10g}"
        except (KeyError, ValueError):
            whole.setdefault(name, row.get(name, ""))
    for name, value in row.items():
        whole.setdefault(name, value)
    bill.boxes.extend(box for box in boxes if box not in bill.boxes)


def _declare_flight(message: Element, facts: MessageFacts) -> None:
    movement = one(message, "LogisticsTransportMovement")
    pieces = text(movement, "TotalPieceQuantity") or text(movement, "TotalPackageQuantity")
    weight = measure(movement, ("TotalGrossWeightMeasure",))
    for name, found in (("packages", pieces), ("gross_weight_kg", weight)):
        try:
            facts.declared[name] = float(found)
        except ValueError:
            continue


def _count_only(bill: Bill, facts: MessageFacts) -> None:
    """A bill that its own message describes counts for the totals of the manifest that lists it."""
    for totals in (facts.read,) if bill.master else (facts.read, facts.of_masters):
        totals["bills"] += 1
        for name in ("packages", "gross_weight_kg"):
            try:
                totals[name] += float(bill.rows[0].get(name, ""))
            except ValueError:
                continue
