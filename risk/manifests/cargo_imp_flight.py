"""The flight manifest of Cargo-IMP (FFM): the flight, its points of unloading, and the waybills for each.

A manifest that is sent in several messages (CONT, then LAST) is one. Times are those of the airports, which the
message gives without a zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from risk.manifests.air_waybill import Flight, Flights, awb_number, is_awb, place, valid_awb
from risk.manifests.cargo_imp_parts import Quantity, nearest_day, quantity, unit_load_device
from risk.manifests.message import Collector, Container, Row
from risk.manifests.teletype import Message

_FLIGHT: Final = re.compile(
    r"(\d{1,2})/([A-Z0-9]{2,3}?)(\d{3,4}[A-Z]?)/(\d{2})([A-Z]{3})(\d{4})?/([A-Z]{3})(?:/(.*))?", re.ASCII
)
_STOP: Final = re.compile(r"([A-Z]{3})(?:/(.*))?", re.ASCII)
_MOMENT: Final = re.compile(r"(\d{2})([A-Z]{3})(\d{4})?", re.ASCII)
_WAYBILL: Final = re.compile(r"(\d{3}[-\s]?\d{8})\s?([A-Z]{3})?([A-Z]{3})?/([^/]*)(?:/(.*))?", re.ASCII)
_OTHER: Final = frozenset({"DIM", "OCI", "OSI", "COR", "SCI"})


@dataclass
class Carried:
    """What a flight carries of one waybill to one place, its parts in several units added up."""

    number: str
    flight: Flight
    line: int
    origin: str
    end: str
    description: str
    parts: list[Quantity] = field(default_factory=list)
    units: list[Container] = field(default_factory=list)

    def row(self) -> Row:
        """The row of the waybill, as far as a flight manifest goes."""
        row = {"bl_no": self.number, "mode": "air", **self.flight.row()}
        if self.origin and self.origin != self.flight.loading_port:
            row["original_loading_port"] = self.origin
        for name, stated in (
            ("final_destination", self.end),
            ("description", self.description),
            ("packages", _sum(part.pieces for part in self.parts)),
            ("gross_weight_kg", _sum(part.weight for part in self.parts)),
            ("volume_m3", _sum(part.volume for part in self.parts)),
        ):
            if stated:
                row[name] = stated
        return row


@dataclass
class Manifest:
    """A flight and what it carries; `faults` are lines that could not be taken apart, with the reason."""

    flight: str = ""
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    going_on: bool = False
    _carried: dict[tuple[str, str], Carried] = field(default_factory=dict)

    @classmethod
    def read(cls, message: Message, near: date) -> Manifest:
        """The manifest of one message; `near` is the day near which its days without a year lie."""
        found = cls()
        lines = message.lines
        start = _FLIGHT.fullmatch(lines[0][1].strip()) if lines else None
        if start is None:
            text = lines[0][1] if lines else ""
            reason = "is malformed; expected is a flight such as 1/EK380/13MAR1030/DXB"
            found.faults.append((lines[0][0] if lines else message.line, text, reason))
            return found
        found.flight = f"{start[2]}{start[3]}/{start[4]}{start[5]}"
        found._unload(lines[1:], start, near)
        return found

    def goes_on(self, other: Manifest) -> bool:
        """Whether another message continues this one."""
        return self.going_on and bool(self.flight) and other.flight == self.flight

    def add(self, other: Manifest) -> None:
        """Take over what the next message of the same flight carries."""
        for key, carried in other._carried.items():
            if key in self._carried:
                known = self._carried[key]
                known.parts += carried.parts
                known.units += [unit for unit in carried.units if unit not in known.units]
            else:
                self._carried[key] = carried
        self.faults += other.faults
        self.going_on = other.going_on

    def carried(self) -> Iterator[tuple[str, Flight]]:
        """Each waybill with its flight."""
        for carried in self._carried.values():
            yield carried.number, carried.flight

    def give(self, bills: Collector, flights: Flights) -> None:
        """Hand the bills over, but for those that a waybill describes."""
        described = flights.known([carried.number for carried in self._carried.values()])
        for line, text, reason in self.faults:
            bills.reject(line, "bl_no", text, reason, text)
        bills.facts.reference = self.flight
        for carried in self._carried.values():
            total = max((int(part.total) for part in carried.parts if part.total), default=0)
            here = sum(int(part.pieces) for part in carried.parts)
            if total > here:
                reason = "are a part of the waybill; the rest is not on this flight"
                bills.note("packages", reason, carried.line, f"{here} of {total}")
            if is_awb(carried.number) and not valid_awb(carried.number):
                bills.note("bl_no", "has a wrong check digit (the serial number by 7)", carried.line, carried.number)
            if carried.number not in described:
                bills.bill([carried.row()], carried.line, carried.units)

    def _unload(self, lines: list[tuple[int, str]], start: re.Match[str], near: date) -> None:
        leaves = _moment(start[4], start[5], start[6], near)
        first = start[8] or ""
        flight = Flight(start[2] + start[3], start[2], place(start[7]), "", leaves, "")
        unit: Container | None = None
        last: Carried | None = None
        for number, raw in lines:
            text = raw.strip()
            if text in {"LAST", "CONT"}:
                self.going_on = text == "CONT"
                return
            if text.startswith("ULD/"):
                unit, last = unit_load_device(text[4:]), None
                if unit is None:
                    self.faults.append((number, text, "is malformed; expected is a unit such as ULD/AKE12345EK"))
            elif bill := _WAYBILL.fullmatch(text):
                last = self._load(bill, number, flight, unit)
                if last is None:
                    reason = "is malformed; expected is a line such as 176-12345675LOSHKG/T14K412.0/DRIED FISH"
                    self.faults.append((number, text, reason))
            elif text.startswith("/") or text[:3] in _OTHER:
                continue
            elif stop := _STOP.fullmatch(text):
                unit, last = None, None
                flight = _arrival(flight, stop, first, near)
            elif text[:3].isdigit():
                reason = "is malformed; expected is a line such as 176-12345675LOSHKG/T14K412.0/DRIED FISH"
                self.faults.append((number, text, reason))
                last = None
            elif last is not None:
                last.description += text  # the rest of a line that was cut

    def _load(self, bill: re.Match[str], line: int, flight: Flight, unit: Container | None) -> Carried | None:
        amount = quantity(bill[4])
        if amount is None:
            return None
        origin, end = (bill[2] or "", bill[3] or "") if bill[3] else ("", bill[2] or "")
        number = awb_number(bill[1])
        key = (number, flight.discharge_port)
        if key not in self._carried:
            description = " ".join((bill[5] or "").split())
            self._carried[key] = Carried(number, flight, line, place(origin), place(end), description)
        carried = self._carried[key]
        carried.parts.append(amount)
        if unit is not None and unit not in carried.units:
            carried.units.append(unit)
        return carried


def _arrival(flight: Flight, stop: re.Match[str], first: str, near: date) -> Flight:
    """The flight as far as a point of unloading: its time stands there, or for the first point beside the flight."""
    times = [match for part in (stop[2] or "").split("/") if (match := _MOMENT.fullmatch(part.strip()))]
    fields = first.split("/")
    if not times and fields and fields[-1].strip() == stop[1]:
        times = [match for part in fields if (match := _MOMENT.fullmatch(part.strip()))]
    eta = _moment(times[0][1], times[0][2], times[0][3], near) if times else ""
    return Flight(flight.number, flight.carrier, flight.loading_port, place(stop[1]), flight.etd, eta)


def _moment(day: str, month: str, clock: str | None, near: date) -> str:
    when = nearest_day(day, month, near)
    if when is None:
        return ""
    return f"{when.isoformat()}T{clock[:2]}:{clock[2:]}" if clock else when.isoformat()


def _sum(numbers: Iterator[str]) -> str:
    stated = [float(number) for number in numbers if number]
    return f"{sum(stated):.10g}" if stated else ""
