"""Reads Cargo-IMP of IATA: air waybills (FWB), lists of house waybills (FHL) and flight manifests (FFM).

A file may hold any number of messages. A bill is known by the line on which its message (of a house: its HBS)
begins. No message says in which year it was sent: see `teletype.Message.sent_at` and docs/formats.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from risk.errors import InputError
from risk.manifests.air_waybill import SEVERAL, Flights, awb_number, is_awb, lines_by_code, place, valid_awb
from risk.manifests.cargo_imp_flight import Manifest
from risk.manifests.cargo_imp_parts import (
    customs_identifiers,
    goods,
    issued_on,
    next_day,
    party,
    quantity,
    weight,
)
from risk.manifests.content import open_bytes
from risk.manifests.facts import MessageFacts
from risk.manifests.message import Collector, Container, Row
from risk.manifests.raw import Raw
from risk.manifests.teletype import Message, Segment, messages, segments

_PARTS: Final = frozenset(
    "AWB FLT RTG SHP CNE AGT SSR NFY ACC CVD RTD OTH PPD COL CER ISU OSI CDC REF COR COI SII ARD SPH NOM SRI OPI OCI "
    "NAM ADR LOC MBI HBS TXT HTS".split()
)
_NAMED: Final = frozenset({"NAM", "ADR", "LOC"})
_ROLES: Final = {"SHP": "shipper", "CNE": "consignee", "NFY": "notify"}
_BILL: Final = re.compile(r"(\d{3}[-\s]?\d{8})\s?([A-Z]{3})?([A-Z]{3})?(?:/(.*))?", re.ASCII)
_FLIGHT: Final = re.compile(r"[A-Z0-9]{2,3}?\d{3,4}[A-Z]?", re.ASCII)
_PAYMENT: Final = {"P": "prepaid", "C": "collect"}


class CargoImp:
    """A file of Cargo-IMP messages as `Raw` batches; `flights` are those of all messages of the reading."""

    fixed = False
    names: tuple[str, ...] = ()

    def __init__(
        self, path: Path, encoding: str | None, batch_rows: int, received: datetime | None, flights: Flights
    ) -> None:
        self._path, self._encoding, self._batch_rows = path, encoding, batch_rows
        self._received, self._flights = received, flights
        self._manifest: Manifest | None = None

    def __iter__(self) -> Iterator[Raw]:
        """The bills in order. Raises InputError when the time of filing of a message is not known."""
        bills = Collector(str(self._path), self._batch_rows, self._received)
        try:
            yield from self._read(bills)
        except InputError:
            yield bills.take()
            raise
        self._land(bills)
        yield bills.take()

    def _read(self, bills: Collector) -> Iterator[Raw]:
        for message in messages(self._path, self._encoding):
            if message.kind != "FFM":
                self._land(bills)
            if message.damage:
                bills.reject(message.line, "", f"{message.kind}/{message.version}", message.damage, message.kind)
            elif message.kind == "FFM":
                self._fly(message, bills)
            elif message.kind == "FWB":
                self._waybill(message, bills)
            elif message.kind == "FHL":
                self._houses(message, bills)
            else:
                reason = "is a message with no consignments to read; expected are FWB, FHL and FFM"
                bills.note("message", reason, message.line, "/".join(filter(None, (message.kind, message.version))))
            if bills.full:
                yield bills.take()

    def _begin(self, message: Message, bills: Collector, issued: date | None = None) -> date:
        """Begin a message; the day to which its incomplete days are near."""
        sent = message.sent_at(self._received, issued)
        prepared = "" if sent is None else sent.isoformat()
        if sent is None and self._received is None:
            if issued is None:
                raise InputError(
                    f"{self._path}: line {message.line}: the {message.kind} message does not say when it was sent; "
                    "give the time at which it was received (received_at)."
                )
            prepared = issued.isoformat()
        facts = MessageFacts(message.kind, message.version, sender=message.sender, prepared_at=prepared)
        bills.begin(facts)
        facts.line = message.line
        if message.not_utf8:
            bills.note("message", "has letters that are not UTF-8; read as Latin-1", message.not_utf8)
        moment = sent or self._received
        return issued or (moment.astimezone(UTC).date() if moment else date.today())

    def _waybill(self, message: Message, bills: Collector) -> None:
        parts = segments(message, _PARTS)
        issued = next((day for part in parts if part.name == "ISU" and (day := issued_on(part.texts[0]))), None)
        since = self._begin(message, bills, issued)
        head = parts[0] if parts else Segment("", message.line, [""])
        match = _BILL.fullmatch(head.texts[0].strip())
        total = quantity(match[4] or "") if match else None
        if match is None:
            reason = "is malformed; expected is a line such as 176-12345675LOSHKG/T14K412.0"
            bills.reject(head.line, "bl_no", head.texts[0], reason, "\n".join(text for _, text in message.lines[:40]))
            bills.end()
            return
        number, facts = awb_number(match[1]), bills.facts
        row: Row = {"bl_no": number, "mode": "air", **_route(parts, match[2] or "", match[3] or "", since)}
        row |= _people(parts)
        row |= _charges(parts, with_code=True)
        found = goods(next((part for part in parts if part.name == "RTD"), Segment("RTD", head.line, [])))
        if found.consolidated:
            row["bl_type"] = "master"
        for name, reason, value in found.notes:
            bills.note(name, reason, message.line, value)
        lines = found.lines or [{}]
        if total is not None:
            for name, stated in (
                ("packages", total.pieces),
                ("gross_weight_kg", total.weight),
                ("volume_m3", total.volume),
            ):
                if stated and not any(name in line for line in lines):
                    lines[0][name] = stated
                elif stated and name != "volume_m3":
                    facts.declared[name] = float(stated)
        else:
            bills.note("packages", "has no readable quantity in the first line", head.line, match[4] or "")
        value = row.pop("value", "")
        if value:
            lines[0]["value"] = value
        split = [lines_by_code(line, codes) for line, codes in zip(lines, found.codes or [[]], strict=True)]
        boxes, joined = _boxes([units for units, each in zip(found.units, split, strict=False) for _ in each])
        self._bill([row | line for each in split for line in each], message.line, boxes, joined, bills)
        bills.end()

    def _houses(self, message: Message, bills: Collector) -> None:
        parts = segments(message, _PARTS)
        since = self._begin(message, bills)
        head = next((part for part in parts if part.name == "MBI"), None)
        match = _BILL.fullmatch(head.texts[0].strip()) if head else None
        if head is None or match is None:
            text = head.texts[0] if head else ""
            reason = "is malformed; expected is a line such as MBI/176-12345675LOSHKG/T14K412.0"
            bills.reject(message.line, "master_bl_no", text, reason, "\n".join(t for _, t in message.lines[:40]))
            bills.end()
            return
        master, route = awb_number(match[1]), _route(parts, match[2] or "", match[3] or "", since)
        starts = [at for at, part in enumerate(parts) if part.name == "HBS"]
        if not starts:
            bills.note("bl_no", "is in no HBS line of the message, so no house was read", message.line, master)
        for at, end in pairwise([*starts, len(parts)]):
            self._house(parts[at:end], master, route, bills)
        total = quantity(match[4] or "")
        if total is not None:
            # A message may list some houses of its master only, so less than the total is no difference.
            for name, stated in (("packages", total.pieces), ("gross_weight_kg", total.weight)):
                if bills.facts.read[name] > float(stated):
                    bills.facts.declared[name] = float(stated)
        bills.end()

    def _house(self, parts: list[Segment], master: str, route: Row, bills: Collector) -> None:
        head = parts[0]
        fields = [field.strip() for field in head.texts[0].split("/")]
        number, ends = fields[0].replace(" ", ""), (fields[1] if len(fields) > 1 else "")
        if not number or len(fields) < 4:
            reason = "is malformed; expected is a line such as HBS/HOUSE1/LOSHKG/5/K100.0//DRIED FISH"
            bills.reject(head.line, "bl_no", head.texts[0], reason, "/".join(("HBS", head.texts[0])))
            return
        row: Row = {"bl_no": number, "master_bl_no": master, "bl_type": "house", "mode": "air", **route}
        origin, end = (place(ends[:3]), place(ends[3:])) if len(ends) == 6 else ("", place(ends))
        row["packages"] = fields[2]
        row["gross_weight_kg"] = weight(fields[3])
        row["description"] = " ".join("/".join(fields[5:]).split())
        free = [text for part in parts if part.name == "TXT" for text in part.texts]
        if free:
            row["description"] = " ".join(" ".join(free).split())
        codes = [text.strip() for part in parts if part.name == "HTS" for text in part.texts if text.strip()]
        if len(codes) > 1:
            bills.note("hs_code", SEVERAL, head.line, " ".join(codes))
        if origin and origin != row.get("loading_port", origin):
            row["original_loading_port"] = origin
        row |= {name: found for name, found in (("final_destination", end),) if found}
        row |= _people(parts)
        row |= _charges(parts, with_code=False)
        whole = {name: text for name, text in row.items() if text}
        quantities = {name: whole.pop(name) for name in ("packages", "gross_weight_kg", "value") if name in whole}
        first, *others = lines_by_code(whole, codes)
        self._bill([first | quantities, *(whole | other for other in others)], head.line, [], [], bills)

    def _bill(
        self, rows: list[Row], line: int, boxes: list[Container], joined: list[list[int]], bills: Collector
    ) -> None:
        air = rows[0].get("master_bl_no", "") or rows[0]["bl_no"]
        if is_awb(air) and not valid_awb(air):
            bills.note("bl_no", "has a wrong check digit (the serial number by 7)", line, air)
        for row in rows:
            self._flights.join(air, row)
        bills.bill(rows, line, boxes, joined)

    def _fly(self, message: Message, bills: Collector) -> None:
        sent = message.sent_at(self._received, None)
        near = sent or self._received
        if near is None:
            self._begin(message, bills)
        manifest = Manifest.read(message, (near or datetime.now(UTC)).astimezone(UTC).date())
        if self._manifest is not None and self._manifest.goes_on(manifest):
            self._manifest.add(manifest)
            return
        self._land(bills)
        self._begin(message, bills)
        self._manifest = manifest

    def _land(self, bills: Collector) -> None:
        """A flight manifest is over, with all its parts."""
        if self._manifest is not None:
            self._manifest.give(bills, self._flights)
            bills.end()
            self._manifest = None


def flights_in(path: Path, encoding: str | None, received: datetime | None, flights: Flights) -> None:
    """Book the waybills of the flight manifests in a file."""
    if not _names_flights(path):
        return
    for message in messages(path, encoding):
        if message.kind == "FFM" and not message.damage:
            near = message.sent_at(received, None) or received or datetime.now(UTC)
            for number, flight in Manifest.read(message, near.astimezone(UTC).date()).carried():
                flights.book(number, flight)


def described(path: Path, encoding: str | None) -> Iterator[str]:
    """The waybills that have an FWB in the file."""
    for message in messages(path, encoding):
        if message.kind == "FWB" and message.lines and not message.damage:
            match = _BILL.fullmatch(message.lines[0][1].strip())
            if match:
                yield awb_number(match[1])


def _names_flights(path: Path) -> bool:
    """Whether FFM occurs in the file at all, which is quicker to know than what it says."""
    before = b""
    with open_bytes(path) as file:
        while block := file.read(1 << 20):
            if any(
                name in before + block for name in (b"FFM/", "FFM/".encode("utf-16-le"), "FFM/".encode("utf-16-be"))
            ):
                return True
            before = block[-8:]
    return False


def _route(parts: list[Segment], origin: str, end: str, since: date) -> Row:
    """Ports, flight and day out of the first line, RTG and FLT."""
    if origin and not end:
        origin, end = "", origin
    row = {"loading_port": place(origin), "discharge_port": place(end), "final_destination": place(end)}
    routing = next((part for part in parts if part.name == "RTG"), None)
    if routing is not None:
        legs = [leg.strip() for leg in "/".join(routing.texts).split("/") if leg.strip()]
        stops = list(dict.fromkeys(place(leg[:3]) for leg in legs))
        row["transhipment_ports"] = " ".join(stop for stop in stops if stop != place(end))
        row["carrier"] = legs[0][3:] if legs else ""
    booking = next((part for part in parts if part.name == "FLT"), None)
    if booking is not None:
        fields = [field.strip() for field in "/".join(booking.texts).split("/")]
        flown = [
            (number, day) for number, day in zip(fields[::2], fields[1::2], strict=False) if _FLIGHT.fullmatch(number)
        ]
        if flown:
            row["voyage"] = flown[-1][0]
            row["carrier"] = row.get("carrier") or flown[0][0][:2]
            leaves = next_day(flown[0][1][:2], since)
            row["etd"] = "" if leaves is None else leaves.isoformat()
    return {name: text for name, text in row.items() if text}


def _people(parts: list[Segment]) -> Row:
    """Shipper, consignee, notify party, agent, broker, and the identifiers that customs information gives them."""
    row: Row = {}
    identifiers: Row = {}
    for at, part in enumerate(parts):
        if part.name in _ROLES:
            end = at + 1
            while end < len(parts) and parts[end].name in _NAMED:
                end += 1
            row = party(_ROLES[part.name], parts[at:end]) | row
        elif part.name == "AGT" and len(part.texts) > 1:
            row.setdefault("forwarder_name", part.texts[1].strip())
        elif part.name == "OPI" and len(part.texts) > 1 and "/BRK/" in part.texts[1]:
            row.setdefault("declarant_id", part.texts[1].partition("/BRK/")[2].split("/")[0].strip())
        elif part.name == "OCI":
            identifiers |= customs_identifiers(part)
    return row | identifiers


def _charges(parts: list[Segment], *, with_code: bool) -> Row:
    """Currency, payment and declared value for customs out of CVD, which in an FHL has no charge code."""
    charges = next((part for part in parts if part.name == "CVD"), None)
    if charges is None:
        return {}
    fields = [field.strip() for field in charges.texts[0].split("/")] + [""] * 6
    currency, code = fields[0], fields[1] if with_code else ""
    paid, _, value = fields[2:5] if with_code else fields[1:4]
    row = {"currency": currency, "freight_payment": _PAYMENT.get((paid or code)[:1], "")}
    if value[:1].isdigit():
        row["value"] = value.replace(",", ".")
    return {name: text for name, text in row.items() if text}


def _boxes(units: list[list[Container]]) -> tuple[list[Container], list[list[int]]]:
    """All units once, and for each goods line which of them hold it."""
    boxes: list[Container] = []
    for unit in (unit for each in units for unit in each):
        if unit not in boxes:
            boxes.append(unit)
    return boxes, [[boxes.index(unit) for unit in each] for each in units] if boxes else []
