"""Reads the customs cargo report CUSCAR (UN/EDIFACT D.95B to D.20B): from segments to bills.

A bill begins with CNI, or with a further RFF that names a bill within it; the number in CNI is then their master.
Segments are taken by what they are and by what stands before them, not by a fixed order, as senders differ.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import isfinite
from typing import Final

from risk.errors import InputError
from risk.manifests import edifact_codes as codes
from risk.manifests.awmds import MODES
from risk.manifests.cuscar_goods import GoodsSegments, Segment
from risk.manifests.documents import MOST, Documents
from risk.manifests.edifact_bill import Bill
from risk.manifests.facts import MessageFacts
from risk.manifests.message import Collector
from risk.manifests.segments import COMPONENT

HELD_BACK: Final = 5000
"""Bills that wait for the end of their message, as equipment they name may be described behind them."""

_TOTALS: Final = {"7": "gross_weight_kg", "8": "pieces", "10": "bills", "11": "packages", "15": "volume_m3",
                  "16": "containers"}  # fmt: skip
_KINDS: Final = {"HBL": "house", "HWB": "house", "714": "house", "703": "house", "MBL": "master", "MWB": "master",
                 "704": "master", "741": "master"}  # fmt: skip


class Cuscar(GoodsSegments):
    """The message that is open: what its head says, its equipment, the bill in hand. `at` is the segment."""

    def __init__(self, bills: Collector) -> None:
        super().__init__(bills)
        self._documents = Documents(bills)
        self._received = self._first = True
        self.begin(MessageFacts("CUSCAR"), received=True, first=False)

    def begin(self, facts: MessageFacts, received: bool, first: bool) -> None:
        """A message begins. `received`: the caller told when it came; `first`: none was read before it."""
        self._bills.begin(facts)
        self._facts = facts
        self._received, self._first = received, first
        self._sent, self._document = facts.prepared_at, ""
        self._head = Bill(self.at)  # what is said before the first bill
        self._equipment = {}
        self._held: deque[Bill] = deque()
        self._named: dict[str, None] = {}
        self._used: set[str] = set()
        self._count = 0
        self._pieces, self._declared_pieces = 0.0, ""
        self._bill = self._line = None
        self._row = self._head.row
        self._box = {}
        self._around = self._party = ""
        self._leg = self._call = 0
        self._adrift = False
        self._tail: list[tuple[str, str]] = []

    def acts(self) -> dict[str, Callable[[Segment], None]]:
        """What each segment does."""
        return {
            "BGM": self._bgm, "DTM": self._dtm, "RFF": self._rff, "NAD": self._nad, "TDT": self._tdt, "LOC": self._loc,
            "EQD": self._eqd, "SEL": self._sel, "MEA": self._mea, "CNI": self._cni, "CNT": self._cnt, "GID": self._gid,
            "FTX": self._ftx, "PCI": self._pci, "CST": self._cst, "PIA": self._pia, "IMD": self._imd, "MOA": self._moa,
            "SGP": self._sgp, "DGS": self._dgs, "CPI": self._cpi, "TOD": self._cpi, "PAC": self._pac,
        }  # fmt: skip

    def damaged(self, reason: str, text: str) -> None:
        """Something in the bill in hand cannot be read, so that it is rejected; without a bill it is remarked on."""
        if self._bill is not None:
            self._bill.fault = (f"segment {self.at}: {reason}", text)
        else:
            self._bills.note("segment", reason, self.at, text)

    def unreadable(self, tag: str) -> None:
        """A segment is none that is known; it may have been the beginning of a bill."""
        self._adrift = True
        self._bills.note("segment", "is none of CUSCAR; passed over", self.at, tag)

    def end(self) -> None:
        """The message is over."""
        bill = self._bill
        if bill is not None and not bill.lines:  # totals right behind the number are those of the bill
            self._total_of_bill()
        tail, self._tail = self._tail, []
        self._close_bill()
        facts = self._facts
        if not self._count and facts.function == "cancel":  # of a whole message: no bill told its moment yet
            facts.prepared_at = self._documents.moment(facts.prepared_at, amends=True)
        for name, text in tail:
            self._total_of_message(name, text)
        while self._held:
            self._give(self._held.popleft(), sole=self._count == 1)
        if self._declared_pieces and float(self._declared_pieces) != self._pieces:
            facts.declared.setdefault("packages", float(self._declared_pieces))
        idle = [name for name, box in self._equipment.items() if box and name not in self._used]
        if idle and self._count > 1:
            self._bills.note("containers", "are described and no bill names them", facts.line, idle[0], len(idle))
        self._documents.close(facts.sender, self._document, self._named, facts.line)
        self._bills.end()

    # -- the head

    def _bgm(self, segment: Segment) -> None:
        fields = [*segment, "", "", ""]
        self._document = fields[2].split(COMPONENT)[0].strip()
        self._facts.reference = self._document or self._facts.reference
        code = fields[3].split(COMPONENT)[0].strip()
        function = codes.FUNCTIONS.get(code)
        if function is None:
            self._bills.note("BGM", "has a function code (1225) that is not known; bills are read", self.at, code)
        self._facts.function = function or "unknown"

    def _dtm(self, segment: Segment) -> None:
        parts = [*(segment[1] if len(segment) > 1 else "").split(COMPONENT), "", ""]
        kind = parts[0]
        if not parts[1].strip():
            return
        if kind == "137" and self._bill is None:
            prepared = codes.moment(parts[1], parts[2])
            if not (len(prepared) == 10 and self._sent.startswith(prepared)):  # else the envelope knows it better
                self._facts.prepared_at = prepared
        elif kind in codes.MOMENTS and not self._leg:
            column, rank = codes.MOMENTS[kind]
            (self._bill or self._head).set(column, codes.moment(parts[1], parts[2]), rank + self._call)

    def _tdt(self, segment: Segment) -> None:
        fields = [*segment, "", "", "", "", "", "", "", ""]
        stage = fields[1]
        self._leave_goods()
        self._leg = 20 if stage in {"10", "30"} else 0
        if self._leg:
            return
        target, rank = self._bill or self._head, 0 if stage == "20" else 1
        mode = MODES.get(fields[3].strip()[:1], "")
        target.set("mode", mode, rank)
        carrier = [*fields[5].split(COMPONENT), "", "", ""]
        target.set("carrier", (carrier[3] or carrier[0]).strip(), rank)
        means = [*fields[8].split(COMPONENT), "", "", "", ""]
        target.set("voyage", fields[2].strip() or (means[3].strip() if mode == "air" else ""), rank)
        ship = means[0].strip().upper().removeprefix("IMO").strip()
        if mode in {"", "sea"} and (means[1] == "146" or (len(ship) == 7 and ship.isdigit() and means[1] != "103")):
            target.set("vessel_imo", ship, rank)

    def _loc(self, segment: Segment) -> None:
        if len(segment) < 3:
            return
        if self._adrift and self._bill is not None:
            self._orphan(self._bill)
        kind = segment[1].strip()
        place = segment[2].split(COMPONENT)
        text = place[0].strip() or (place[3].strip() if len(place) > 3 else "")
        self._call = 20 if kind in codes.OTHER_CALLS else 0
        target = self._bill or self._head
        found = codes.PLACES.get(kind)
        if found is not None:
            target.set(found[0], text, found[1] + self._leg)
        elif kind in codes.ENDS_OF_VOYAGE and self._bill is None:
            target.set(codes.ENDS_OF_VOYAGE[kind], text, 9)
        elif kind == codes.TRANSHIPMENT and text:
            before = target.row.get("transhipment_ports", "")[:1000]
            target.row["transhipment_ports"] = f"{before} {text}" if before else text

    # -- bills

    def _cni(self, segment: Segment) -> None:
        head = self._head
        if not self._count and self._bill is None:
            self._settle()
        elif self._bill is not None and not self._count and not self._bill.lines and not self._bill.outer:
            head.row["master_bl_no"] = self._bill.own or self._bill.house  # it stood before all consignments
            self._bill = None
        self._total_of_bill()
        self._close_bill()
        document = (segment[2] if len(segment) > 2 else "").split(COMPONENT)
        self._open_bill(document[0].strip())
        if len(document) > 1 and self._bill is not None:
            self._bill.kind = _KINDS.get(document[1].strip().upper(), "")

    def _rff(self, segment: Segment) -> None:
        parts = [*(segment[1] if len(segment) > 1 else "").split(COMPONENT), ""]
        kind, text = parts[0].strip().upper(), parts[1].strip()
        own, house = kind in codes.OWN_BILL, kind in codes.HOUSE_BILL
        bill = self._bill
        if self._party and kind in codes.TAX_NUMBERS and text:
            (bill or self._head).row[f"{self._party}_id"] = text
            return
        if not (own or house or kind in codes.MASTER_BILL):
            if kind == "ACW" and bill is None:
                self._document = text
            return
        self._leave_goods()
        if bill is None:
            if kind in codes.MASTER_BILL:
                self._head.row["master_bl_no"] = text
                return
            self._settle()
            bill = self._open_bill("")
        elif bill.lines or (own and bill.own) or (house and bill.house):
            if text and text == (bill.own if own else bill.house if house else bill.master):
                return
            bill.several = bill.several or bill.outer not in {"", bill.own, bill.house}
            self._total_of_bill()
            self._close_bill()
            outer, kept = bill.outer if bill.several else "", bill.master or (bill.own if house and bill.house else "")
            bill = self._open_bill(outer)
            bill.several, bill.master = bool(outer), kept
        if own:
            bill.own = text
        elif house:
            bill.house = text
        else:
            bill.master = text

    def _nad(self, segment: Segment) -> None:
        fields = [*segment, "", "", "", "", "", "", "", "", ""]
        role = fields[1].strip().upper()
        if self._adrift and self._bill is not None:
            self._orphan(self._bill)
        target = self._bill or self._head
        identity = fields[2].split(COMPONENT)[0].strip()
        free = [text.strip() for text in fields[3].split(COMPONENT) if text.strip()]
        name = " ".join(fields[4].split(COMPONENT)).strip()
        if not name and free:
            name = free.pop(0)
        self._party = ""
        found = codes.ROLES.get(role)
        if found is None:
            label = name or identity
            if role in codes.FORWARDERS:
                target.set("forwarder_name", label, 0)
            elif role in codes.CARRIERS:
                target.set("carrier", label, 2)
            elif role in codes.DECLARANTS:
                target.set("declarant_id", identity or name, 0)
            elif role in codes.SENDERS and not self._facts.sender:
                self._facts.sender = label
            return
        prefix, rank = found
        if target.ranks.get(prefix, 99) <= rank or not (identity or name):
            return
        target.ranks[prefix] = rank
        self._party = prefix
        row = target.row
        where = [*free, " ".join(fields[5].split(COMPONENT)), *fields[6:9]]
        address = ", ".join(text for text in map(str.strip, where) if text)
        for part, text in (("id", identity), ("name", name), ("address", address), ("country", fields[9].strip())):
            if text:
                row[f"{prefix}_{part}"] = text
            else:
                row.pop(f"{prefix}_{part}", None)

    def _gid(self, segment: Segment) -> None:
        bill = self._bill
        self._around = self._party = ""
        self._total_of_bill()
        if bill is None:
            self.damaged("goods stand before any bill; passed over", "GID")
            return
        if self._adrift and len(segment) > 1 and segment[1].strip() == "1":  # goods count from 1 anew
            bill = self._orphan(bill)
        self._line = self._row = line = bill.line()
        packages = (segment[2] if len(segment) > 2 else "").split(COMPONENT)
        if packages[0].strip():
            line["packages"] = codes.number(packages[0])
        if len(packages) > 1 and packages[1].strip():
            line["package_type"] = packages[1].strip()

    def _cnt(self, segment: Segment) -> None:
        parts = [*(segment[1] if len(segment) > 1 else "").split(COMPONENT), "", ""]
        name = _TOTALS.get(parts[0].strip())
        text = codes.number(parts[1])
        if name is None or not text:
            return
        unit = parts[2].strip().upper()
        if name in {"gross_weight_kg", "volume_m3"} and unit:
            text = codes.in_ours(text, unit, "kg" if name == "gross_weight_kg" else "m3") or ""
            if not text:
                self._bills.note(name, "declares a total in a unit that is not known; left out", self.at, segment[1])
                return
        if self._bill is None:
            self._total_of_message(name, text)
        else:
            self._tail.append((name, text))
            if not self._bill.lines:
                self._total_of_bill()

    # -- what the segments lead to

    def _settle(self) -> None:
        """The head is over: what it says of time is known."""
        facts = self._facts
        facts.prepared_at = self._documents.moment(facts.prepared_at, facts.function in {"change", "replace", "cancel"})
        if not facts.prepared_at and not self._received and self._first:
            raise InputError(
                f"{self._bills.file}: segment {self.at}: the CUSCAR message does not say when it was prepared (DTM 137 "
                "or UNB); give the time at which it was received (received_at)."
            )

    def _open_bill(self, outer: str) -> Bill:
        self._bill = bill = Bill(self.at, outer)
        self._row, self._line, self._box = bill.row, None, {}
        self._around = self._party = ""
        self._leg = self._call = 0
        self._adrift = False
        return bill

    def _close_bill(self) -> None:
        bill, self._bill = self._bill, None
        if bill is None:
            return
        self._count += 1
        self._row, self._line = self._head.row, None
        self._held.append(bill)
        while self._held and (len(self._held) > HELD_BACK or (self._count > 1 and self._known(self._held[0]))):
            self._give(self._held.popleft(), sole=False)

    def _known(self, bill: Bill) -> bool:
        """Whether all equipment that a bill names is described already."""
        return all(name in self._equipment for name in bill.named)

    def _give(self, bill: Bill, sole: bool) -> None:
        self._used.update(name for name in bill.named if name in self._equipment)
        self._used.update(box["no"] for box in bill.boxes if box and box["no"] in self._equipment)
        for line, parts in zip(bill.lines, bill.split, strict=True):
            text = parts.get("packages") or line.get("packages", "")
            self._pieces += float(text) if text.isascii() and text.isdigit() else 0.0
        own = bill.give(self._bills, self._head.row, self._equipment, sole)
        if own and self._document and len(self._named) < MOST:
            self._named[own] = None

    def _orphan(self, bill: Bill) -> Bill:
        """Another bill, if the one in hand has goods: its beginning is the segment that could not be read."""
        if not bill.lines:
            return bill
        self._close_bill()
        bill = self._open_bill("")
        self.damaged("the beginning of the bill cannot be read", "")
        return bill

    def _leave_goods(self) -> None:
        self._around = self._party = ""

    def _total_of_bill(self) -> None:
        """Totals that were read last turn out to be those of the bill."""
        for name, text in self._tail:
            if self._bill is not None:
                self._bill.totals.setdefault(name, text)
        self._tail = []

    def _total_of_message(self, name: str, text: str) -> None:
        """Put a total of the message down; what pieces are is settled at the end."""
        try:
            value = float(text)
        except ValueError:
            self._bills.note(name, "declares a total that is no number; left out", self.at, text)
            return
        if not isfinite(value):
            return
        if name == "pieces":
            self._declared_pieces = text
        elif name != "volume_m3":
            self._facts.declared.setdefault(name, value)
