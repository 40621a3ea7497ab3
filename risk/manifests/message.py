"""The goods lines of the bills of a message on their way to the checks.

A reader of messages describes each bill as a few texts by column of ours and gives it to a `Collector`, which
finishes what all formats share: the identifier of the consignment, when it was filed, the HS code hidden in the
description, containers as JSON, and the totals that are compared with those declared. Knows no format.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa

from risk.manifests.facts import MessageFacts
from risk.manifests.raw import Raw, to_json
from risk.manifests.records import Finding, Findings, Reject, shorten
from risk.reference import identifiers

Row = dict[str, str]
Container = dict[str, Any]

LARGEST: Final = 16_000_000
"""Characters that a bill may have once each of its goods lines repeats what is told of the whole bill."""
MOST_ROWS: Final = 1 << 12
"""Goods lines of a batch, so that a reading stays small in memory whatever batches are asked for."""
MOST_TEXT: Final = 1 << 23
"""Characters after which a batch is handed on whatever its goods lines; the last bill may go past it."""

_HS: Final = re.compile(
    r"(?<![A-Z])H\.?\s?T?\.?S\.?[\s-]*(?:CODES?|NOS?|NUMBERS?|TARIFF|CLASSIFICATION)?[\s.:#=-]*"
    r"(\d{4}(?:\.?\d{2}){0,3})(?![\d.]*\d)",
    re.IGNORECASE,
)
_CONTAINER: Final = re.compile(r"[A-Z]{4}\d{7}")
_NO_NUMBER: Final = re.compile(r"[\s/\-.]+")


def consignment_id(bill: str, master: str = "") -> str:
    """The identifier of a bill, the same from whichever office or sender: the number without spaces, upper case.

    The number of a house bill is unique only for its issuer, so that of the master stands before it.
    """
    number = "".join(bill.split()).upper()
    above = "".join(master.split()).upper()
    return f"{above}/{number}" if above and above != number else number


def container_no(text: str) -> str:
    """The number of a container without the marks it may be printed with."""
    return text if text.isalnum() and text.isupper() else _NO_NUMBER.sub("", text).upper()


@lru_cache(65_536)
def container_fault(number: str, at_sea: bool) -> str:
    """What is wrong with a container number, empty when nothing is; units of air freight have other numbers."""
    if identifiers.valid_container(number):
        return ""
    if _CONTAINER.fullmatch(number):
        return "has a container number that fails the check digit of ISO 6346; kept"
    return "has a container number that is not one of ISO 6346; kept" if at_sea else ""


_is_ship = lru_cache(4096)(identifiers.valid_imo)


def hs_in(text: str) -> list[str]:
    """HS codes written in a description after the letters HS, each once, in order."""
    return list(dict.fromkeys(code.replace(".", "") for code in _HS.findall(text)))


class Collector:
    """Goods lines of the bills read so far, until `take` hands them on as `Raw`.

    `received_at` is when the messages arrived, for those that do not say when they were prepared.
    """

    def __init__(self, file: str, batch_rows: int, received_at: datetime | None) -> None:
        self.file = file
        self._batch_rows = min(batch_rows, MOST_ROWS)
        self._received = "" if received_at is None else received_at.isoformat()
        self._rows: list[Row] = []
        self._blocks: list[dict[str, pa.Array]] = []
        self._lines = array("q")
        self._size = self._unpacked = 0
        self._rejects: list[Reject] = []
        self._findings = Findings()
        self._done: list[MessageFacts] = []
        self._boxes = array("q")
        self.facts = MessageFacts("", file=file)

    def begin(self, facts: MessageFacts) -> None:
        """A message begins; what follows is its own until `end`."""
        facts.file = self.file
        self.facts = facts
        self._boxes = array("q")
        facts.read = dict.fromkeys(("bills", "packages", "gross_weight_kg"), 0.0)
        facts.of_masters = dict(facts.read)

    def bill(
        self,
        rows: Sequence[Row],
        line: int,
        boxes: list[Container] | tuple[()] = (),
        joined: Sequence[Sequence[int]] = (),
    ) -> None:
        """A bill with its goods lines; `rows` hold texts by column, with bl_no and for a house bill master_bl_no.

        boxes   containers of the bill
        joined  for each row which of them hold its goods; all when not told
        """
        first = rows[0]
        number, master = first.get("bl_no", ""), first.get("master_bl_no", "")
        own = consignment_id(number, master) if number else ""
        facts = self.facts
        filed = facts.prepared_at or self._received
        read = facts.read
        read["bills"] += 1
        houses = bool(master)
        if not houses:
            facts.of_masters["bills"] += 1
        self._check_numbers(first, boxes, line)
        size = 0
        texts: dict[tuple[int, ...], str] = {(): orjson.dumps(boxes).decode() if boxes else ""}
        for place, row in enumerate(rows):
            row["consignment_id"] = own
            row["filed_at"] = filed
            if place:
                row["line_no"] = str(place + 1)
            if boxes:
                key = tuple(joined[place]) if place < len(joined) else ()
                if key not in texts:
                    texts[key] = orjson.dumps([boxes[at] for at in key]).decode()
                row["containers"] = texts[key]
            size += sum(map(len, row.values()))
            if size > LARGEST:
                words = f"the bill has more than {LARGEST:,} characters once each goods line has all its columns"
                self.reject(line, "", own, words, {"bl_no": number})
                return
        for row in rows:
            if not row.get("hs_code"):
                self._infer(row, line)
            self._count(row, houses)
            self._rows.append(row)
            self._lines.append(line)
        self._size += size
        self._unpacked += size
        if len(self._rows) >= MOST_ROWS or self._unpacked > MOST_TEXT:
            self._pack()

    def _check_numbers(self, first: Row, boxes: Sequence[Container], line: int) -> None:
        """Remark on numbers of containers and ships that cannot be right."""
        for box in boxes:
            name = box.get("no")
            if name:
                self._boxes.append(hash(name))
                fault = container_fault(name, first.get("mode") == "sea")
                if fault:
                    self.note("containers", fault, line, name)
        if first.get("vessel_imo") and not _is_ship(first["vessel_imo"]):
            self.note("vessel_imo", "fails the check digit of the IMO number; kept", line, first["vessel_imo"])

    def cancel(self, bill: str, master: str, line: int) -> None:
        """A bill that the message takes back: no goods line, but a finding and a place in `cancelled`."""
        own = consignment_id(bill, master)
        self.facts.read["bills"] += 1
        self.facts.cancelled.append(own)
        self.note("consignment_id", "is cancelled by the message; no line was read of it", line, own)

    def reject(self, line: int, name: str, value: str, reason: str, record: object) -> None:
        """A bill that could not be taken apart."""
        self._rejects.append(Reject(self.file, line, name, shorten(value), reason, to_json(record)))

    def note(self, name: str, reason: str, line: int, value: str = "", count: int = 1) -> None:
        """A remark on something that cost no record."""
        self._findings.add(Finding(name, reason, count, self.file, line, shorten(value)))

    def end(self) -> None:
        """The message is over: its totals are compared with those declared."""
        facts = self.facts
        boxes = float(len(np.unique(np.frombuffer(self._boxes, np.int64)))) if len(self._boxes) else 0.0
        facts.read["containers"] = boxes
        if facts.function != "cancel":
            for name, (declared, read) in facts.differences().items():
                value = f"declared {declared:.15g}, read {read:.15g}"
                self.note(name, "declared total differs from what was read", facts.line, value)
        self._done.append(facts)

    @property
    def full(self) -> bool:
        """Whether a batch is ready."""
        return len(self._lines) + len(self._rejects) + len(self._done) >= self._batch_rows or self._size > MOST_TEXT

    def take(self) -> Raw:
        """What was collected, which is forgotten here."""
        self._pack()
        names = dict.fromkeys(name for block in self._blocks for name in block)
        sizes = [len(block["consignment_id"]) for block in self._blocks]
        columns = {
            name: pa.concat_arrays(
                [block.get(name, pa.nulls(size, pa.string())) for block, size in zip(self._blocks, sizes, strict=True)]
            )
            for name in names
        }
        raw = Raw(columns, np.array(self._lines, np.int64), self._rejects, self._findings, self._done)
        self._blocks, self._lines, self._rejects = [], array("q"), []
        self._findings, self._done = Findings(), []
        self._size = 0
        return raw

    def _count(self, row: Row, house: bool) -> None:
        for name in ("packages", "gross_weight_kg"):
            text = row.get(name)
            if not text:
                continue
            try:
                value = float(text)
            except ValueError:
                continue  # the checks say so
            self.facts.read[name] += value
            if not house:
                self.facts.of_masters[name] += value

    def _infer(self, row: Row, line: int) -> None:
        for column in ("description", "marks"):
            text = row.get(column)
            if not text or "HS" not in text.upper().replace("T", "").replace(".", "").replace(" ", ""):
                continue
            codes = hs_in(text)
            if codes:
                row["hs_code"] = codes[0]
                reason = f"is inferred: it stood in the free text of {column}"
                self.note("hs_code", reason + (", the first of several" if len(codes) > 1 else ""), line, codes[0])
                return

    def _pack(self) -> None:
        self._unpacked = 0
        if self._rows:
            names = dict.fromkeys(chain.from_iterable(self._rows))
            self._blocks.append(
                {name: pa.array(list(map(dict.get, self._rows, repeat(name))), pa.string()) for name in names}
            )
            self._rows = []


def stated(pairs: Mapping[str, str | None]) -> Row:
    """The entries that have a text."""
    return {name: text for name, text in pairs.items() if text}
