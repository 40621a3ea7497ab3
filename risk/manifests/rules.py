"""How a column of ours is filled from the columns of a file: the mapping, compiled.

Without a mapping each column is filled from the one of its own name. Knows no file and no YAML.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final, Literal

from risk.consignment import CONSIGNMENTS
from risk.inspection import OUTCOMES
from risk.layout import Table, column_names

TableName = Literal["consignments", "outcomes"]
ExtraKind = Literal["number", "categorical"]

TABLES: Final[Mapping[TableName, Table]] = {"consignments": CONSIGNMENTS, "outcomes": OUTCOMES}

UNITS: Final[Mapping[str, Mapping[str, float]]] = {
    "kg": {"kg": 1.0, "g": 0.001, "t": 1000.0, "lb": 0.45359237, "oz": 0.028349523125},
    "m3": {"m3": 1.0, "l": 0.001, "cm3": 1e-6, "ft3": 0.028316846592},
}
"""For each unit of ours the units it can be given in, and what one of them is in ours."""


@dataclass(frozen=True)
class Rule:
    """How one column is filled.

    sources     columns of the file, joined with `separator` when there are several
    constant    a text for every row, instead of sources
    codes       translation of texts, None for those that mean missing; `otherwise` is for texts not in it
    formats     strptime formats of a time, tried in order; ISO 8601 when empty
    zone        time zone of times that name none; None is UTC with a finding
    plus_days   days of 24 hours added to a time
    factor      what a number is multiplied by
    decimal     the decimal mark, which also allows the other marks between thousands; None is a plain number
    missing     texts that mean missing
    """

    sources: tuple[str, ...] = ()
    separator: str = " "
    constant: str | None = None
    codes: Mapping[str, str | None] | None = None
    otherwise: Literal["missing", "reject", "keep"] = "missing"
    formats: tuple[str, ...] = ()
    zone: tzinfo | None = None
    plus_days: int = 0
    factor: float = 1.0
    decimal: Literal[".", ","] | None = None
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Extra:
    """A column of an administration's own: where it comes from and whether it is a number."""

    rule: Rule
    kind: ExtraKind


@dataclass(frozen=True)
class Plan:
    """How one of our tables is filled from a file.

    place        what stands before a field's name in messages, such as "outcomes.fraud."
    extras       columns of an administration's own, by their name in the table
    own_extras   whether columns of the file that are named extra.* are taken as they are
    optional     whether a record without a result is simply none of this table (outcomes out of a flat file)
    counted      whether versions are counted while reading, as messages do not number them
    """

    table: TableName
    rules: Mapping[str, Rule]
    place: str = ""
    extras: Mapping[str, Extra] = field(default_factory=dict)
    own_extras: bool = False
    optional: bool = False
    counted: bool = False

    def sources(self) -> list[str]:
        """All columns of the file that the plan reads, each once."""
        rules = [*self.rules.values(), *(extra.rule for extra in self.extras.values())]
        return list(dict.fromkeys(name for rule in rules for name in rule.sources))


def own_plan(table: TableName) -> Plan:
    """The plan for a file with our own column names."""
    rules = {name: Rule(sources=(name,)) for name in column_names(TABLES[table])}
    return Plan(table, rules, own_extras=table == "consignments")


def message_plan(zone: tzinfo | None) -> Plan:
    """The plan for messages, whose readers use our column names; `zone` is that of times that name none."""
    rules = {name: Rule(sources=(name,), zone=zone) for name in column_names(CONSIGNMENTS)}
    return Plan("consignments", rules, counted=True)


def own_table(names: Collection[str]) -> TableName:
    """Which of our two tables has these columns."""
    return "outcomes" if {"result", "recorded_at"} <= set(names) else "consignments"
