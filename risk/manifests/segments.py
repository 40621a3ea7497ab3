"""Cuts EDIFACT and X12 files into segments, block after block, so that memory does not grow with the file.

Whatever service characters a sender uses, a segment comes out with the separators that ISO 9735 gives level B:
`ELEMENT` between elements, `COMPONENT` within them, and with released characters as plain text. All cutting is
done by whole-block text operations, which is where the speed comes from. Knows no segment by its name.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from risk.manifests.content import open_bytes

TERMINATOR: Final = "\x1c"
ELEMENT: Final = "\x1d"
COMPONENT: Final = "\x1f"
LONGEST: Final = 1 << 16
"""Characters that a segment may have; a longer one is dropped while reading and handed on as `OVERLONG`."""
BLANK: Final = "\ufeff \t\r\n\x01\x02"
"""Characters that may stand before the first segment."""
OVERLONG: Final = "\x1aOVERLONG"
"""Tag that stands for a segment that was too long; its first element is how it began."""

_BLOCK: Final = 1 << 18
_HIGH: Final = bytes(range(128, 256))
_RELEASED: Final = ("\ue000", "\ue001", "\ue002", "\ue003")  # private use: no message may hold them


@dataclass(frozen=True)
class Marks:
    """The service characters of a file. Empty `component` or `release` mean that there is none."""

    component: str = ":"
    element: str = "+"
    release: str = "?"
    terminator: str = "'"


class Segments:
    """The segments of a file in order, as lists of text, one list a block.

    encoding   of the text; bytes that do not fit it are read as Latin-1 and `misfit` says where the first stood
    skip       characters at the beginning that are no segment (UNA)
    wrapped    whether lines are cut at a fixed length without regard to segments, so that line ends mean nothing
    """

    def __init__(self, path: Path, encoding: str, marks: Marks, skip: int = 0, wrapped: bool = False) -> None:
        self._path, self._encoding, self._marks = path, encoding, marks
        self._skip, self._wrapped = skip, wrapped
        self.misfit = -1
        self.rest = ""
        """What stood after the last terminator, for the caller to judge when all is read."""

    def __iter__(self) -> Iterator[list[str]]:
        carry = ""
        dropped: str | None = None
        for text in self._normal():
            segments = (carry + text).split(TERMINATOR)
            carry = segments.pop()
            if dropped is not None and segments:
                segments[0] = f"{OVERLONG}{ELEMENT}{dropped}"
                dropped = None
            if len(carry) > LONGEST or dropped is not None:
                dropped = carry[:60] if dropped is None else dropped
                carry = ""
            yield segments
        self.rest = carry.strip() if dropped is None else dropped

    def _normal(self) -> Iterator[str]:
        """The text with our separators in place of those of the file."""
        release, held = self._marks.release, ""
        for block in self._texts():
            text, held = held + block, ""
            if release and (len(text) - len(text.rstrip(release))) % 2:
                text, held = text[:-1], release  # what it releases is in the next block
            yield self._swapped(text)
        if held:
            yield held

    def _swapped(self, text: str) -> str:
        marks = self._marks
        own = (marks.terminator, marks.element, marks.component)
        for stray in (TERMINATOR, ELEMENT, COMPONENT):
            if stray not in own:
                text = text.replace(stray, " ")
        released = marks.release and marks.release in text
        if released:
            for mark, place in zip((marks.release, *own), _RELEASED, strict=True):
                text = text.replace(marks.release + mark, place) if mark else text
        for theirs, ours in zip(own, (TERMINATOR, ELEMENT, COMPONENT), strict=True):
            if theirs and theirs != ours:
                text = text.replace(theirs, ours)
        if released:
            for mark, place in zip((marks.release, *own), _RELEASED, strict=True):
                text = text.replace(place, mark)
        if "\n" in text or "\r" in text:  # line ends behind segments, where most senders put them
            text = text.replace("\r\n", "\n").replace(TERMINATOR + "\n", TERMINATOR)
        return text

    def _texts(self) -> Iterator[str]:
        """The characters of the file, without the beginning and, when wrapped, without line ends."""
        decoder = codecs.getincrementaldecoder(self._encoding)()
        skip, place = self._skip, 0
        with open_bytes(self._path) as file:
            while True:
                block = file.read(_BLOCK)
                state = decoder.getstate()
                try:
                    text = decoder.decode(block, not block)
                except UnicodeDecodeError as error:
                    if self.misfit < 0:
                        self.misfit = place + error.start
                    decoder.reset()
                    text = _as_latin_1(state[0] + block, self._encoding)
                place += len(block)
                if skip:
                    text, skip = text[skip:], max(0, skip - len(text))
                if self._wrapped:
                    text = text.replace("\r", "").replace("\n", "")
                if text:
                    yield text
                if not block:
                    return


def _as_latin_1(block: bytes, encoding: str) -> str:
    """A block of which some bytes are in no valid sequence: those, or all when they are many, as Latin-1."""
    if len(block) - len(block.translate(None, _HIGH)) > len(block) // 20 + 64 or not encoding.startswith("utf-8"):
        return block.decode("latin-1")
    return block.decode(encoding, "risk_latin_1")


def _one_by_one(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("risk_latin_1", _one_by_one)
