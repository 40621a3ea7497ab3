"""Facts of CITES that a permit can be held against: validity, codes, Appendix by species group.

The Appendix of a group is that of most of its species; the exceptions are named and decide single cases. A
listing changes with each Conference of the Parties: for a decision, ask Species+.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from risk.reference import tables

Permit = Literal["export_permit", "re_export_certificate", "import_permit"]
CodeKind = Literal["source", "purpose", "term"]


@dataclass(frozen=True)
class Rule:
    """A figure of the Convention or of its practice, with its unit."""

    name: str
    value: int
    unit: str
    description: str
    source: str
    status: str


@dataclass(frozen=True)
class Listing:
    """A species group, its taxa and the Appendix (I or II) of most of them."""

    group: str
    taxa: tuple[str, ...]
    appendix: str
    exceptions: str
    source: str
    status: str


@cache
def rules() -> Mapping[str, Rule]:
    """All figures, by name."""
    return MappingProxyType(
        {
            row["rule"]: Rule(
                row["rule"],
                int(row["value"]),
                row["unit"],
                row["description"],
                row["source"],
                row["status"],
            )
            for row in tables.rows("cites_rules")
        }
    )


def validity_months(permit: Permit) -> int:
    """The longest time a permit of the kind may be valid, in months from its issue."""
    return rules()[f"{permit}_validity"].value


def ivory_sampling_kg() -> int:
    """The weight of seized ivory, in kilograms, from which samples go to a laboratory."""
    return rules()["ivory_sampling"].value


@cache
def codes(kind: CodeKind) -> Mapping[str, str]:
    """The codes a permit uses for source, purpose or term, with their meaning."""
    return MappingProxyType({row["code"]: row["meaning"] for row in tables.rows("cites_codes") if row["kind"] == kind})


@cache
def listings() -> Mapping[str, Listing]:
    """The listed species groups, by the group names of `risk.reference.wildlife`."""
    return MappingProxyType(
        {
            row["group"]: Listing(
                row["group"],
                tuple(row["taxa"].split("; ")),
                row["appendix"],
                row["exceptions"],
                row["source"],
                row["status"],
            )
            for row in tables.rows("cites_groups")
        }
    )
