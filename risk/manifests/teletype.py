"""Takes a file of teletype messages apart: where each Cargo-IMP message begins, its header lines, its segments.

Line ends may be LF, CRLF or CR, with or without teletype headers and the marks around them. Knows what a line looks
like, not what it says. Memory is bounded: a line and a message have a greatest length, past which the message is
marked as damaged and reading goes on with the next one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from risk.errors import InputError
from risk.manifests.content import HEAD, mark_encoding, open_bytes

WIDTH: Final = 69
"""Letters of a teletype line; longer ones are cut."""

LONGEST_LINE: Final = 2000
"""Characters of a line; teletype has 69."""

MOST_LINES: Final = 20_000
"""Lines of a message; the standard has 3,500 characters."""

MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

_START: Final = re.compile(r"(F[A-Z]{2})/(\d{1,2})|(FMA|FNA)", re.ASCII | re.IGNORECASE)
_HEADER: Final = re.compile(r"Q[A-Z]\s|\.[A-Z0-9]{7}\b|ZCZC|NNNN|=|[A-Z0-9]{7}(?:\s[A-Z0-9]{7})*$", re.ASCII)
_SENT: Final = re.compile(r"\.?[A-Z0-9]{7}[\s/]+(\d{2})(\d{2})(\d{2})(?!\d)", re.ASCII)
_ADDRESS: Final = re.compile(r"\.?([A-Z0-9]{7})\b", re.ASCII)
_FRAME: Final = "\x00\x01\x02\x03\x04\x1a"
_ESCAPED: Final = re.compile("[\udc80-\udcff]")
_FEW_HEADERS: Final = 20
_ANSWERS: Final = frozenset({"FMA", "FNA"})
"""Acknowledgement and rejection, which repeat the message that they answer; it was filed when it was sent itself."""


@dataclass
class Message:
    """A message: its identifier and version, its lines with their numbers, the header lines before it.

    damage     why it cannot be read, empty when it can
    not_utf8   a line that was read as Latin-1, 0 when there is none
    """

    kind: str
    version: str
    line: int
    header: list[str]
    lines: list[tuple[int, str]] = field(default_factory=list)
    damage: str = ""
    not_utf8: int = 0

    @property
    def sender(self) -> str:
        """The teletype address that sent it, empty when there is no header."""
        found = next((match for line in self.header if line.startswith(".") and (match := _ADDRESS.match(line))), None)
        return found[1] if found else ""

    def sent_at(self, received: datetime | None, issued: date | None) -> datetime | None:
        """The time of sending in UTC, which the header gives as day, hour and minute.

        Month and year are those of the latest such day up to a day after receipt; when the time of receipt is
        not known, of the first such day from the day of issue on. None when neither is known.
        """
        match = next((match for line in self.header if (match := _SENT.match(line))), None)
        if match is None:
            return None
        day, hour, minute = (int(part) for part in match.groups())
        if received is not None:
            latest = received.astimezone(UTC) + timedelta(days=1)
            tries = [latest.date() - timedelta(days=back) for back in range(63)]
        elif issued is not None:
            tries = [issued + timedelta(days=ahead) for ahead in range(63)]
        else:
            return None
        for when in tries:
            if when.day == day and hour < 24 and minute < 60:
                moment = datetime(when.year, when.month, when.day, hour, minute, tzinfo=UTC)
                if received is None or moment <= latest:
                    return moment
        return None


@dataclass
class Segment:
    """A line identifier with what follows it: its own text first, then each line that begins with a slash."""

    name: str
    line: int
    texts: list[str]


def messages(path: Path, encoding: str | None) -> Iterator[Message]:
    """The messages of a file in order. Raises InputError when the file holds none or cannot be read."""
    current: Message | None = None
    header: list[str] = []
    found = repeats = lower = False
    for number, text, whole, utf8 in _lines(path, encoding):
        start = _START.fullmatch(text.strip()) if text.lstrip()[:1] in {"F", "f"} else None
        if start is not None and current is not None:
            while current.lines and _HEADER.match(current.lines[-1][1]):
                header.insert(0, current.lines.pop()[1])
            if current.kind in _ANSWERS and not header and not repeats:
                repeats = True
                continue
            yield current
        if start is not None:
            name = start[1] or start[3]
            lower = name.islower()  # some senders write what teletype has in capitals
            current = Message(name.upper(), start[2] or "", number, header)
            header, found, repeats = [], True, False
        elif current is None or text.strip() == "NNNN":
            header = [*header, text][-_FEW_HEADERS:]
            if current is not None:
                yield current
                current = None
        else:
            _add(current, number, text.upper() if lower else text, whole, utf8)
    if current is not None:
        yield current
    if not found:
        raise InputError(f"{path}: there is no Cargo-IMP message; expected is a line such as FWB/16, FHL/4 or FFM/8.")


def segments(message: Message, known: Collection[str]) -> list[Segment]:
    """The segments of a message; what stands before the first known identifier has no name.

    A line without identifier and slash is the rest of one that was cut at 69 characters.
    """
    found: list[Segment] = []
    for number, text in message.lines:
        begun = text.lstrip()
        if begun[:3] in known and begun[3:4].strip() in {"", "/"}:
            found.append(Segment(begun[:3], number, [begun[4:]]))
        elif not found:
            found.append(Segment("", number, [begun]))
        elif begun.startswith("/"):
            found[-1].texts.append(begun[1:])
        else:
            found[-1].texts[-1] += text
    return found


def month_of(name: str) -> int | None:
    """The number of a month from its three letters, None for other letters."""
    return MONTHS.index(name) + 1 if name in MONTHS else None


def _add(message: Message, number: int, text: str, whole: bool, utf8: bool) -> None:
    if not utf8 and not message.not_utf8:
        message.not_utf8 = number
    if not whole and not message.damage:
        message.damage = f"line {number} has more than {LONGEST_LINE:,} characters; expected are lines of 69"
    if len(message.lines) >= MOST_LINES:
        message.damage = message.damage or f"the message has more than {MOST_LINES:,} lines"
        message.lines.clear()
    if not message.damage:
        message.lines.append((number, text))


def _lines(path: Path, encoding: str | None) -> Iterator[tuple[int, str, bool, bool]]:
    """Each line that is not blank: number, text, whether it is whole, whether it was UTF-8."""
    for number, (raw, whole) in enumerate(_raw_lines(path, encoding), 1):
        text = raw.strip(_FRAME + "\ufeff")
        text = text if len(text) == WIDTH else text.rstrip()  # a cut may fall on a blank
        if not text or text.isspace():
            continue
        utf8 = text.isascii() or _ESCAPED.search(text) is None
        if not utf8:
            text = text.encode("utf-8", "surrogateescape").decode("latin-1")
        yield number, text, whole, utf8


def _raw_lines(path: Path, encoding: str | None) -> Iterator[tuple[str, bool]]:
    """Each line without its end, cut at `LONGEST_LINE`, and whether that is all of it."""
    number = 0
    with open_bytes(path) as file:
        block = file.read(HEAD)
        chosen = mark_encoding(block) or encoding or "utf-8"
        told = chosen != "utf-8" or encoding is not None
        try:
            decoder = codecs.getincrementaldecoder(chosen)("strict" if told else "surrogateescape")
            kept, cut = "", False
            while block:
                text = kept + decoder.decode(block)
                held = "\r" if text.endswith("\r") else ""  # what follows may be the rest of the line end
                lines = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n").split("\n")
                kept = lines.pop()
                for line in lines:
                    number += 1
                    yield line[:LONGEST_LINE], not cut and len(line) <= LONGEST_LINE
                    cut = False
                if len(kept) > LONGEST_LINE:
                    kept, cut = kept[:LONGEST_LINE], True
                kept += held
                block = file.read(HEAD)
            kept += decoder.decode(b"", final=True)
            if kept:
                yield kept[:LONGEST_LINE], not cut
        except (UnicodeError, LookupError):
            raise InputError(
                f"{path}: after line {number} the file is not {chosen.upper()}; give its encoding."
            ) from None
