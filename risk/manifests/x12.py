"""Reads an interchange of ANSI X12: its separators, and the customs manifests (309) in it.

What a manifest holds is left to `x12_309`; here is the envelope: ISA, GS, ST, SE, GE, IEA. `line` in rejects and
findings is the segment, counted from 1 with ISA.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from risk.errors import InputError
from risk.manifests.content import HEAD, open_bytes
from risk.manifests.edifact_codes import moment
from risk.manifests.facts import MessageFacts
from risk.manifests.message import Collector
from risk.manifests.raw import Raw
from risk.manifests.segments import BLANK, ELEMENT, LONGEST, OVERLONG, Marks, Segments
from risk.manifests.x12_309 import Manifest309

Act = Callable[[list[str]], None]

_ISA_ELEMENTS: Final = 16


class X12:
    """An interchange as `Raw` batches. Raises InputError when it holds no 309 at all, or ISA cannot be read."""

    fixed = False
    names: tuple[str, ...] = ()

    def __init__(self, path: Path, encoding: str | None, batch_rows: int, received: datetime | None) -> None:
        self._path, self._encoding = path, encoding
        self._batch_rows, self._received = batch_rows, received

    def __iter__(self) -> Iterator[Raw]:
        """The bills in order, in batches; what is damaged is rejected bill by bill."""
        stream = self._open()
        bills = Collector(str(self._path), self._batch_rows, self._received)
        sets = _Sets(str(self._path), bills, self._received is not None)
        manifest = sets.manifest
        at = 0
        for block in stream:
            for text in block:
                segment = text.strip().split(ELEMENT)
                tag = segment[0]
                if not tag and len(segment) == 1:
                    continue
                at += 1
                manifest.at = at
                act = sets.acts.get(tag)
                if act is not None:
                    act(segment)
                if tag in {"LX", "M11", "VID", "N10", "ST"} and bills.full:
                    yield bills.take()
        sets.close(stream.rest)
        if stream.misfit >= 0:
            words = "has bytes that are not UTF-8; they were read as Latin-1"
            bills.note("encoding", words, 1, f"byte {stream.misfit}")
        yield bills.take()

    def _open(self) -> Segments:
        with open_bytes(self._path) as file:
            head = file.read(HEAD)
        encoding = self._encoding or "utf-8"
        if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            encoding = "utf-16"
        elif b"\0" in head[:4]:
            encoding = "utf-16-le" if head[0] else "utf-16-be"
        try:
            text = head.decode(encoding, "replace")
        except LookupError:
            raise InputError(f"{self._path}: there is no encoding {encoding!r}; give one such as latin-1.") from None
        skip = len(text) - len(text.lstrip(BLANK))
        element = text[skip + 3 : skip + 4]
        parts = text[skip:].split(element, _ISA_ELEMENTS) if element else []
        ends = parts[-1][1:3] if len(parts) > _ISA_ELEMENTS else ""
        terminator = ends[1:] if ends[:1] == "\r" and ends[1:] == "\n" else ends[:1]
        if not terminator or terminator.isalnum() or terminator in {" ", element}:
            raise InputError(
                f"{self._path}: segment 1: ISA does not have its 16 elements, so the end of segments is not known; "
                "expected is an X12 interchange."
            )
        return Segments(self._path, encoding, Marks("", element, "", terminator), skip)


class _Sets:
    """The envelope: which transaction set is open, who sent it, and whether it closes as it should."""

    def __init__(self, path: str, bills: Collector, received: bool) -> None:
        self._path, self._bills, self._received = path, bills, received
        self.manifest = Manifest309(bills)
        self._sender = self._recipient = self._sent = self._version = ""
        self._begun = self._sets = self._groups = self._manifests = 0
        self._foreign: dict[str, int] = {}
        self._control: dict[str, Act] = {
            "ISA": self._isa, "GS": self._gs, "ST": self._st, "SE": self._se, "GE": self._ge, "IEA": self._iea,
            OVERLONG: self._overlong,
        }  # fmt: skip
        self._inside: dict[str, Act] = self.manifest.acts() | self._control
        self.acts = self._control
        self._open = False

    def close(self, rest: str) -> None:
        """The file is over; `rest` stood behind the last terminator."""
        last = rest.split(ELEMENT)
        if last[0] in {"SE", "GE", "IEA"}:  # only its terminator is missing
            self.manifest.at += 1
            self._control[last[0]](last)
        elif self._open and rest.strip("\x00\x1a"):
            self.manifest.at += 1
            self.manifest.damaged("the file ends within a segment; send the message anew", rest)
        self._missing_end()
        if not self._manifests:
            if self._foreign:
                kinds = ", ".join(sorted(self._foreign))
                raise InputError(f"{self._path}: the X12 transaction sets are {kinds}; expected is 309.")
            at = max(1, self.manifest.at)
            raise InputError(f"{self._path}: segment {at}: the X12 file holds no transaction set (ST); is it cut off?")

    def _isa(self, segment: list[str]) -> None:
        fields = [*segment, *[""] * _ISA_ELEMENTS]
        self._sender, self._recipient = fields[6].strip(), fields[8].strip()
        self._sent = _when(fields[9], fields[10])
        self._groups = 0

    def _gs(self, segment: list[str]) -> None:
        fields = [*segment, *[""] * 8]
        self._sender = self._sender or fields[2].strip()
        self._recipient = self._recipient or fields[3].strip()
        self._sent = _when(fields[4], fields[5]) or self._sent
        self._version = fields[8].strip()
        self._groups += 1
        self._sets = 0

    def _st(self, segment: list[str]) -> None:
        self._missing_end()
        self._sets += 1
        kind = segment[1].strip() if len(segment) > 1 else ""
        if kind != "309":
            if kind not in self._foreign:
                words = "is a transaction set of another kind, which is not read; expected is 309"
                self._bills.note("ST", words, self.manifest.at, kind)
            self._foreign[kind] = self._foreign.get(kind, 0) + 1
            return
        facts = MessageFacts("X12 309", self._version, segment[2].strip() if len(segment) > 2 else "")
        facts.line, facts.sender, facts.recipient = self.manifest.at, self._sender, self._recipient
        facts.prepared_at = self._sent
        self.manifest.begin(facts, self._received, first=not self._manifests)
        self._manifests += 1
        self._open, self.acts, self._begun = True, self._inside, self.manifest.at

    def _se(self, segment: list[str]) -> None:
        if not self._open:
            return
        declared = segment[1].strip() if len(segment) > 1 else ""
        if declared.isascii() and declared.isdigit() and len(declared) < 12:
            self._bills.facts.declared["segments"] = float(declared)
            self._bills.facts.read["segments"] = float(self.manifest.at - self._begun + 1)
        self._finish()

    def _missing_end(self) -> None:
        if self._open:
            self._bills.note("SE", "is missing; the message may be cut off", self.manifest.at)
            self._finish()

    def _finish(self) -> None:
        self.manifest.end()
        self._open, self.acts = False, self._control

    def _ge(self, segment: list[str]) -> None:
        self._missing_end()
        self._compare("messages", segment, self._sets)

    def _iea(self, segment: list[str]) -> None:
        self._missing_end()
        self._compare("groups", segment, self._groups)

    def _compare(self, name: str, segment: list[str], read: int) -> None:
        declared = segment[1].strip() if len(segment) > 1 else ""
        if declared.isascii() and declared.isdigit() and int(declared[:12]) != read:
            value = f"declared {int(declared[:12])}, read {read}"
            self._bills.note(name, "declared total differs from what was read", self.manifest.at, value)

    def _overlong(self, segment: list[str]) -> None:
        if self._open:
            self.manifest.damaged(f"a segment of the bill is longer than {LONGEST:,} characters", segment[1])
        else:
            words = f"is longer than {LONGEST:,} characters; passed over"
            self._bills.note("segment", words, self.manifest.at, segment[1])


def _when(day: str, clock: str) -> str:
    """A day (YYMMDD or CCYYMMDD) and a time (HHMM and further digits) as ISO text, empty when there is none."""
    day, clock = day.strip(), re.sub(r"\D", "", clock)[:6]
    if not (day.isascii() and day.isdigit() and len(day) in {6, 8}):
        return ""
    clock = clock[:4] if len(clock) == 5 else clock
    return moment(day + (clock if len(clock) in {4, 6} else ""), "203" if len(day) == 8 else "201")
