"""Opens zip files with bounds on their number of members, their sizes and how far a member may swell.

The bounds are on what is really unpacked, whatever the directory of the file claims. Names of members are shown to
people and never used as paths.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from risk.errors import InputError

MOST_MEMBERS: Final = 5000
LARGEST: Final = 4 << 30
"""Bytes that all members of a file may have unpacked."""
SWELLING: Final = 250
"""How many times larger than packed something may get, past the first `FREE` bytes; manifests stay below 100."""
FREE: Final = 16 << 20

_BLOCK: Final = 1 << 20
_END: Final = b"PK\x05\x06"
_MEMBER_ENTRY: Final = 1024  # bytes of a directory entry with its name, plentifully
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, ValueError)


class OverfullError(InputError):
    """All members together are more than is unpacked, so the archive is refused as a whole."""


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """The zip file, with few enough members. Raises InputError when it is damaged or has too many."""
    try:
        directory = _directory_bytes(path)
        if directory > MOST_MEMBERS * _MEMBER_ENTRY:
            raise InputError(f"{path}: the zip file has more than {MOST_MEMBERS:,} members; pack fewer together.")
        with zipfile.ZipFile(path) as archive:
            if len(archive.infolist()) > MOST_MEMBERS:
                raise InputError(f"{path}: the zip file has more than {MOST_MEMBERS:,} members; pack fewer together.")
            yield archive
    except _DAMAGED as error:
        raise InputError(f"{path}: the zip file is damaged ({_words(error)}); pack it again.") from None


def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, label: str, already: int = 0) -> Iterator[bytes]:
    """The bytes of a member in blocks; `already` are those unpacked before it.

    Raises InputError when it is encrypted or damaged, or swells past the bounds.
    """
    if member.flag_bits & 1:
        raise InputError(f"{label}: is encrypted; pack it without a password.")
    size = 0
    try:
        with archive.open(member) as packed:
            while block := packed.read(_BLOCK):
                size += len(block)
                if size > FREE and size > SWELLING * max(member.compress_size, 1):
                    raise InputError(
                        f"{label}: swells to more than {SWELLING} times its packed size, as no manifest does; refused."
                    )
                if already + size > LARGEST:
                    raise OverfullError(
                        f"{label}: there are more than {LARGEST:,} bytes to unpack; pack less together."
                    )
                yield block
    except _DAMAGED as error:
        raise InputError(f"{label}: is damaged in the zip file ({_words(error)}); pack it again.") from None
    except RuntimeError as error:  # how zipfile speaks of passwords
        raise InputError(f"{label}: cannot be unpacked ({_words(error)}).") from None


def _directory_bytes(path: Path) -> int:
    """Bytes of the directory at the end of the file, which zipfile would read whole; past any bound for zip64."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 66_000))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 16:
        raise zipfile.BadZipFile("it has no directory at its end")
    return int.from_bytes(tail[at + 12 : at + 16], "little")


def _words(error: Exception) -> str:
    return (str(error).strip().rstrip(".") or type(error).__name__).splitlines()[0]
