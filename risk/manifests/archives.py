"""Unpacks what readers cannot read packed: the members of a zip file, and tables or workbooks within gzip.

Everything goes block by block into a folder of its own, which is gone when the reading ends. Archives within
archives are refused.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from risk.errors import InputError
from risk.manifests.content import open_bytes, packing
from risk.manifests.zip_files import LARGEST, OverfullError, open_zip, unpacked

_JUNK: Final = frozenset({"thumbs.db", "desktop.ini"})
_BLOCK: Final = 1 << 20


@dataclass(frozen=True)
class Member:
    """A file out of an archive: where it lies now, what to call it, and why it could not be unpacked, if so."""

    path: Path
    label: str
    damage: str = ""


@contextmanager
def members(source: Path) -> Iterator[list[Member]]:
    """The files in a zip file, in its order, without folders and what operating systems add.

    Raises InputError when the archive is damaged, holds no file, or is past the bounds as a whole.
    """
    with tempfile.TemporaryDirectory(prefix="manifests-") as folder:
        found: list[Member] = []
        total = 0
        with open_zip(source) as archive:
            for number, info in enumerate(archive.infolist()):
                if info.is_dir() or _is_junk(info.filename):
                    continue
                path, label = Path(folder, str(number)), f"{source}/{_shown(info.filename)}"
                damage = ""
                try:
                    with path.open("wb") as file:
                        for block in unpacked(archive, info, label, total):
                            file.write(block)
                            total += len(block)
                    damage = _nested(path, label)
                except OverfullError:
                    raise
                except InputError as error:
                    damage = str(error)
                found.append(Member(path, label, damage))
        if not found:
            raise InputError(f"{source}: the zip file holds no file.")
        yield found


@contextmanager
def without_gzip(source: Path) -> Iterator[Path]:
    """The content of a gzip file as a file, for readers that must move about in it."""
    with tempfile.TemporaryDirectory(prefix="manifests-") as folder:
        path = Path(folder, "unpacked")
        with open_bytes(source) as packed, path.open("wb") as file:
            size = 0
            while block := packed.read(_BLOCK):
                size += len(block)
                if size > LARGEST:
                    raise InputError(f"{source}: has more than {LARGEST:,} bytes unpacked; unpack it yourself.")
                file.write(block)
        yield path


def _nested(path: Path, label: str) -> str:
    kind = packing(path)
    return f"{label}: is {kind} within a zip file; archives within archives are refused." if kind else ""


def _is_junk(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.name.startswith(".") or path.name.lower() in _JUNK or "__MACOSX" in path.parts


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:200]
