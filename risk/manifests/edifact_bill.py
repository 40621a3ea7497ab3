"""One bill of a cargo report on its way from segments to rows: its number, its goods lines, its containers.

Weight, packages, volume and value belong to the goods lines that state them. What only the bill states stands on
its first line, so that the lines add up to the bill. Used for EDIFACT and X12 alike; knows no segment.
"""

from __future__ import annotations

from typing import Final

from risk.manifests.facts import TOLERANCE
from risk.manifests.message import Collector, Container, Row, consignment_id

_SUMMED: Final = ("gross_weight_kg", "net_weight_kg", "packages", "volume_m3", "value", "freight")
_COMPARED: Final = (("gross_weight_kg", TOLERANCE), ("packages", 0.0))


class Bill:
    """A bill as it is read.

    at       the segment with which it begins
    outer    the number of the consignment around it (CNI), which is its own when nothing else names it
    own, house, master   the numbers by which references call it
    several  whether its consignment holds further bills, so that `outer` is their master
    row      columns that all lines share; `ranks` say how good the source of each is, lower is better
    lines    columns of each goods line; `joined` the equipment that holds it, `split` what it weighs there
    named    equipment that the bill says holds its goods
    boxes    equipment described within the bill
    totals   what is stated of the bill as a whole
    fault    why it cannot be taken, and the text at fault
    """

    __slots__ = (
        "at",
        "boxes",
        "fault",
        "house",
        "joined",
        "kind",
        "lines",
        "master",
        "named",
        "outer",
        "own",
        "ranks",
        "row",
        "several",
        "split",
        "totals",
    )  # fmt: skip

    def __init__(self, at: int, outer: str = "") -> None:
        self.at, self.outer = at, outer
        self.own = self.house = self.master = self.kind = ""
        self.several = False
        self.row: Row = {}
        self.ranks: dict[str, int] = {}
        self.lines: list[Row] = []
        self.joined: list[list[str]] = []
        self.split: list[Row] = []
        self.named: dict[str, None] = {}
        self.boxes: list[Container] = []
        self.totals: Row = {}
        self.fault: tuple[str, str] | None = None

    def line(self) -> Row:
        """A new goods line."""
        row: Row = {}
        self.lines.append(row)
        self.joined.append([])
        self.split.append({})
        return row

    def set(self, column: str, text: str, rank: int) -> None:
        """Fill a column unless a better source already did; of equal sources the first stays."""
        if text and self.ranks.get(column, 99) > rank:
            self.row[column] = text
            self.ranks[column] = rank

    def number(self) -> tuple[str, str]:
        """The number of the bill and that of its master, empty when there is none."""
        number = self.house or self.own
        master = self.master or (self.own if self.house and self.own != self.house else "")
        if not number and not self.several:
            number = self.outer or self.master
        if not master and self.several:
            master = self.outer
        return number, "" if master == number else master

    def give(self, bills: Collector, head: Row, equipment: dict[str, Container], sole: bool) -> str:
        """Hand the bill to the collector; its consignment, empty when it was rejected.

        `equipment` is that of the message by number, `sole` says that the message has no other bill.
        """
        number, master = self.number()
        row = head | self.row
        master = master or head.get("master_bl_no", "")
        if master == number:
            master = ""
        row["bl_no"] = number
        row.pop("master_bl_no", None)
        if master:
            row["master_bl_no"] = master
        kind = "house" if self.house or master else "master" if self.master and not self.own else self.kind
        if kind:
            row["bl_type"] = kind
        if self.fault is not None:
            bills.reject(self.at, "", self.fault[1], self.fault[0], row)
            return ""
        if not number:
            bills.reject(self.at, "bl_no", "", "is missing; expected is the number of the bill", row)
            return ""
        if bills.facts.function == "cancel":
            bills.cancel(number, master, self.at)
            return consignment_id(number, master)
        boxes, joined = self._containers(equipment, sole)
        bills.bill([row | line for line in self._goods(bills)], self.at, boxes, joined)
        return consignment_id(number, master)

    def _containers(self, equipment: dict[str, Container], sole: bool) -> tuple[list[Container], list[list[int]]]:
        found = {box["no"]: box for box in self.boxes if box}
        names = self.named
        for name in names:
            box = equipment.get(name, found.get(name, {"no": name}))
            if box:
                found[name] = box
        if sole and not names and not found:
            found = {name: box for name, box in equipment.items() if box}
        if not found:
            return [], []
        places = {name: place for place, name in enumerate(found)}
        joined = [[places[name] for name in names if name in places] for names in self.joined]
        return list(found.values()), joined

    def _goods(self, bills: Collector) -> list[Row]:
        """The goods lines, with what the bill as a whole or the parts of a line state where a line says nothing."""
        lines = self.lines or [{}]
        for line, parts in zip(lines, self.split, strict=False):
            for name, text in parts.items():
                line.setdefault(name, text)
        for name in _SUMMED:
            total = self.totals.get(name) or (self.totals.get("pieces") if name == "packages" else None)
            if total is None:
                continue
            stated = [line for line in lines if name in line]
            if not stated:
                lines[0][name] = total
            elif len(lines) > 1 and len(stated) == len(lines) and all(_same(line[name], total) for line in lines):
                for line in lines[1:]:
                    del line[name]
                bills.note(name, "is repeated by every goods line of a bill; counted once", self.at, total)
        for name, slack in _COMPARED:
            self._reconcile(bills, lines, name, slack)
        return lines

    def _reconcile(self, bills: Collector, lines: list[Row], name: str, slack: float) -> None:
        """Compare what the bill declares with the sum of its lines, where all of them state it."""
        total = self.totals.get(name)
        if total is None or not all(name in line for line in lines):
            return
        try:
            declared, read = float(total), sum(float(line[name]) for line in lines)
        except ValueError:
            return  # the checks say so
        if abs(declared - read) > slack:
            value = f"declared {declared:.15g}, read {read:.15g}"
            bills.note(name, "declared total of the bill differs from the sum of its lines", self.at, value)


def _same(text: str, other: str) -> bool:
    try:
        return float(text) == float(other)
    except ValueError:
        return False
