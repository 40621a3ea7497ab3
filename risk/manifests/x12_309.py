"""Reads the customs manifest 309 of ANSI X12 (003030 to 006050): from segments to bills.

A bill is one LX loop: M11 with its number and totals, the parties (N1), the equipment (VID) and the goods in each
(N10). Ports in Schedule D or K stand in no table of ours, so they end as findings; UN/LOCODEs come from R4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from risk.errors import InputError
from risk.manifests.cuscar_goods import LONGEST_TEXT, MOST_EQUIPMENT, MOST_SEALS
from risk.manifests.documents import MOST, Documents
from risk.manifests.edifact_bill import Bill
from risk.manifests.edifact_codes import in_ours, moment, number
from risk.manifests.facts import Function, MessageFacts
from risk.manifests.message import Collector, Container, container_no

Segment = list[str]

MODES: Final = {
    "O": "sea", "S": "sea", "VE": "sea", "A": "air", "AE": "air", "R": "rail", "J": "road", "M": "road", "H": "road",
    "T": "road", "U": "post", "I": "inland_water",
}  # fmt: skip
"""Element 91, transportation method."""
PURPOSES: Final[dict[str, Function]] = {
    "00": "original", "07": "original", "20": "original", "02": "change", "04": "change", "15": "change",
    "25": "change", "05": "replace", "18": "replace", "01": "cancel", "03": "cancel", "17": "cancel",
}  # fmt: skip
"""Element 353, purpose of the transaction set."""
AMENDING: Final = frozenset("BCDFVXY")
"""Element 256, types of manifest that update or amend an earlier one; the others are taken as original."""
ANSWERS: Final = frozenset("JZ")
"""Element 256, what customs sends to carriers."""
WEIGHTS: Final = {"K": "KGM", "L": "LBR", "M": "TNE", "E": "TNE", "S": "STN", "T": "LTN", "G": "GRM", "O": "ONZ",
                  "KG": "KGM", "LB": "LBR"}  # fmt: skip
"""Element 188."""
VOLUMES: Final = {"X": "MTQ", "E": "FTQ", "V": "LTR", "C": "CMQ", "N": "INQ", "CR": "MTQ", "CF": "FTQ"}
"""Element 184."""
PARTIES: Final = {
    "SH": ("shipper", 0), "CZ": ("shipper", 0), "SF": ("shipper", 1), "EX": ("shipper", 2), "SE": ("shipper", 3),
    "CN": ("consignee", 0), "UC": ("consignee", 1), "IM": ("consignee", 2), "BY": ("consignee", 3),
    "N1": ("notify", 0), "NP": ("notify", 0), "NI": ("notify", 0), "N2": ("notify", 1),
}  # fmt: skip
"""Element 98, parties that have columns of their own."""
PLACES: Final = {
    "L": ("loading_port", 0), "D": ("discharge_port", 0), "R": ("place_of_receipt", 0), "M": ("final_destination", 0),
    "E": ("final_destination", 1), "1": ("original_loading_port", 1), "O": ("original_loading_port", 0),
}  # fmt: skip
"""Element 115, function of a port; T is a transhipment."""
MOMENTS: Final = {"371": ("eta", 0), "056": ("eta", 1), "140": ("eta", 2), "369": ("etd", 0), "139": ("etd", 1),
                  "370": ("etd", 2)}  # fmt: skip
"""Element 374: estimated, then other times of arrival and departure."""
_CONTAINERS: Final = frozenset("CN 20 2B 40 4B CC CZ RC CW CX CU CV CP TL UL".split())
_HARMONIZED: Final = frozenset({"H", "J", "A", "Z", "S", ""})


class Manifest309:
    """The transaction set that is open: what its head says, and the bill in hand. `at` is the segment."""

    def __init__(self, bills: Collector) -> None:
        self._bills = bills
        self._documents = Documents(bills)
        self.at = 0
        self._received = self._first = True
        self.begin(MessageFacts("X12 309"), received=True, first=False)

    def begin(self, facts: MessageFacts, received: bool, first: bool) -> None:
        """A transaction set begins. `received`: the caller told when it came; `first`: none was read before it."""
        self._bills.begin(facts)
        self._facts = facts
        self._received, self._first = received, first
        self._issuer = self._document = ""
        self._head = Bill(self.at)
        self._port = Bill(self.at)
        self._bill: Bill | None = None
        self._settled = False
        self._party = ""
        self._box: Container = {}
        self._boxes: dict[str, Container] = {}
        self._named: dict[str, None] = {}

    def acts(self) -> dict[str, Callable[[Segment], None]]:
        """What each segment does."""
        return {
            "M10": self._m10, "P4": self._p4, "LX": self._lx, "M13": self._m13, "M11": self._m11, "N9": self._n9,
            "REF": self._n9, "N1": self._n1, "N2": self._n2, "N3": self._n3, "N4": self._n4, "DTM": self._dtm,
            "R4": self._r4, "VID": self._vid, "M7": self._m7, "N10": self._n10, "MAN": self._man,
        }  # fmt: skip

    def damaged(self, reason: str, text: str) -> None:
        """Something in the bill in hand cannot be read, so that it is rejected; without a bill it is remarked on."""
        if self._bill is not None:
            self._bill.fault = (f"segment {self.at}: {reason}", text)
        else:
            self._bills.note("segment", reason, self.at, text)

    def end(self) -> None:
        """The transaction set is over."""
        self._close_bill()
        self._documents.close(self._facts.sender, self._document, self._named, self._facts.line)
        self._bills.end()

    def _m10(self, segment: Segment) -> None:
        fields = _padded(segment, 14)
        self._issuer = fields[1]
        head = self._head
        head.set("carrier", fields[1], 0)
        mode = MODES.get(fields[2], "")
        head.set("mode", mode, 0)
        head.set("voyage", fields[6], 0)
        ship = fields[4].upper().removeprefix("IMO").strip()
        if mode in {"", "sea"} and ship.isdigit() and fields[10] != "C":
            head.set("vessel_imo", ship, 0)
        self._document = fields[7] or "/".join(filter(None, (fields[1], fields[4] or fields[5], fields[6])))
        self._facts.reference = fields[7] or self._facts.reference
        kind = fields[9].upper()
        if kind in ANSWERS:
            self._bills.note("M10", "is of a type (256) that customs sends; its bills are read", self.at, kind)
        stated: Function = "change" if kind in AMENDING else "original"
        function = PURPOSES.get(fields[13]) if fields[13] else stated
        if function is None:
            self._bills.note("M10", "has a purpose code (353) that is not known; bills are read", self.at, fields[13])
        self._facts.function = function or "unknown"

    def _p4(self, segment: Segment) -> None:
        fields = _padded(segment, 6)
        self._close_bill()
        self._port = Bill(self.at)
        self._port.set("discharge_port", fields[1], 5)
        if fields[2]:
            clock = fields[5] if len(fields[5]) in {4, 6} else ""
            self._port.set("eta", moment(fields[2] + clock, "203" if len(fields[2]) == 8 else "201"), 3)
        if fields[3].isascii() and fields[3].isdigit() and len(fields[3]) < 12:
            declared = self._facts.declared
            declared["bills"] = declared.get("bills", 0.0) + float(fields[3])

    def _lx(self, segment: Segment) -> None:
        self._close_bill()
        if not self._settled:
            self._settle()
        self._bill = Bill(self.at)
        self._party, self._box, self._boxes = "", {}, {}

    def _m13(self, segment: Segment) -> None:
        """An amendment: type D takes the bill back (of a house number that alone), R gives it another quantity."""
        fields = _padded(segment, 10)
        issuer = fields[1] or self._issuer
        bill = self._bill or self._implied()
        if self._facts.function == "original":
            self._facts.function = "change"
        bill.kind = "deleted" if fields[3].upper() == "D" else ""
        bill.own = bill.own or _full_number(issuer, fields[4])
        if fields[8]:
            bill.house = bill.house or _full_number(fields[10] or issuer, fields[8])
        if fields[3].upper() == "R" and fields[5]:
            bill.totals["packages"] = number(fields[5])

    def _m11(self, segment: Segment) -> None:
        fields = _padded(segment, 26)
        bill = self._bill
        if bill is None or (bill.own and bill.row):
            self._close_bill()
            bill = self._implied()
        issuer = fields[12] or self._issuer
        bill.own = _full_number(issuer, fields[1])
        if fields[11]:
            bill.house = _full_number(fields[13] or issuer, fields[11])
        bill.set("carrier", fields[12], 0)
        bill.set("loading_port", fields[2], 5)
        bill.set("place_of_receipt", fields[10], 1)
        if fields[3]:
            bill.totals.setdefault("packages", number(fields[3]))
        if fields[4]:
            bill.row["package_type"] = fields[4]
        for at, units, kind, column in ((5, WEIGHTS, "kg", "gross_weight_kg"), (7, VOLUMES, "m3", "volume_m3")):
            if fields[at]:
                self._measure(bill.totals, column, fields[at], units.get(fields[at + 1], ""), kind, fields[at + 1])
        payment = {"CC": "collect", "PP": "prepaid", "COL": "collect", "PPD": "prepaid"}.get(fields[23][:3] or "", "")
        bill.set("freight_payment", payment, 0)

    def _n9(self, segment: Segment) -> None:
        fields = _padded(segment, 3)
        bill = self._bill
        if bill is None or not fields[2]:
            return
        if fields[1] in {"MB", "MA", "AW"}:
            bill.master = fields[2]
            if bill.house and bill.master == bill.house:  # then the number in M1111 is that of the master
                bill.house = ""
        elif fields[1] in {"BH", "HB", "HWB"}:
            bill.house = fields[2]
        elif fields[1] in {"BM", "OB"} and not bill.own:
            bill.own = fields[2]

    def _n1(self, segment: Segment) -> None:
        fields = _padded(segment, 5)
        target = self._bill or self._head
        self._party = ""
        if fields[1] in {"FW", "FF"}:
            target.set("forwarder_name", fields[2] or fields[4], 0)
        elif fields[1] in {"CB", "BR"}:
            target.set("declarant_id", fields[4] or fields[2], 0)
        found = PARTIES.get(fields[1])
        if found is None or target.ranks.get(found[0], 99) <= found[1]:
            return
        self._party, target.ranks[found[0]] = found
        for part, text in (("name", fields[2]), ("id", fields[4]), ("address", ""), ("country", "")):
            if text:
                target.row[f"{self._party}_{part}"] = text
            else:
                target.row.pop(f"{self._party}_{part}", None)

    def _n2(self, segment: Segment) -> None:
        self._add_to_party("name", " ".join(filter(None, _padded(segment, 3)[1:3])), " ")

    def _n3(self, segment: Segment) -> None:
        self._add_to_party("address", ", ".join(filter(None, _padded(segment, 3)[1:3])), ", ")

    def _n4(self, segment: Segment) -> None:
        fields = _padded(segment, 5)
        self._add_to_party("address", ", ".join(filter(None, fields[1:4])), ", ")
        if self._party and fields[4]:
            (self._bill or self._head).row[f"{self._party}_country"] = fields[4]

    def _dtm(self, segment: Segment) -> None:
        fields = _padded(segment, 4)
        found = MOMENTS.get(fields[1])
        if found is not None and fields[2]:
            clock = fields[3] if len(fields[3]) in {4, 6} else ""
            text = moment(fields[2] + clock, "203" if len(fields[2]) == 8 else "201")
            (self._bill or self._port).set(found[0], text, found[1])

    def _r4(self, segment: Segment) -> None:
        fields = _padded(segment, 6)
        place = fields[3] or fields[4]
        target = self._bill or self._port
        if fields[1] == "T" and place:
            before = target.row.get("transhipment_ports", "")[:1000]
            target.row["transhipment_ports"] = f"{before} {place}" if before else place
        elif fields[1] in PLACES:
            column, rank = PLACES[fields[1]]
            target.set(column, place, rank if fields[2] in {"UN", "IA", ""} else rank + 6)

    def _vid(self, segment: Segment) -> None:
        fields = _padded(segment, 11)
        bill = self._bill or self._implied()
        name = container_no(fields[2] + fields[3])
        self._party, self._box = "", {}
        if not name or fields[3].upper() in {"NC", "NONE"} or fields[1] not in _CONTAINERS:
            return
        if len(self._boxes) >= MOST_EQUIPMENT:
            self.damaged(f"the bill names more than {MOST_EQUIPMENT:,} pieces of equipment", name)
            return
        if name not in self._boxes:
            self._boxes[name] = {"no": name}
            bill.boxes.append(self._boxes[name])
        self._box = self._boxes[name]
        if fields[9]:
            self._box["type"] = fields[9]
        if fields[10] in {"L", "E"}:
            self._box["full"] = fields[10] == "L"
        self._seal(fields[4:6])

    def _m7(self, segment: Segment) -> None:
        self._seal(_padded(segment, 5)[1:5])

    def _seal(self, texts: list[str]) -> None:
        if self._box:
            known = self._box.get("seals", [])[:MOST_SEALS]
            new = [text for text in texts if text and text not in known]
            if new:
                self._box["seals"] = known + new

    def _n10(self, segment: Segment) -> None:
        fields = _padded(segment, 14)
        bill = self._bill or self._implied()
        line = bill.line()
        if self._box:
            bill.joined[-1].append(self._box["no"])
            bill.named[self._box["no"]] = None
        pairs = (("packages", number(fields[1])), ("description", fields[2]), ("marks", fields[3]),
                 ("value", number(fields[6])), ("package_type", fields[10]), ("origin_country", fields[11]),
                 ("currency", fields[13]))  # fmt: skip
        line.update({column: text for column, text in pairs if text})
        digits = fields[5].replace(".", "")
        if fields[4] in _HARMONIZED and digits.isascii() and digits.isdigit() and 4 <= len(digits) <= 10:
            line["hs_code"] = digits[: len(digits) // 2 * 2]
        if fields[8]:
            self._measure(line, "gross_weight_kg", fields[8], WEIGHTS.get(fields[7], ""), "kg", fields[7])

    def _man(self, segment: Segment) -> None:
        fields = _padded(segment, 3)
        if self._bill is not None and self._bill.lines and fields[2]:
            line = self._bill.lines[-1]
            line["marks"] = f"{line['marks'][:LONGEST_TEXT]} {fields[2]}" if "marks" in line else fields[2]

    def _measure(self, row: dict[str, str], column: str, text: str, unit: str, kind: str, code: str) -> None:
        ours = in_ours(text, unit, kind)
        if ours is None:
            self._bills.note(column, "is in a unit that is not known; left out", self.at, f"{text} {code}")
        else:
            row[column] = ours

    def _add_to_party(self, part: str, text: str, between: str) -> None:
        if self._party and text:
            row = (self._bill or self._head).row
            key = f"{self._party}_{part}"
            row[key] = f"{row[key][:LONGEST_TEXT]}{between}{text}" if key in row else text

    def _implied(self) -> Bill:
        """A bill that no LX announces."""
        self._lx([])
        assert self._bill is not None
        return self._bill

    def _settle(self) -> None:
        """The head is over: what it says of time is known."""
        facts = self._facts
        self._settled = True
        facts.prepared_at = self._documents.moment(facts.prepared_at, amends=True)
        if not facts.prepared_at and not self._received and self._first:
            raise InputError(
                f"{self._bills.file}: segment {self.at}: the X12 manifest does not say when it was prepared (GS or "
                "ISA); give the time at which it was received (received_at)."
            )

    def _close_bill(self) -> None:
        bill, self._bill = self._bill, None
        if bill is None:
            return
        deleted, bill.kind = bill.kind == "deleted", ""
        if deleted and bill.own:
            bill_number, master = bill.number()
            self._bills.cancel(bill_number, master, bill.at)
            return
        own = bill.give(self._bills, self._head.row | self._port.row, {}, sole=False)
        if own and len(self._named) < MOST:
            self._named[own] = None


def _padded(segment: Segment, length: int) -> list[str]:
    """The elements, trimmed, with empty ones for those left out at the end; the tag is at 0."""
    texts = [text.strip() for text in segment]
    return texts + [""] * (length + 1 - len(texts))


def _full_number(issuer: str, text: str) -> str:
    """A bill number is unique only for its issuer, whose code (SCAC) stands before it, as on the bill itself."""
    return text if not text or text.upper().startswith(issuer.upper()) else issuer + text
