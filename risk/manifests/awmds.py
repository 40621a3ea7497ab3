"""Reads manifests of ASYCUDA World: `Awmds` (a whole voyage), `Awappend` (bills added to one) and `Awbolds` (the house
bills of one master).

The container stands inside the bill; weight, packages and volume are those of the bill. A bill is known by its
place among the bills of the file, counted from 1, as many senders write everything on one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from risk.errors import InputError
from risk.manifests.facts import MessageFacts
from risk.manifests.message import Collector, Container, Row, container_no
from risk.manifests.raw import Raw
from risk.manifests.xml_events import Element, elements, local

MODES: Final = {
    "1": "sea", "2": "rail", "3": "road", "4": "air", "5": "post", "7": "other", "8": "inland_water", "9": "other",
}  # fmt: skip
"""Modes of transport by the first digit of their code."""

ROOTS: Final = ("Awmds", "Awbolds", "Awappend")
"""The messages read, by the name of their first element, whatever its case."""

_HEAD: Final = {
    "Customs_office_code": "customs_office",
    "Voyage_number": "voyage",
    "Carrier_name": "carrier",
    "Place_of_departure_code": "loading_port",
    "Place_of_destination_code": "discharge_port",
}
_BILL: Final = {
    "Bol_reference": "bl_no",
    "Bol_type_code": "bl_type",
    "Master_bol_ref_number": "master_bl_no",
    "Port_of_origin_code": "original_loading_port",
    "Original_port_of_loading_code": "original_loading_port",
    "Place_of_loading_code": "loading_port",
    "Place_of_unloading_code": "discharge_port",
    "Place_of_ultimate_destination_code": "final_destination",
    "Place_of_delivery_code": "final_destination",
    "Place_of_receipt_code": "place_of_receipt",
    "Exporter_code": "shipper_id",
    "Exporter_name": "shipper_name",
    "Exporter_address": "shipper_address",
    "Consignee_code": "consignee_id",
    "Consignee_name": "consignee_name",
    "Consignee_address": "consignee_address",
    "Notify_code": "notify_id",
    "Notify_name": "notify_name",
    "Notify_address": "notify_address",
    "Carrier_name": "carrier",
    "Carrier_code": "Carrier_code",  # stands in for a name that neither bill nor head tells
    "FreightForwarder_name": "forwarder_name",
    "Freight_forwarder_name": "forwarder_name",
    "Number_of_packages": "packages",
    "Package_type_code": "package_type",
    "Gross_mass": "gross_weight_kg",
    "Net_mass": "net_weight_kg",
    "Shipping_marks": "marks",
    "Goods_description": "description",
    "HS_code": "hs_code",
    "Commodity_code": "hs_code",
    "Volume_in_cubic_meters": "volume_m3",
    "Customs_value": "value",
    "Freight_value": "freight",
}
_FULL: Final = {"FCL": True, "LCL": True, "FULL": True, "F": True, "5": True, "EMPTY": False, "E": False, "MTY": False,
                "4": False}  # fmt: skip
_SEALS: Final = frozenset({"Marks1", "Marks2", "Marks3"})
_TOTALS: Final = {
    "Total_number_of_bols": "bills",
    "Total_number_of_packages": "packages",
    "Total_number_of_containers": "containers",
    "Total_gross_mass": "gross_weight_kg",
}
_PREPARED: Final = ("Date_of_preparation", "Date_of_registration", "Date_of_submission")
_PAYMENT: Final = {"PP": "prepaid", "P": "prepaid", "CC": "collect", "C": "collect"}
_PARTS: Final = frozenset(
    {"Bol_id", "Load_unload_place", "Traders_segment", "ctn_segment", "Goods_segment", "Value_segment"}
)
_CODED: Final = frozenset({"PC_indicator", "Customs_currency", "Freight_currency"})
_OF_THE_BILL: Final = ("value", "freight", "packages", "gross_weight_kg", "net_weight_kg", "volume_m3")
"""What the bill states once and a sum over its goods lines must not count twice."""


class Awmds:
    """An ASYCUDA World manifest as `Raw` batches."""

    fixed = False
    names: tuple[str, ...] = ()

    def __init__(self, path: Path, kind: str, encoding: str | None, batch_rows: int, received: datetime | None) -> None:
        self._path, self._kind, self._encoding = path, kind, encoding
        self._batch_rows, self._received = batch_rows, received

    def __iter__(self) -> Iterator[Raw]:
        """The bills in order. Raises InputError when the time of filing is not known or the XML is damaged."""
        bills = Collector(str(self._path), self._batch_rows, self._received)
        head: Row = {}
        started = False
        number = 0
        try:
            for element in elements(self._path, self._encoding, ("General_segment", "Master_bol", "Bol_segment")):
                if local(element.tag) != "Bol_segment":
                    if local(element.getparent().tag).capitalize() != self._kind:
                        continue
                    facts, head = self._head(element)
                    bills.begin(facts)
                    started = True
                    continue
                if not started:
                    bills.begin(MessageFacts(self._kind))
                    started = True
                if not (bills.facts.prepared_at or self._received):
                    raise InputError(
                        f"{self._path}: the {self._kind} message does not say when it was prepared; give the time at "
                        "which it was received (received_at)."
                    )
                number += 1
                _bill(element, number, head, bills)
                if bills.full:
                    yield bills.take()
        except InputError:
            if number:
                yield bills.take()
            raise
        if not started:
            raise InputError(
                f"{self._path}: the {self._kind} message has neither General_segment nor Bol_segment, so written."
            )
        bills.end()
        yield bills.take()

    def _head(self, element: Element) -> tuple[MessageFacts, Row]:
        found: dict[str, str] = {}
        for part in element.iter():
            text = part.text
            if text is not None and (text := text.strip()):
                found.setdefault(local(part.tag), text)
        facts = MessageFacts(self._kind, reference=found.get("Voyage_number", ""), sender=found.get("Carrier_code", ""))
        facts.prepared_at = next((found[name] for name in _PREPARED if name in found), "")
        for name, total in _TOTALS.items():
            try:
                facts.declared[total] = float(found[name])
            except (KeyError, ValueError):
                continue
        head = {column: found[name] for name, column in _HEAD.items() if name in found}
        if "carrier" not in head and "Carrier_code" in found:
            head["carrier"] = found["Carrier_code"]
        mode = MODES.get(found.get("Mode_of_transport_code", "")[:1])
        if mode:
            head["mode"] = mode
        registration = found.get("Registration_number_of_transport_code", "")
        if mode in {None, "sea"} and registration.upper().removeprefix("IMO").strip().isdigit():
            head["vessel_imo"] = registration.upper().removeprefix("IMO").strip()
        for column, day, clock in (
            ("etd", "Date_of_departure", "Time_of_departure"),
            ("eta", "Date_of_arrival", "Time_of_arrival"),
        ):
            if day in found:
                head[column] = f"{found[day]}T{found[clock]}" if clock in found else found[day]
        if self._kind == "Awbolds" and "Reference_number" in found:
            head["master_bl_no"] = found["Reference_number"]
        return facts, head


def _bill(element: Element, number: int, head: Row, bills: Collector) -> None:
    own: Row = {}
    boxes: list[Container] = []
    lines: list[Row] = []
    box: Container | None = None
    here = own
    columns, parts = _BILL, _PARTS
    for part in element.iter():
        text = part.text
        tag = part.tag
        if tag[0] == "{":
            tag = local(tag)
        if tag in parts:
            box, here = None, own
            if tag == "ctn_segment":
                box = {}
                boxes.append(box)
            elif tag == "Goods_segment":
                here = {}
                lines.append(here)
            continue
        if text is None or not (text := text.strip()):
            continue
        if box is not None:
            _box(box, tag, text)
        elif (column := columns.get(tag)) is not None:
            here.setdefault(column, text)
        elif tag in _CODED:
            _coded(own, tag, text)
    row = head | own
    if "Carrier_code" in row:
        row.setdefault("carrier", row.pop("Carrier_code"))
    if not row.get("bl_no"):
        bills.reject(number, "bl_no", "", "is missing; expected is Bol_reference in Bol_id", row)
        return
    if len(lines) > 1:
        _once(row, lines)
    bills.bill([row | line for line in lines] or [row], number, boxes)


def _once(row: Row, lines: list[Row]) -> None:
    """What is told of the whole bill goes to its first line, unless lines tell it themselves."""
    for name in _OF_THE_BILL:
        text = row.pop(name, "")
        if text and not any(name in line for line in lines):
            lines[0][name] = text


def _coded(own: Row, tag: str, text: str) -> None:
    """A payment term or a currency; ZZZ is how a sender says that there is none."""
    if tag != "PC_indicator":
        if text != "ZZZ":
            own.setdefault("currency", text)
    elif text.upper() in _PAYMENT:
        own["freight_payment"] = _PAYMENT[text.upper()]


def _box(box: Container, tag: str, text: str) -> None:
    if tag == "Ctn_reference":
        box["no"] = container_no(text)
    elif tag == "Type_of_container":
        box["type"] = text
    elif tag == "Empty_Full":
        full = _FULL.get(text.upper())
        if full is not None:
            box["full"] = full
    elif tag in _SEALS:
        box.setdefault("seals", []).append(text)
    elif tag in {"Verified_gross_mass", "VGM"}:
        try:
            box["vgm_kg"] = float(text)
        except ValueError:
            return
