"""What a file is, told by its content: packed or not, its format, its encoding.

Knows bytes and characters; knows nothing of tables. The name of a file says nothing here.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Literal, TextIO, cast

from risk.errors import InputError
from risk.manifests.zip_files import FREE, SWELLING, open_zip

Format = Literal["parquet", "json_lines", "csv", "xml", "edifact", "x12", "cargo_imp", "excel", "zip"]

HEAD: Final = 65_536
"""Bytes from the beginning of a file that are looked at to tell what it is."""

_BLOCK: Final = 1 << 20
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SHEETS: Final = re.compile(rb"xl/(?:workbook|worksheets)")
_ARCHIVES: Final = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
)
_DOCTYPE: Final = re.compile(r"(?:(?><\?.*?\?>)|(?><!--.*?-->)|\s)*+<!DOCTYPE", re.DOTALL | re.IGNORECASE)
_CARGO_IMP: Final = re.compile(
    r"(?:^|[\r\n\x01-\x04])(?:(?:FWB|FHL|FFM)/\d{1,2}[ \t]*(?:[\r\n]|$)|F[MN]A(?:/\d{1,2})?[ \t]*[\r\n]+ACK/)",
    re.IGNORECASE,
)
_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked when it is gzip. Raises InputError when it cannot be read."""
    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == _GZIP
            plain.seek(0)
            yield cast(BinaryIO, _Gzip(plain)) if packed else plain
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: the gzip file is damaged ({error}); pack it again.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from None


class _Gzip(gzip.GzipFile):
    """A gzip file being read that may not swell past the bounds of `zip_files`."""

    def __init__(self, packed: BinaryIO) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self._packed, self._size = packed, 0

    def read(self, size: int | None = -1) -> bytes:
        return self._counted(super().read(size))

    def read1(self, size: int = -1) -> bytes:
        return self._counted(super().read1(size))

    def _counted(self, block: bytes) -> bytes:
        self._size += len(block)
        if self._size > FREE and self._size > SWELLING * self._packed.tell():
            raise InputError(
                f"{self._packed.name}: swells to more than {SWELLING} times its packed size, as no manifest does; "
                "refused."
            )
        return block


@contextmanager
def open_text(path: Path, encoding: str, newline: str, errors: str = "strict") -> Iterator[TextIO]:
    """The characters of a file, line ends as they are (`newline` and `errors` as in `open`)."""
    with open_bytes(path) as binary:
        yield io.TextIOWrapper(binary, encoding=encoding, newline=newline, errors=errors)


def recognise(path: Path, encoding: str | None = None) -> tuple[Format, str]:
    """The format of a file and, for text, its encoding, after all of it was seen to be in that encoding.

    A byte order mark outranks `encoding`. Raises InputError when the file is empty or in another encoding,
    naming the first line that does not fit.
    """
    with open_bytes(path) as file:
        head = file.read(HEAD)
    if head.startswith(_PARQUET):
        return "parquet", ""
    if not head.strip():
        raise InputError(f"{path}: the file is empty.")
    message = _message(path, head)
    if message is not None:
        return message, encoding or ""
    found = _encoding(path, head, encoding)
    start = codecs.getincrementaldecoder(found)().decode(head) if _decodes(path, found) else ""
    first = start.lstrip("\ufeff \t\r\n")
    if not first:
        raise InputError(f"{path}: the file is empty.")
    return ("json_lines" if first.startswith(("{", "[")) else "csv"), found


def mark_encoding(head: bytes) -> str:
    """The encoding that a byte order mark or the zeros of UTF-16 tell; empty when there is neither."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    for name, zero in (("utf-16-le", 1), ("utf-16-be", 0)):
        if head[zero : zero + 1] == b"\0" and head[2 + zero : 3 + zero] == b"\0":
            return name
    return ""


def opening(head: bytes) -> str:
    """The first characters of a file as text, whatever its encoding, without mark and blanks before them."""
    told = mark_encoding(head)
    return head.decode(told or "latin-1", "replace").lstrip("\ufeff \t\r\n" + ("" if told else "\x01\x02"))


def message_format(path: Path) -> Format | None:
    """The format when a file is a message, a workbook or a zip file; None for tables in text. Reads its head only."""
    with open_bytes(path) as file:
        head = file.read(HEAD)
    return None if head.startswith(_PARQUET) or not head.strip() else _message(path, head)


def packing(path: Path) -> str:
    """What kind of archive a file is, in words; empty when it is none. A workbook is none."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(_ZIP):
        return "" if _is_workbook(path) else "a zip file"
    return "a gzip file" if head.startswith(_GZIP) else _other_archive(head)


def _other_archive(head: bytes) -> str:
    if head[257:262] == b"ustar":
        return "a tar archive"
    return next((kind for mark, kind in _ARCHIVES if head.startswith(mark)), "")


def _message(path: Path, head: bytes) -> Format | None:
    """The format when the file is a message or a workbook, None when it is a table in text."""
    if head.startswith((_OLE, _ZIP)):
        return _packed_format(path, head)
    if head.startswith(b"%PDF"):
        raise InputError(f"{path}: is a PDF document, which has no fields to read; ask for the message itself.")
    other = "a gzip file within gzip" if head.startswith(_GZIP) else _other_archive(head)
    if other:
        raise InputError(f"{path}: is {other}, which is not unpacked; give the files in it, or pack them with zip.")
    text = opening(head)
    if text.startswith("<"):
        if _DOCTYPE.match(text):
            raise InputError(f"{path}: has a DTD (<!DOCTYPE ...>), which is refused; send the message without.")
        return "xml"
    if re.match(r"UNA\W|UN[BGH][^\w \t\r\n]|BGM\+", text, re.IGNORECASE):
        return "edifact"
    if re.match(r"ISA[^\w \t\r\n]", text):
        return "x12"
    return "cargo_imp" if _CARGO_IMP.search(text[:2000]) else None


def _packed_format(path: Path, head: bytes) -> Format:
    if head.startswith(_OLE):
        return "excel"
    if not is_gzip(path):
        return "excel" if _is_workbook(path) else "zip"
    if _SHEETS.search(head) is None:
        raise InputError(f"{path}: is a zip file within gzip; archives within archives are refused.")
    return "excel"


def is_gzip(path: Path) -> bool:
    """Whether a file is packed with gzip."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def _is_workbook(path: Path) -> bool:
    with open_zip(path) as archive:
        names = set(archive.namelist())
    return bool({"xl/workbook.xml", "xl/workbook.bin"} & names) or {"mimetype", "content.xml"} <= names


def _encoding(path: Path, head: bytes, given: str | None) -> str:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if given is not None:
        try:
            return codecs.lookup(given).name
        except LookupError:
            raise InputError(f"{path}: there is no encoding {given!r}; give one such as latin-1 or cp1258.") from None
    if head[:4] == b"\0\0\0\0":
        raise InputError(f"{path}: begins with NUL bytes, as no manifest does; was it damaged on its way?")
    if b"\0" in head[:4]:
        raise InputError(
            f"{path}: looks like UTF-16 without a byte order mark; give its encoding, utf-16-le or utf-16-be."
        )
    return "utf-8"


def _decodes(path: Path, encoding: str) -> bool:
    """True when the whole file is in the encoding; raises InputError naming the first place that is not."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, after_return = 1, False
    with open_bytes(path) as file:
        while True:
            block = file.read(_BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                before = codecs.getincrementaldecoder(encoding)().decode(bytes(error.object[: error.start]))
                line += _line_ends(before, after_return)
                bad = error.object[error.start]
                raise InputError(
                    f"{path}: line {line}: byte 0x{bad:02X} is not {encoding.upper().removesuffix('-SIG')}; give the "
                    "encoding of the file (such as latin-1) as `encoding`, in the mapping or with the call."
                ) from None
            if not block:
                return True
            line += _line_ends(text, after_return)
            after_return = text.endswith("\r") if text else after_return


def _line_ends(text: str, after_return: bool) -> int:
    """Lines that end in the text; a line feed at its start belongs to a carriage return just before."""
    ends = text.count("\n")
    if "\r" in text:
        ends += text.count("\r") - text.count("\r\n")
    return ends - (after_return and text.startswith("\n"))
