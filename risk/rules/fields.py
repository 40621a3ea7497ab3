"""What a rule can ask about: the fields of a record, and the features made of it and of its history.

The features are passed in as `risk.feature.Feature`. Where a record's field and a feature have the same name, a
number is the record's (as filed, in full precision) and a text the feature's (a country of loading that was left out
is then that of the port). Lists and structures (containers, permits) are asked about by their features.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal

from risk.consignment import CONSIGNMENTS
from risk.feature import Feature
from risk.layout import Column

Kind = Literal["number", "text", "time"]

_KINDS: Final[Mapping[str, Kind]] = {"number": "number", "integer": "number", "time": "time"}


@dataclass(frozen=True)
class Field:
    """One thing that a rule can ask about.

    feature   the feature behind it; None for a field of the record
    """

    name: str
    kind: Kind
    unit: str = ""
    feature: Feature | None = None

    @property
    def shown(self) -> str:
        """Name, kind and unit for a message to people."""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.name!r} is a {self.kind}{unit}"


Fields = Mapping[str, Field]


def rule_fields(features: Iterable[Feature] = ()) -> dict[str, Field]:
    """The fields by name: those of the record and one for each feature."""
    record = {column.name: _of_record(column) for column in CONSIGNMENTS if column.kind != "json"}
    made = {
        feature.name: Field(feature.name, "number" if feature.kind == "number" else "text", feature.unit, feature)
        for feature in features
    }
    numbers = {name: field for name, field in record.items() if field.kind == "number"}
    return {**record, **made, **numbers}


def unknown(name: str, known: Iterable[str]) -> str:
    """That there is no such field, with the nearest one there is."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"there is no field or list {name[:60]!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _of_record(column: Column) -> Field:
    return Field(column.name, _KINDS.get(column.kind, "text"), column.unit or "")
