"""Streams the elements of an XML message, with everything off by which XML can reach out or blow up.

DTDs are refused, so no entity is ever declared. Namespace prefixes mean nothing here: `local` gives the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from lxml import etree

from risk.errors import InputError
from risk.manifests.content import open_bytes

Element = Any


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


class _Trimmed:
    """A file without the blanks before its first letter, which XML forbids before its declaration."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._begun = file, False

    def read(self, size: int = -1) -> bytes:
        """The next bytes; empty at the end."""
        block = self._file.read(size)
        while block and not self._begun:
            block = block.lstrip(b" \t\r\n") or self._file.read(size)
            self._begun = not block[:1].isspace()
        return block


def _events(path: Path, encoding: str | None, events: tuple[str, ...], tags: tuple[str, ...] | None) -> Iterator[Any]:
    with open_bytes(path) as file:
        try:
            parser = etree.iterparse(
                _Trimmed(file),
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
        except (etree.XMLSyntaxError, LookupError) as error:
            words = str(error).split(", line ")[0].split(" (")[0].strip().rstrip(".") or "no element found"
            place = f"line {error.lineno}: " if isinstance(error, etree.XMLSyntaxError) and error.lineno else ""
            raise InputError(f"{path}: {place}the XML is damaged ({words}); send the message anew.") from None


def texts(element: Element) -> list[tuple[str, str]]:
    """Names and trimmed texts of all elements within that have a text, in order."""
    return [
        (local(part.tag), part.text.strip())
        for part in element.iter()
        if part.text is not None and not part.text.isspace()
    ]
