"""The segments of a cargo report that describe goods and equipment: text, code, measures, amounts, seals.

Where a segment belongs depends on what stands before it, which is the state kept here: the bill in hand, its goods
line, and what lies around (equipment, a part of the goods in one container, dangerous goods).
"""

from __future__ import annotations

from typing import Final

from risk.manifests import edifact_codes as codes
from risk.manifests.edifact_bill import Bill
from risk.manifests.message import Collector, Container, Row, container_no
from risk.manifests.segments import COMPONENT

Segment = list[str]

BOX: Final = "box"
"""Behind EQD: what is measured is the equipment."""
PART: Final = "part"
"""Behind SGP: what is measured is what one piece of equipment holds of a goods line."""
ELSE: Final = "else"
"""Behind DGS: what is told is not of the goods as a whole."""
LONGEST_TEXT: Final = 10_000
MOST_SEALS: Final = 200
MOST_EQUIPMENT: Final = 20_000
"""Bounds that no honest sender meets, so that a hostile one costs no more than the size of the message."""
SHARED: Final = 50_000
"""Equipment described within bills that is remembered for the other bills of the message."""


class GoodsSegments:
    """Where in a message we are, and what the segments about goods and equipment do there. `at` is the segment."""

    def __init__(self, bills: Collector) -> None:
        self._bills = bills
        self.at = 0
        self._head = Bill(0)
        self._bill: Bill | None = None
        self._row: Row = self._head.row
        self._line: Row | None = None
        self._box: Container = {}
        self._around = ""
        self._equipment: dict[str, Container] = {}

    def _eqd(self, segment: Segment) -> None:
        fields = [*segment, "", "", "", "", "", ""]
        self._around = BOX
        number = container_no(fields[2].split(COMPONENT)[0])
        box: Container = {}
        if not number:
            self._box = box
            return
        if fields[1].strip().upper() not in codes.NO_CONTAINER:
            box["no"] = number
            kind = fields[3].split(COMPONENT)[0].strip()
            if kind:
                box["type"] = kind
            full = codes.FULL.get(fields[6].strip())
            if full is not None:
                box["full"] = full
        self._box = box
        if self._bill is None or (self._bill.named and number not in self._bill.named):
            self._equipment[number] = box
        else:
            self._bill.boxes.append(box)
            if len(self._equipment) < SHARED:  # another bill may name it, too
                self._equipment.setdefault(number, box)

    def _sel(self, segment: Segment) -> None:
        seal = segment[1].split(COMPONENT)[0].strip() if len(segment) > 1 else ""
        if seal and self._box:
            seals = self._box.setdefault("seals", [])
            if len(seals) < MOST_SEALS and seal not in seals:
                seals.append(seal)

    def _sgp(self, segment: Segment) -> None:
        bill = self._bill
        if bill is None or len(segment) < 2:
            return
        number = container_no(segment[1].split(COMPONENT)[0])
        if not number:
            return
        self._around = PART
        self._box = self._equipment.get(number, {})
        if len(bill.named) >= MOST_EQUIPMENT:
            bill.fault = (f"segment {self.at}: the bill names more than {MOST_EQUIPMENT:,} pieces of equipment", number)
            return
        bill.named[number] = None
        if not bill.lines:
            return
        bill.joined[-1].append(number)
        if len(segment) > 2:
            add(bill.split[-1], "packages", codes.number(segment[2]))

    def _pac(self, segment: Segment) -> None:
        line = self._line
        if line is not None and len(segment) > 1 and segment[1].strip():
            line.setdefault("packages", codes.number(segment[1]))
            kind = segment[3].split(COMPONENT)[0].strip() if len(segment) > 3 else ""
            if kind:
                line.setdefault("package_type", kind)

    def _ftx(self, segment: Segment) -> None:
        if len(segment) < 4 or segment[1] != "AAA" or self._around == ELSE:
            return
        text = segment[4] if len(segment) > 4 and segment[4] else segment[3]
        self._text("description", text)

    def _imd(self, segment: Segment) -> None:
        parts = (segment[3] if len(segment) > 3 else "").split(COMPONENT)
        text = " ".join(part for part in parts[3:5] if part)
        if text and "description" not in self._row:
            self._text("description", text)

    def _pci(self, segment: Segment) -> None:
        self._around = ""
        if len(segment) > 2:
            self._text("marks", segment[2])

    def _text(self, column: str, text: str) -> None:
        if COMPONENT in text:
            text = " ".join(part.strip() for part in text.split(COMPONENT) if part)
        before = self._row.get(column)
        if before and len(before) > LONGEST_TEXT:
            self._bills.note(column, f"has more than {LONGEST_TEXT:,} characters; the rest is left out", self.at)
        elif text.strip():
            self._row[column] = f"{before} {text.strip()}" if before else text.strip()

    def _cst(self, segment: Segment) -> None:
        for field in segment[2:7]:
            self._hs(field.split(COMPONENT)[0])

    def _pia(self, segment: Segment) -> None:
        for field in segment[2:7]:
            code, _, kind = field.partition(COMPONENT)
            if kind.split(COMPONENT)[0].strip().upper() == "HS":
                self._hs(code)

    def _hs(self, code: str) -> None:
        digits = code.strip().replace(".", "").replace(" ", "")
        if digits.isascii() and digits.isdigit() and 4 <= len(digits) <= 12:
            self._row.setdefault("hs_code", digits[:10] if len(digits) > 10 or len(digits) % 2 == 0 else digits[:-1])

    def _mea(self, segment: Segment) -> None:
        if len(segment) < 4 or self._around == ELSE:
            return
        what = segment[2].split(COMPONENT)[0] or segment[1]
        parts = segment[3].split(COMPONENT)
        if len(parts) < 2 or not parts[1].strip():
            return
        if self._around == BOX:
            self._weigh(what, parts[1], parts[0])
            return
        column = codes.MEASURES.get(what)
        if column is None:
            return
        kind = "m3" if column == "volume_m3" else "kg"
        ours = codes.in_ours(parts[1], parts[0].strip().upper(), kind)
        bill = self._bill
        if ours is None:
            self._bills.note(column, "is in a unit that is not known; left out", self.at, f"{parts[1]} {parts[0]}")
        elif self._around == PART and bill is not None and bill.lines:
            add(bill.split[-1], column, ours)
        elif self._line is not None and what != "AAD":
            self._line.setdefault(column, ours)
        elif bill is not None:
            bill.totals.setdefault(column, ours)

    def _weigh(self, what: str, value: str, unit: str) -> None:
        """The verified gross mass of the box in hand; what else it weighs says nothing of the goods."""
        weight = codes.in_ours(value, unit.strip().upper(), "kg") if what == "VGM" and self._box else None
        if weight is not None and weight.isascii() and weight.replace(".", "", 1).isdigit():
            self._box["vgm_kg"] = float(weight)

    def _moa(self, segment: Segment) -> None:
        parts = [*(segment[1] if len(segment) > 1 else "").split(COMPONENT), "", ""]
        found = codes.AMOUNTS.get(parts[0])
        bill = self._bill
        if found is None or not parts[1].strip() or bill is None:
            return
        column, rank = found
        key = f"{column}{len(bill.lines)}"
        if bill.ranks.get(key, 99) <= rank:
            return
        bill.ranks[key] = rank
        (bill.totals if self._line is None else self._line)[column] = codes.number(parts[1])
        if parts[2].strip():
            self._row.setdefault("currency", parts[2].strip())

    def _cpi(self, segment: Segment) -> None:
        """CPI and TOD, of which one of the elements is the method of payment."""
        for field in segment[2:4]:
            payment = codes.PAYMENT.get(field.split(COMPONENT)[0].strip().upper())
            if payment:
                (self._bill or self._head).set("freight_payment", payment, 0)

    def _dgs(self, segment: Segment) -> None:
        self._around = ELSE


def add(row: Row, column: str, text: str) -> None:
    """Add a number to a column of texts; what is none takes its place, for the checks to find."""
    try:
        row[column] = f"{float(row.get(column, 0)) + float(text):.12g}"
    except ValueError:
        row[column] = text
