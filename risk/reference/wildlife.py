"""Which HS codes name wildlife goods, which goods have hidden them, and which legal goods look like them.

The three tables are `data/wildlife.csv`, `data/cover_loads.csv` and `data/look_alikes.csv`, keyed by HS 2022
prefix. A code in a table is a reason to look at route and parties, never a finding by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from risk.reference import prefixes, tables

Kind = Literal["wildlife", "cover_load", "look_alike"]

_TABLES: dict[Kind, tuple[str, str]] = {
    "wildlife": ("wildlife", "groups"),
    "cover_load": ("cover_loads", "hidden"),
    "look_alike": ("look_alikes", "mistaken_for"),
}


@dataclass(frozen=True)
class Heading:
    """An HS prefix and what it has to do with wildlife.

    groups    species groups: declared under it (wildlife), hidden in it (cover load; empty when no case is
              known) or mistaken for it (look-alike)
    status    one of `tables.STATUSES`
    """

    prefix: str
    description: str
    groups: tuple[str, ...]
    source: str
    status: str


@cache
def headings(kind: Kind) -> Mapping[str, Heading]:
    """The table of one kind, by prefix."""
    table, groups = _TABLES[kind]
    return MappingProxyType(
        {
            row["prefix"]: Heading(
                row["prefix"], row["description"], tuple(row[groups].split()), row["source"], row["status"]
            )
            for row in tables.rows(table)
        }
    )


def heading(code: str, kind: Kind) -> Heading | None:
    """The most specific entry that covers an HS code of any length, or None."""
    return prefixes.longest(code, headings(kind))


def mask(codes: Iterable[object], kind: Kind) -> npt.NDArray[np.bool_]:
    """Whether each of the distinct HS codes is covered by an entry of the kind; missing codes are False."""
    return prefixes.covered(codes, headings(kind))


@cache
def groups() -> tuple[str, ...]:
    """All species groups that occur in the three tables, sorted."""
    found = {group for kind in _TABLES for entry in headings(kind).values() for group in entry.groups}
    return tuple(sorted(found))
