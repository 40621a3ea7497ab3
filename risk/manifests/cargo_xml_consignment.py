"""A consignment of Cargo-XML as rows: parties, route, goods lines, unit load devices, customs notes.

Waybills and house waybills share their elements; knows no message and no file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from risk.manifests.air_waybill import KG, M3, SEVERAL, Flight, awb_number, converted, lines_by_code, place, tax_number
from risk.manifests.message import Container, Row
from risk.manifests.xml_events import Element, local

_PARTIES: Final = {"ConsignorParty": "shipper", "ConsigneeParty": "consignee", "NotifyParty": "notify",
                   "AlsoNotifyParty": "notify"}  # fmt: skip
_NOTIFY: Final = frozenset({"NI", "NP", "N1", "NFY"})
_BROKER: Final = frozenset({"CB", "BRK"})
_SUBJECTS: Final = {"SHP": "shipper", "CNE": "consignee", "NFY": "notify"}
_PAYMENT: Final = {"PP": "prepaid", "PX": "prepaid", "P": "prepaid", "CC": "collect", "CX": "collect", "C": "collect"}
_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}
_HS: Final = re.compile(r"[\d.\s]{4,16}", re.ASCII)


@dataclass
class Bill:
    """A bill taken apart: its goods lines, units and, for each line, which units hold it (all when not told).

    declared  totals that the bill states beside lines that state their own
    notes     field, reason and value of remarks
    record    what was there, for a reject
    flight    the flight, when a flight manifest tells of the bill
    """

    number: str
    master: str
    rows: list[Row]
    boxes: list[Container] = field(default_factory=list)
    joined: list[list[int]] = field(default_factory=list)
    declared: dict[str, float] = field(default_factory=dict)
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    record: dict[str, str] = field(default_factory=dict)
    flight: Flight | None = None


def several(element: Element | None, name: str) -> list[Element]:
    """The children with a local name."""
    return [] if element is None else [child for child in element if local(child.tag) == name]


def one(element: Element | None, name: str) -> Element | None:
    """The first child with a local name."""
    return next(iter(several(element, name)), None)


def text(element: Element | None, *names: str) -> str:
    """The trimmed text at the end of a path of first children; empty when there is none."""
    for name in names:
        element = one(element, name)
    return "" if element is None or element.text is None else " ".join(element.text.split())


def measure(element: Element | None, names: tuple[str, ...], *, volume: bool = False) -> str:
    """The first of some measures, in kilograms or cubic metres; empty for none and for a unit of another kind."""
    units = M3 if volume else KG
    for name in names:
        found = one(element, name)
        if found is None or not text(found):
            continue
        factor = units.get(found.get("unitCode", "MTQ" if volume else "KGM").upper())
        if factor is not None:
            return converted(text(found), factor)
    return ""


def waybill(message: Element, master: Element) -> Bill:
    """The bill of an XFWB."""
    number = awb_number(
        text(one(message, "BusinessHeaderDocument"), "ID") or text(master, "TransportContractDocument", "ID")
    )
    kind = {"741": "master", "740": "straight"}.get(text(one(message, "MessageHeaderDocument"), "TypeCode"), "")
    rated = [several(rating, "IncludedMasterConsignmentItem") for rating in several(master, "ApplicableRating")]
    # The rates of carrier, agent and face of the waybill repeat the same goods.
    items = next((items for items in rated if items), []) or several(master, "IncludedMasterConsignmentItem")
    return _bill(Bill(number, "", []), kind, master, None, items)


def house_bill(message: Element, master: Element, house: Element, *, alone: bool) -> Bill:
    """The bill of one house consignment; `alone` when the header of the message may speak of it."""
    number = text(house, "ID") or text(house, "TransportContractDocument", "ID")
    if not number and alone:
        number = text(one(message, "BusinessHeaderDocument"), "ID")
    above = text(master, "TransportContractDocument", "ID") or text(master, "ID")
    if not above and not alone:
        above = text(one(message, "BusinessHeaderDocument"), "ID")
    bill = Bill("".join(number.split()).upper(), awb_number(above), [])
    return _bill(bill, "house", house, master, several(house, "IncludedHouseConsignmentItem"))


def _bill(bill: Bill, kind: str, own: Element, master: Element | None, items: list[Element]) -> Bill:
    row: Row = {"bl_no": bill.number, "mode": "air"}
    row |= {name: found for name, found in (("master_bl_no", bill.master), ("bl_type", kind)) if found}
    _parties(row, own)
    _customs(row, own, master)
    _route(row, own, master)
    _payment(row, own, master, bill)
    for equipment in several(own, "UtilizedLogisticsTransportEquipment"):
        _box(bill, equipment)
    _goods(bill, row, own, items)
    bill.record = {"bl_no": bill.number, "description": row.get("description", "")}
    return bill


def _parties(row: Row, own: Element) -> None:
    for child in own:
        name = local(child.tag)
        role = _PARTIES.get(name, "")
        if name == "AssociatedParty":
            code = text(child, "RoleCode").upper()
            if code in _BROKER:
                row.setdefault("declarant_id", text(child, "PrimaryID") or text(child, "Name"))
            role = "notify" if code in _NOTIFY or not code else ""
        if name == "FreightForwarderParty" and text(child, "Name"):
            row.setdefault("forwarder_name", text(child, "Name"))
        if not role or f"{role}_name" in row:
            continue
        address = one(child, "PostalStructuredAddress")
        parts = ("StreetName", "PostOfficeBox", "CityName", "CountrySubDivisionName", "PostcodeCode")
        for column, found in (
            ("name", text(child, "Name")),
            ("address", ", ".join(part for name in parts if (part := text(address, name)))),
            ("country", text(address, "CountryID")),
            ("id", tax_number(text(child, "SpecifiedTaxRegistration", "ID") or text(child, "PrimaryID"))),
        ):
            if found:
                row[f"{role}_{column}"] = found


def _customs(row: Row, own: Element, master: Element | None) -> None:
    """Identifiers of traders that stand in the customs notes: subject, code T for trader, content."""
    for holder in (own, master):
        taken = set(row) if holder is master else set()
        for note in several(holder, "IncludedCustomsNote"):
            content, subject = text(note, "Content"), text(note, "SubjectCode").upper()
            if text(note, "ContentCode").upper() != "T" or not content:
                continue
            role = _SUBJECTS.get(subject)
            column = f"{role}_id" if role else "declarant_id" if subject in _BROKER else ""
            if column and column not in taken:
                row[column] = tax_number(content)
        if master is not None and one(own, "IncludedCustomsNote") is not None:
            return


def _route(row: Row, own: Element, master: Element | None) -> None:
    origin, end = (place(text(own, name, "ID")) for name in ("OriginLocation", "FinalDestinationLocation"))
    first, last = (
        place(text(master, name, "ID")) or there
        for name, there in (("OriginLocation", origin), ("FinalDestinationLocation", end))
    )
    legs = several(own, "SpecifiedLogisticsTransportMovement") or several(master, "SpecifiedLogisticsTransportMovement")
    legs.sort(key=lambda leg: _sequence(text(leg, "SequenceNumeric")))
    stops = []
    for leg in legs:
        arrival = one(leg, "ArrivalEvent")
        stops.append(place(text(arrival, "OccurrenceArrivalLocation", "ID") or text(arrival, "ArrivalLocation", "ID")))
    if legs:
        departure, arrival = one(legs[0], "DepartureEvent"), one(legs[-1], "ArrivalEvent")
        first = place(text(departure, "OccurrenceDepartureLocation", "ID")) or first
        last = last or stops[-1]
        means = text(legs[0], "UsedLogisticsTransportMeans", "Name")
        number = text(legs[-1], "ID").replace("-", "").replace(" ", "").upper()
        row |= {
            name: found
            for name, found in (
                ("voyage", number),
                ("carrier", means or text(legs[0], "ID")[:2].upper()),
                ("etd", _moment(departure)),
                ("eta", _moment(arrival) if stops[-1] in {last, ""} else ""),
                ("transhipment_ports", " ".join(stop for stop in dict.fromkeys(stops) if stop and stop != last)),
            )
            if found
        }
    final = end or text(own, "FinalDestinationLocation", "Name")
    if origin and origin != first:
        row["original_loading_port"] = origin
    for name, found in (("loading_port", first), ("discharge_port", last), ("final_destination", final)):
        if found:
            row[name] = found


def _payment(row: Row, own: Element, master: Element | None, bill: Bill) -> None:
    """Declared value for customs, freight, currency and who pays; no value declared stays missing."""
    currency = text(own, "ApplicableOriginCurrencyExchange", "SourceCurrencyCode") or text(
        master, "ApplicableOriginCurrencyExchange", "SourceCurrencyCode"
    )
    value, freight = one(own, "DeclaredValueForCustomsAmount"), one(own, "WeightTotalChargeAmount")
    if text(value) and not _TRUTH.get(text(own, "NilCustomsValueIndicator").lower(), False):
        row["value"] = text(value)
        currency = value.get("currencyID") or currency if value is not None else currency
    if freight is not None and text(freight):
        paid_in = freight.get("currencyID") or currency
        if "value" in row and currency and paid_in != currency:
            bill.notes.append(
                ("freight", "is in another currency than the value; left out", f"{text(freight)} {paid_in}")
            )
        else:
            row["freight"], currency = text(freight), paid_in
    if currency:
        row["currency"] = currency
    prepaid = _TRUTH.get(text(own, "TotalChargePrepaidIndicator").lower())
    charge = text(own, "ApplicableLogisticsServiceCharge", "TransportPaymentMethodCode").upper()
    if prepaid is not None:
        row["freight_payment"] = "prepaid" if prepaid else "collect"
    elif charge[:2] in _PAYMENT:
        row["freight_payment"] = _PAYMENT[charge[:2]]


def _goods(bill: Bill, row: Row, own: Element, items: list[Element]) -> None:
    """The goods lines. What only the bill states stands on its first line, so that nothing is counted twice."""
    lines: list[Row] = []
    coded: list[list[str]] = []
    for item in items:
        line, codes, units = _line(item, bill)
        if lines and not codes and not {"packages", "gross_weight_kg"} & set(line):
            more = line.get("description", "")
            lines[-1]["description"] = " ".join(filter(None, (lines[-1].get("description", ""), more)))
            continue
        lines.append(line)
        coded.append(codes)
        bill.joined.append(units)
    whole = {
        "packages": text(own, "TotalPieceQuantity") or text(own, "PieceQuantity") or text(own, "PackageQuantity"),
        "gross_weight_kg": measure(own, ("IncludedTareGrossWeightMeasure", "GrossWeightMeasure")),
        "volume_m3": measure(own, ("GrossVolumeMeasure",), volume=True),
        "description": text(own, "SummaryDescription")
        or text(own, "NatureIdentificationTransportCargo", "Identification"),
        "freight": row.pop("freight", ""),
        "value": row.pop("value", ""),
    }
    stray = one(own, "GrossVolumeMeasure")
    if stray is not None and text(stray) and not whole["volume_m3"]:
        reason = "has a unit that is none of volume; left out"
        bill.notes.append(("volume_m3", reason, f"{text(stray)} {stray.get('unitCode', '')}"))
    lines = lines or [{}]
    for name, stated in whole.items():
        on_lines = any(line.get(name) for line in lines)
        if stated and not on_lines:
            lines[0][name] = stated
        elif stated and name in {"packages", "gross_weight_kg"}:
            try:
                bill.declared[name] = float(stated)
            except ValueError:
                continue
    if not any(bill.joined):
        bill.joined = []
    paid = [amount.get("currencyID") for item in items if (amount := _rate(item)) is not None]
    if "currency" not in row and paid and paid[0]:
        row["currency"] = paid[0]
    split = [lines_by_code(line, codes) for line, codes in zip(lines, coded or [[]], strict=True)]
    bill.rows = [row | line for each in split for line in each]
    bill.joined = [units for units, each in zip(bill.joined, split, strict=False) for _ in each]


def _line(item: Element, bill: Bill) -> tuple[Row, list[str], list[int]]:
    """A goods line, its HS codes, and which units hold it."""
    package = one(item, "TransportLogisticsPackage")
    line = {
        "packages": text(item, "PieceQuantity") or text(item, "PackageQuantity"),
        "gross_weight_kg": measure(item, ("GrossWeightMeasure",)),
        "net_weight_kg": measure(item, ("NetWeightMeasure",)),
        "volume_m3": measure(item, ("GrossVolumeMeasure",), volume=True),
        "description": " ".join(
            filter(None, (text(n, "Identification") for n in several(item, "NatureIdentificationTransportCargo")))
        ),
        "origin_country": text(item, "OriginCountry", "ID"),
        "package_type": text(package, "TypeCode"),
        "marks": text(package, "ShippingMarks", "Marking")
        or text(package, "PhysicalLogisticsShippingMarks", "Marking"),
        "freight": text(one(item, "ApplicableFreightRateServiceCharge"), "AppliedAmount"),
    }
    codes = list(dict.fromkeys(code for kind in several(item, "TypeCode") if (code := text(kind))))
    good = [code for code in codes if _HS.fullmatch(code)]
    if len(good) > 1:
        bill.notes.append(("hs_code", SEVERAL, " ".join(good)))
    elif codes and not good:
        bill.notes.append(("hs_code", "is no HS code; left out", codes[0]))
    units = [_box(bill, equipment) for equipment in several(item, "AssociatedUnitLoadTransportEquipment")]
    return {name: found for name, found in line.items() if found}, good, units


def _rate(item: Element) -> Element | None:
    return one(one(item, "ApplicableFreightRateServiceCharge"), "AppliedAmount")


def _box(bill: Bill, equipment: Element) -> int:
    """The place of a unit load device among those of the bill, to which it is added when new."""
    box = unit(equipment)
    for place_, known in enumerate(bill.boxes):
        if known["no"] == box["no"]:
            return place_
    bill.boxes.append(box)
    return len(bill.boxes) - 1


def unit(equipment: Element) -> Container:
    """A unit load device: its number is type, serial number and owner together (AKE12345EK)."""
    kind, serial = text(equipment, "CharacteristicCode"), text(equipment, "ID")
    owner = text(equipment, "OperatingParty", "PrimaryID")
    number = serial if kind and serial.startswith(kind) else kind + serial
    box: Container = {"no": (number if owner and number.endswith(owner) else number + owner).upper()}
    if kind:
        box["type"] = kind
    seals = [seal for each in several(equipment, "AffixedLogisticsSeal") if (seal := text(each, "ID"))]
    if seals:
        box["seals"] = seals
    return box


def _moment(event: Element | None) -> str:
    names = ("ScheduledOccurrenceDateTime", "DepartureOccurrenceDateTime", "ArrivalOccurrenceDateTime")
    return next((found for name in names if (found := text(event, name))), "")


def _sequence(number: str) -> int:
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
