"""Streams the elements of an XML message, with everything off by which XML can reach out or blow up.

DTDs are refused, so no entity is ever declared. Namespace prefixes mean nothing here: `local` gives the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from lxml import etree

from risk.errors import InputError
from risk.manifests.content import open_bytes

Element = Any

MOST_MARKS: Final = 1_000_000
"""Tags and attributes of one bill; each takes about 150 bytes of memory."""
MOST_BYTES: Final = 64 << 20
"""Bytes of one bill."""


_FAULTS: Final = (
    ("Excessive depth", "elements lie more than 256 deep in each other"),
    ("Text node too long", "a text has more than 10,000,000 characters"),
    ("EntityRef", "an & that begins no character reference; in XML it is written &amp;"),
    ("Invalid bytes", "bytes that are not in the encoding that it declares"),
    ("not proper UTF-8", "bytes that are not UTF-8, and no other encoding is declared"),
    ("Char 0x0 ", "a NUL character"),
    ("Premature end", "it ends before its elements do"),
)
"""How the parser puts the faults that occur, and how they are said here."""


def local(tag: object) -> str:
    """The name of an element without its namespace; empty for a comment or an instruction."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def root_name(path: Path, encoding: str | None) -> str:
    """The name of the first element. Raises InputError when there is none or a DTD stands before it."""
    for _, element in _events(path, encoding, ("start",), None):
        return local(element.tag)
    raise InputError(f"{path}: the XML file has no element.")


def elements(path: Path, encoding: str | None, tags: tuple[str, ...]) -> Iterator[Element]:
    """Each element with one of the names, whole, in order; it and all before it are forgotten afterwards."""
    for _, element in _events(path, encoding, ("end",), tuple("{*}" + tag for tag in tags)):
        yield element
        element.clear()
        parent = element.getparent()
        while parent is not None and parent[0] is not element:
            del parent[0]


class _Guarded:
    """A file for the parser, without blanks before the declaration, that ends reading before memory fills.

    Memory holds what was read since the last element that was asked for, so that is what is bounded.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file, self._begun = path, file, False
        self.forget()

    def forget(self) -> None:
        """An element was given, and all before it is let go."""
        self._marks = self._bytes = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes; empty at the end. Raises InputError past the bounds."""
        block = self._file.read(size)
        while block and not self._begun:
            block = block.lstrip(b" \t\r\n") or self._file.read(size)
            self._begun = not block[:1].isspace()
        self._marks += block.count(b"<") + block.count(b"=")
        self._bytes += len(block)
        if self._marks > MOST_MARKS or self._bytes > MOST_BYTES:
            raise InputError(
                f"{self._path}: one bill has more than {MOST_MARKS:,} tags and attributes or {MOST_BYTES:,} bytes, as "
                "none does; refused."
            )
        return block


def _events(path: Path, encoding: str | None, events: tuple[str, ...], tags: tuple[str, ...] | None) -> Iterator[Any]:
    with open_bytes(path) as file:
        try:
            guarded = _Guarded(path, file)
            parser = etree.iterparse(
                guarded,
                events=events,
                tag=tags,
                encoding=encoding,
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                huge_tree=False,
                remove_comments=True,
                remove_pis=True,
            )
            first = True
            for event in parser:
                if first and event[1].getroottree().docinfo.internalDTD is not None:
                    raise InputError(f"{path}: has a DTD (<!DOCTYPE ...>), which is refused; send the message without.")
                first = False
                yield event
                guarded.forget()
        except (etree.XMLSyntaxError, LookupError) as error:
            words, line = str(error).split(", line ")[0], getattr(error, "lineno", 0) or 0
            logged = getattr(error, "error_log", [])
            if not line and len(logged):  # that an entity is not declared the parser says in its log alone
                words, line = logged[-1].message, logged[-1].line
            words = words.split(" (")[0].strip().rstrip(".") or "no element found"
            words = next((ours for theirs, ours in _FAULTS if theirs in words), words)
            place = f"line {line}: " if line else ""
            raise InputError(f"{path}: {place}the XML is damaged ({words}); send the message anew.") from None


def texts(element: Element) -> list[tuple[str, str]]:
    """Names and trimmed texts of all elements within that have a text, in order."""
    return [
        (local(part.tag), part.text.strip())
        for part in element.iter()
        if part.text is not None and not part.text.isspace()
    ]
