"""The parts that messages of Cargo-IMP share: quantities, parties, goods lines, customs information, days.

Takes texts of segments and gives columns; knows no message and no file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from risk.manifests.air_waybill import KG, M3, SEVERAL, converted, tax_number
from risk.manifests.message import Container, Row
from risk.manifests.teletype import Segment, month_of
from risk.reference import countries

_QUANTITY: Final = re.compile(
    r"([TPSDM])?(\d{1,6})([KL])(\d+(?:[.,]\d+)?)(?:(MC|CF|CC|CI)(\d+(?:[.,]\d+)?))?(?:DG\d{1,2})?(?:T(\d{1,6}))?",
    re.ASCII,
)
_WEIGHT: Final = re.compile(r"([KL])(\d+(?:[.,]\d+)?)", re.ASCII)
_VOLUME: Final = re.compile(r"(MC|CF|CC|CI)\s?(\d+(?:[.,]\d+)?)", re.ASCII)
_PIECES: Final = re.compile(r"P(\d{1,6})", re.ASCII)
_TOTAL: Final = re.compile(r"T(\d+(?:[.,]\d+)?)", re.ASCII)
_RATE: Final = re.compile(r"C[A-Z]|[SWRD]-?[\d.,A-Z]+|P[A-Z]{3}", re.ASCII)
_UNIT: Final = re.compile(r"([A-Z][A-Z0-9]{2})([A-Z0-9]\d{3,4})([A-Z0-9]{2,3})", re.ASCII)
_DETAILS: Final = frozenset({"NG", "NC", "ND", "NV", "NU", "NS", "NH", "NO"})
_SUBJECTS: Final = {"SHP": "shipper", "CNE": "consignee", "NFY": "notify", "AGT": "", "BRK": "declarant"}
_DAY: Final = re.compile(r"(\d{2})([A-Z]{3})(\d{2}|\d{4})?", re.ASCII)


@dataclass
class Quantity:
    """Pieces, weight in kg and volume in m3 as texts; `total` are the pieces of the whole waybill when split."""

    pieces: str
    weight: str
    volume: str = ""
    total: str = ""


def quantity(text: str) -> Quantity | None:
    """A quantity detail such as T14K412.0MC2.10, or None."""
    match = _QUANTITY.fullmatch(text.replace(" ", ""))
    if match is None:
        return None
    _, pieces, unit, weight, cubic, volume, total = match.groups()
    return Quantity(
        pieces, converted(weight, KG[unit]), converted(volume, M3[cubic]) if volume else "", total or ""
    )  # fmt: skip


def weight(text: str) -> str:
    """A weight such as K412.0 in kg; empty when it is none."""
    match = _WEIGHT.fullmatch(text)
    return converted(match[2], KG[match[1]]) if match else ""


def unit_load_device(text: str) -> Container | None:
    """A unit such as AKE12345EK, with or without its position on board."""
    match = _UNIT.match(text.replace(" ", ""))
    return {"no": "".join(match.groups()), "type": match[1]} if match else None


def party(role: str, segments: Sequence[Segment]) -> Row:
    """Name, address and country out of a segment and the NAM, ADR and LOC that follow it.

    Older versions write name, street and place in one line each; then the text beside the identifier is the
    carrier's account number, or the name when the lines would else be one too few.
    """
    head, *named = segments
    lines = list(head.texts[1:])
    names = [text for part in named if part.name == "NAM" for text in part.texts]
    streets = [text for part in named if part.name == "ADR" for text in part.texts]
    towns = [text for part in named if part.name == "LOC" for text in part.texts]
    coded = next((at for at in range(len(towns) - 1, -1, -1) if _is_coded(towns[at])), None) if towns else None
    country = towns.pop(coded) if coded is not None else ""
    if not names:
        at = next((at for at in range(len(lines) - 1, 0, -1) if _is_coded(lines[at])), None)
        if at is not None:
            country = country or lines[at]
            lines = lines[:at]
        beside = head.texts[0].strip(" /")
        if beside and not beside.isdigit() and len(lines) < 3:
            lines.insert(0, beside)
        names, streets, towns = lines[:1], [*lines[1:-1], *streets], [*(lines[1:][-1:]), *towns]
    fields = country.split("/")
    address = [part.strip() for text in [" ".join(streets), *towns, *fields[1:2]] for part in text.split("/")]
    told = {
        "name": " ".join(" ".join(names).split()),
        "address": ", ".join(part for part in address if part),
        "country": fields[0].strip(),
    }
    return {f"{role}_{name}": text for name, text in told.items() if text}


def _is_coded(text: str) -> bool:
    return text.split("/", maxsplit=1)[0].strip() in countries.ALPHA2


def customs_identifiers(segment: Segment) -> Row:
    """Identifiers of traders in an OCI: country, subject, T for trader, the number. An empty subject goes on."""
    found: Row = {}
    subject = ""
    for text in segment.texts:
        fields = text.split("/", 3)
        if len(fields) < 4:
            continue
        subject = fields[1].strip() or subject
        role = _SUBJECTS.get(subject, "")
        if fields[2].strip() == "T" and role and fields[3].strip():
            found.setdefault(f"{role}_id", tax_number(fields[3].split("/")[0]))
    return found


@dataclass
class Goods:
    """The goods lines of an RTD, the HS codes and units of each, and what stood in it that is remarked on."""

    lines: list[Row] = field(default_factory=list)
    codes: list[list[str]] = field(default_factory=list)
    units: list[list[Container]] = field(default_factory=list)
    consolidated: bool = False
    notes: list[tuple[str, str, str]] = field(default_factory=list)


def goods(segment: Segment) -> Goods:
    """The goods lines of an RTD: one for each rate line with pieces, with all that is said until the next."""
    found = Goods()
    for text in segment.texts:
        fields = text.split("/")
        if fields and fields[0].strip().isdigit():
            fields = fields[1:]
        at = next((at for at, part in enumerate(fields[:8]) if part.strip() in _DETAILS), len(fields))
        free = [part for part in fields[:at] if not _charge(part.strip(), found)]
        if any(part.strip() for part in free):
            _say(found, " ".join("/".join(free).split()))
        if at < len(fields):
            _detail(fields[at].strip(), "/".join(fields[at + 1 :]).strip(), found)
    return found


def _charge(text: str, found: Goods) -> bool:
    """Whether a field is one of the rate; pieces begin a goods line."""
    if pieces := _PIECES.fullmatch(text):
        _begin(found)["packages"] = pieces[1]
    elif kilograms := weight(text):
        if not found.lines or "gross_weight_kg" in found.lines[-1]:
            _begin(found)
        found.lines[-1]["gross_weight_kg"] = kilograms
    elif total := _TOTAL.fullmatch(text):
        _last(found).setdefault("freight", total[1].replace(",", "."))
    else:
        return not text or _RATE.fullmatch(text) is not None
    return True


def _detail(code: str, text: str, found: Goods) -> None:
    line = _last(found)
    if code in {"NG", "NC"}:
        _say(found, " ".join(text.split()))
        found.consolidated |= code == "NC"
    elif code == "NV" and (cubic := _VOLUME.fullmatch(text)):
        line.setdefault("volume_m3", converted(cubic[2], M3[cubic[1]]))
    elif code == "NH" and text:
        digits = text.replace(" ", "").replace(".", "")
        if not digits.isdigit():
            found.notes.append(("hs_code", "is no HS code; left out", text))
        elif digits not in found.codes[-1]:
            found.codes[-1].append(digits)
            if len(found.codes[-1]) == 2:
                found.notes.append(("hs_code", SEVERAL, text))
    elif code == "NO" and text:
        line.setdefault("origin_country", text.split("/", maxsplit=1)[0])
    elif code == "NU" and (box := unit_load_device(text.replace("/", ""))):
        found.units[-1].append(box)


def _say(found: Goods, text: str) -> None:
    line = _last(found)
    line["description"] = " ".join(filter(None, (line.get("description", ""), text)))


def _last(found: Goods) -> Row:
    return found.lines[-1] if found.lines else _begin(found)


def _begin(found: Goods) -> Row:
    found.lines.append({})
    found.codes.append([])
    found.units.append([])
    return found.lines[-1]


def issued_on(text: str) -> date | None:
    """A day with its year, such as 11MAR25; of the years that end so it is the one from 1970 to 2069."""
    match = _DAY.match(text)
    month = month_of(match[2]) if match else None
    if match is None or month is None or not match[3]:
        return None
    year = int(match[3]) if len(match[3]) == 4 else 1970 + (int(match[3]) - 70) % 100
    return _day(year, month, int(match[1]))


def nearest_day(day: str, month: str, to: date) -> date | None:
    """A day and month in the year that brings it nearest to another day."""
    number = month_of(month)
    if number is None or not day.isdigit():
        return None
    days = [found for year in (to.year - 1, to.year, to.year + 1) if (found := _day(year, number, int(day)))]
    return min(days, key=lambda found: abs(found - to), default=None)


def next_day(day: str, since: date) -> date | None:
    """The first day with that number in its month, from a day on."""
    if not day.isdigit():
        return None
    tries = (since + timedelta(days=ahead) for ahead in range(62))
    return next((found for found in tries if found.day == int(day)), None)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
