"""Reads an interchange of UN/EDIFACT: its service characters, its encoding, and the messages in it.

What a message holds is left to its own reader (`cuscar`); here is the envelope: UNA, UNB, UNH, UNT, UNZ, each of
which may be missing. `line` in rejects and findings is the segment, counted from 1 with UNA.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from risk.errors import InputError
from risk.manifests.content import HEAD, open_bytes
from risk.manifests.cuscar import Cuscar
from risk.manifests.edifact_codes import PASSED_OVER, moment
from risk.manifests.facts import MessageFacts
from risk.manifests.message import Collector
from risk.manifests.raw import Raw
from risk.manifests.segments import BLANK, COMPONENT, ELEMENT, LONGEST, OVERLONG, TERMINATOR, Marks, Segments

LEVELS: Final = {
    "UNOA": "utf-8", "UNOB": "utf-8", "UNOC": "utf-8", "UNOD": "iso8859-2", "UNOE": "iso8859-5",
    "UNOF": "iso8859-7", "UNOG": "iso8859-3", "UNOH": "iso8859-4", "UNOI": "iso8859-6", "UNOJ": "iso8859-8",
    "UNOK": "iso8859-9", "UNOL": "iso8859-15", "UNOW": "utf-8", "UNOX": "utf-8", "UNOY": "utf-8",
}  # fmt: skip
"""Encodings of the syntax levels. A and B are ASCII and C is Latin-1; as many who write C send UTF-8, and no Latin-1
text is valid UTF-8 by chance, these are read as UTF-8 and bytes that do not fit as Latin-1."""

_BEGINNINGS: Final = frozenset({"CNI", "RFF", "UNH"})
# Some leave out the fifth character of UNA.
_UNA: Final = re.compile(r"UNA(.)(.)(.)(.)(?:(\S)|.(.))\s*(?=UN[BGH])", re.DOTALL | re.IGNORECASE)
_FIRST: Final = re.compile(r"UN[BGH](.)(?:UNO[A-Z](.))?", re.DOTALL | re.IGNORECASE)
_BYTE_ORDER: Final = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


Act = Callable[[list[str]], None]


class Edifact:
    """An interchange as `Raw` batches. Raises InputError when it holds no CUSCAR message at all."""

    fixed = False
    names: tuple[str, ...] = ()

    def __init__(self, path: Path, encoding: str | None, batch_rows: int, received: datetime | None) -> None:
        self._path, self._encoding = path, encoding
        self._batch_rows, self._received = batch_rows, received

    def __iter__(self) -> Iterator[Raw]:
        """The bills in order, in batches; what is damaged is rejected bill by bill."""
        stream, at, level, small = self._open()
        bills = Collector(str(self._path), self._batch_rows, self._received)
        messages = _Messages(str(self._path), bills, self._received is not None)
        cuscar = messages.cuscar
        for block in stream:
            for text in map(str.upper, block) if small else block:
                segment = text.split(ELEMENT)
                tag = segment[0]
                act = messages.acts.get(tag)
                if act is None:
                    segment = text.strip().split(ELEMENT)
                    tag = segment[0]
                    if not tag and len(segment) == 1:
                        continue  # nothing between two terminators
                    act = messages.acts.get(tag, messages.other)
                at += 1
                cuscar.at = at
                act(segment)
                if tag in _BEGINNINGS and bills.full:
                    yield bills.take()
        messages.close(stream.rest)
        if stream.misfit >= 0 and level != "UNOC":
            words = "has bytes that do not fit its encoding; they were read as Latin-1"
            bills.note("encoding", words, 1, f"byte {stream.misfit}, {level or self._encoding or 'UTF-8'}")
        yield bills.take()

    def _open(self) -> tuple[Segments, int, str, bool]:
        """The segments, how many of them stood before the first (UNA), the syntax level, whether letters are small."""
        with open_bytes(self._path) as file:
            head = file.read(HEAD)
        encoding = next((name for mark, name in _BYTE_ORDER.items() if head.startswith(mark)), self._encoding or "")
        if not encoding and b"\0" in head[:4]:
            encoding = "utf-16-le" if head[0] else "utf-16-be"
        try:
            text = head.decode(encoding or "latin-1", "replace")
        except LookupError:
            raise InputError(f"{self._path}: there is no encoding {encoding!r}; give one such as latin-1.") from None
        skip = len(text) - len(text.lstrip(BLANK))
        begun = text[skip:]
        marks, una = service_characters(begun)
        level = re.match(r"UNB.(UNO[A-Z])", begun[una:].upper(), re.DOTALL)
        encoding = encoding or (LEVELS.get(level[1], "utf-8") if level else "utf-8")
        if not encoding.startswith("utf"):
            begun = head.decode(encoding, "replace")[skip:]
        stream = Segments(self._path, encoding, marks, skip + una, is_wrapped(begun, marks.terminator))
        return stream, int(una > 0), level[1] if level else "", begun[una : una + 3].islower()


def service_characters(text: str) -> tuple[Marks, int]:
    """The service characters of an interchange that begins the text, and the length of its UNA, 0 without."""
    una = _UNA.match(text)
    if una is not None:
        component, element, _, release, short, full = una.groups()
        return Marks(component, element, release.strip(), short or full), una.end()
    first = _FIRST.match(text)
    if first is None or first[1] == "+":
        return Marks(), 0
    if first[1] == ELEMENT:  # level B has its own
        return Marks(COMPONENT, ELEMENT, "", TERMINATOR), 0
    return Marks(first[2] or ":", first[1]), 0


def is_wrapped(text: str, terminator: str) -> bool:
    """Whether lines are cut at one length, wherever that falls, rather than behind segments."""
    lines = text[:4000].splitlines()[:-1]
    if len(lines) < 2 or len(lines[0]) < 40 or len({len(line) for line in lines}) > 1:
        return False
    return sum(line.endswith(terminator) for line in lines) * 2 < len(lines)


class _Messages:
    """The envelope: which message is open, who sent it, and whether it closes as it should."""

    def __init__(self, path: str, bills: Collector, received: bool) -> None:
        self._path, self._bills, self._received = path, bills, received
        self.cuscar = Cuscar(bills)
        self._sender = self._recipient = self._sent = self._interchange = ""
        self._reference = ""
        self._begun = self._messages = self._cuscars = 0
        self._foreign: dict[str, int] = {}
        self._control: dict[str, Act] = {
            "UNB": self._interchange_begins, "UNH": self._begin, "UNT": self._end, "UNZ": self._interchange_ends,
            "UNG": self._nothing, "UNE": self._nothing, OVERLONG: self._overlong,
        }  # fmt: skip
        self._inside: dict[str, Act] = self.cuscar.acts() | self._control
        self.acts = self._control
        self._open = False

    def other(self, segment: list[str]) -> None:
        """A segment that means nothing where it stands."""
        tag = segment[0].strip().upper()
        if self._open:
            if tag != segment[0] and tag in self._inside:
                self._inside[tag](segment)
            elif tag not in PASSED_OVER:
                self.cuscar.unreadable(tag)
        elif self.acts is self._control and tag in self._inside:
            if tag in self._control:
                self._control[tag](segment)
            elif not self._foreign:
                self._bills.note("UNH", "is missing; the message was taken for CUSCAR", self.cuscar.at, tag)
                self._start("CUSCAR", "", "")
                self._inside[tag](segment)

    def close(self, rest: str) -> None:
        """The file is over; `rest` stood behind the last terminator."""
        last = rest.split(ELEMENT)
        if last[0] in {"UNT", "UNZ"}:  # only its terminator is missing
            self.cuscar.at += 1
            self._control[last[0]](last)
        elif self._open and rest.strip("\x00\x1a"):
            self.cuscar.at += 1
            self.cuscar.damaged("the file ends within a segment; send the message anew", rest)
        if self._open:
            self._bills.note("UNT", "is missing; the message may be cut off", self.cuscar.at)
            self._finish()
        if not self._cuscars:
            if self._foreign:
                kinds = ", ".join(sorted(self._foreign))
                raise InputError(f"{self._path}: the EDIFACT messages are {kinds}; expected is CUSCAR.")
            at = max(1, self.cuscar.at)
            raise InputError(f"{self._path}: segment {at}: the EDIFACT file holds no message (UNH); is it cut off?")

    def _interchange_begins(self, segment: list[str]) -> None:
        fields = [*segment, "", "", "", "", "", ""]
        self._sender, self._recipient = (fields[at].split(COMPONENT)[0].strip() for at in (2, 3))
        day, _, clock = fields[4].partition(COMPONENT)
        clock = re.sub(r"\D", "", clock)
        self._sent = moment(day.strip() + (clock.zfill(4) if clock else ""), "203" if len(day.strip()) == 8 else "201")
        if not self._sent[:4].isdigit() or "-" not in self._sent:
            self._sent = ""
        self._interchange, self._messages = fields[5].strip(), 0
        if len(segment) > 11 and segment[11].strip() == "1":
            words = "says that the interchange is a test; it is read like any other"
            self._bills.note("UNB", words, self.cuscar.at, self._interchange)

    def _begin(self, segment: list[str]) -> None:
        if self._open:
            self._bills.note("UNT", "is missing; the message may be cut off", self.cuscar.at)
            self._finish()
        self._messages += 1
        kind = [*(segment[2] if len(segment) > 2 else "").split(COMPONENT), "", "", "", ""]
        name = kind[0].strip().upper()
        if name not in {"CUSCAR", ""}:
            if name not in self._foreign:
                words = "is a message of another kind, which is not read; expected is CUSCAR"
                self._bills.note("UNH", words, self.cuscar.at, name)
            self._foreign[name] = self._foreign.get(name, 0) + 1
            self.acts = self._control
            return
        self._start(name or "CUSCAR", ".".join(filter(None, kind[1:3])), segment[1] if len(segment) > 1 else "")

    def _start(self, name: str, version: str, reference: str) -> None:
        facts = MessageFacts(name, version, reference, line=self.cuscar.at)
        facts.sender, facts.recipient, facts.prepared_at = self._sender, self._recipient, self._sent
        self.cuscar.begin(facts, self._received, first=not self._cuscars)
        self._cuscars += 1
        self._open, self.acts, self._begun, self._reference = True, self._inside, self.cuscar.at, reference

    def _end(self, segment: list[str]) -> None:
        if not self._open:
            return
        declared = segment[1].strip() if len(segment) > 1 else ""
        if declared.isascii() and declared.isdigit() and len(declared) < 12:
            self._bills.facts.declared["segments"] = float(declared)
            self._bills.facts.read["segments"] = float(self.cuscar.at - self._begun + 1)
        reference = segment[2].strip() if len(segment) > 2 else ""
        if reference and reference != self._reference.strip():
            self._bills.note("UNT", f"names another message than UNH {self._reference!r}", self.cuscar.at, reference)
        self._finish()

    def _finish(self) -> None:
        self.cuscar.end()
        self._open, self.acts = False, self._control

    def _interchange_ends(self, segment: list[str]) -> None:
        if self._open:
            self._bills.note("UNT", "is missing; the message may be cut off", self.cuscar.at)
            self._finish()
        declared = segment[1].strip() if len(segment) > 1 else ""
        if declared.isascii() and declared.isdigit() and int(declared[:12]) != self._messages:
            value = f"declared {int(declared[:12])}, read {self._messages}"
            self._bills.note("messages", "declared total differs from what was read", self.cuscar.at, value)

    def _overlong(self, segment: list[str]) -> None:
        if self._open:
            self.cuscar.damaged(f"a segment of the bill is longer than {LONGEST:,} characters", segment[1])
        else:
            words = f"is longer than {LONGEST:,} characters; passed over"
            self._bills.note("segment", words, self.cuscar.at, segment[1])

    def _nothing(self, segment: list[str]) -> None:
        """UNG and UNE say nothing that the other segments do not."""
