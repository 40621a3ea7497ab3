"""What Cargo-XML and Cargo-IMP have in common: waybill numbers, IATA places, units, and which flight carries what.

Knows no message. Weights become kilograms, volumes cubic metres, airports and cities UN/LOCODE-like codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from risk.manifests.message import Row
from risk.reference import ports

Described = Callable[[Sequence[str]], set[str]]
"""Looks up which of some bills earlier readings had from a message of their own."""

KG: Final = {"KGM": 1.0, "K": 1.0, "LBR": 0.45359237, "L": 0.45359237, "GRM": 0.001, "TNE": 1000.0, "ONZ": 0.0283495231}
"""Kilograms in one unit of weight, by its code in Cargo-XML (UN/ECE Recommendation 20) and in Cargo-IMP."""

M3: Final = {
    "MTQ": 1.0, "MC": 1.0, "FTQ": 0.028316846592, "CF": 0.028316846592, "CMQ": 1e-6, "CC": 1e-6,
    "INQ": 1.6387064e-5, "CI": 1.6387064e-5, "DMQ": 0.001, "LTR": 0.001,
}  # fmt: skip
"""Cubic metres in one unit of volume."""

# Codes of cities with several airports, which waybills use and tables of airports lack; recalled, IATA city codes.
_CITIES: Final = {
    "LON": "GB", "PAR": "FR", "NYC": "US", "CHI": "US", "WAS": "US", "DTT": "US", "HOU": "US", "TYO": "JP", "OSA": "JP",
    "SEL": "KR", "BJS": "CN", "MIL": "IT", "ROM": "IT", "MOW": "RU", "STO": "SE", "BER": "DE", "BUH": "RO", "SAO": "BR",
    "RIO": "BR", "BUE": "AR", "JKT": "ID", "YTO": "CA", "YMQ": "CA", "TCI": "ES",
}  # fmt: skip
SEVERAL: Final = "is one of several of its goods line; each is a line, and the first has the quantities"
"""What is remarked of a goods line with several HS codes."""

_AWB: Final = re.compile(r"(\d{3})[-\s]*(\d{8})", re.ASCII)
_LABEL: Final = re.compile(
    r"(?:EORI(?![a-z]{3})|(?:CNPJ|CPF|TIN|VAT|USCI|RUC|RUT|NIT|EIN|GST|PAN|TAX(?:\s?ID)?)(?![a-z]))"
    r"(?:[\s:./-]*(?:NO|NUMBER|NR)\b)?[\s:./-]*(?=\w)",
    re.IGNORECASE,
)


def awb_number(text: str) -> str:
    """The number of an air waybill as printed (176-12345675); of another bill upper case without spaces."""
    match = _AWB.fullmatch(text.strip())
    return f"{match[1]}-{match[2]}" if match else "".join(text.split()).upper()


def is_awb(number: str) -> bool:
    """Whether a number as from `awb_number` has the form of an air waybill: airline prefix and eight digits."""
    return _AWB.fullmatch(number) is not None


def valid_awb(number: str) -> bool:
    """Whether the eighth digit of the serial number is the remainder of the other seven by 7 (IATA Resolution 600a)."""
    match = _AWB.fullmatch(number)
    return match is not None and int(match[2][:7]) % 7 == int(match[2][7])


def place(code: str) -> str:
    """The country before an IATA code of an airport or city (HKG becomes HKHKG); anything else as it is."""
    code = code.strip().upper()
    if len(code) != 3:
        return code
    country = _CITIES.get(code)
    if country is None:
        airport = ports.port(code)
        country = "" if airport is None else airport.country
    return country + code


def converted(number: str, factor: float) -> str:
    """A number in our unit as text; left as it is when it is none, which the checks then say."""
    number = number.strip().replace(",", ".")
    if factor == 1.0:
        return number
    try:
        return f"{float(number) * factor:.6f}".rstrip("0").rstrip(".")
    except ValueError:
        return number


def tax_number(text: str) -> str:
    """An identifier of a trader without the name of its kind before it (CNPJ00000000000191, EORI DE123)."""
    return _LABEL.sub("", text.strip(), count=1) if _LABEL.match(text.strip()) else text.strip()


def lines_by_code(line: Row, codes: Sequence[str]) -> list[Row]:
    """A goods line for each of its HS codes: the first has the quantities, so that they are counted once."""
    if not codes:
        return [line]
    shared = {name: line[name] for name in ("description", "origin_country") if name in line}
    return [line | {"hs_code": codes[0]}, *(shared | {"hs_code": code} for code in codes[1:])]


@dataclass(frozen=True)
class Flight:
    """A flight as its manifest tells it. Times are ISO texts, places as from `place`; empty when not told."""

    number: str = ""
    carrier: str = ""
    loading_port: str = ""
    discharge_port: str = ""
    etd: str = ""
    eta: str = ""

    def row(self) -> Row:
        """The columns that a flight fills."""
        pairs = {
            "voyage": self.number, "carrier": self.carrier, "loading_port": self.loading_port,
            "discharge_port": self.discharge_port, "etd": self.etd, "eta": self.eta,
        }  # fmt: skip
        return {name: text for name, text in pairs.items() if text}


@dataclass
class Flights:
    """Which flights carry which waybills, known across all messages of one reading.

    described  the waybills (and houses as MASTER/HOUSE) that have a message of their own, so that a flight or
               house manifest does not give them again
    held       looks up which bills earlier readings described
    """

    described: set[str] = field(default_factory=set)
    held: Described | None = None
    _of: dict[str, list[Flight]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self._of)

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of the bills have a message of their own, in this reading or an earlier one."""
        found = self.described.intersection(ids)
        return found if self.held is None else found | self.held([name for name in ids if name not in found])

    def book(self, number: str, flight: Flight) -> None:
        """A waybill travels on a flight."""
        known = self._of.setdefault(number, [])
        if flight not in known:
            known.append(flight)

    def join(self, number: str, row: Row) -> None:
        """Put the flight of a waybill into a row of it, or of one of its houses.

        Of several flights it is the one that ends where the waybill's goods are unloaded. Times are taken only
        for the ends of the journey that flight and waybill share.
        """
        flights = self._of.get(number)
        if not flights:
            return
        end = row.get("discharge_port", "")
        flight = next((flight for flight in flights if flight.discharge_port == end), flights[-1])
        told = flight.row()
        if row.get("loading_port", flight.loading_port) != flight.loading_port:
            told.pop("etd", None)
        if (end or flight.discharge_port) != flight.discharge_port:
            told.pop("eta", None)
        for name in ("voyage", "carrier", "etd", "eta"):
            if name in told:
                row[name] = told[name]
        for name in ("loading_port", "discharge_port"):
            if name in told:
                row.setdefault(name, told[name])
