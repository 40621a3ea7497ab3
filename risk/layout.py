"""What a table column is, and everything that follows from it.

A table is a tuple of `Column`. From that one tuple come the Arrow schema (dtypes), the JSON Schema, the
page in docs/formats.md and, through `risk.manifests.checks`, the validation. `risk.consignment` and
`risk.inspection` hold the two tables of the project.

In memory a table is a pandas DataFrame: text as `str`, numbers as float64 (missing is NaN), integers as
int64 (never missing: they have a default), times as datetime64[us, UTC]. A column that nobody fills may be
left out; `column` reads it as missing. Lists travel as text: codes separated by a space, structures as a
JSON array, so that a table means the same in CSV, Parquet and SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

Kind = Literal["text", "code", "choice", "country", "port", "ports", "hs", "number", "integer", "time", "json"]

EXTRA_PREFIX = "extra."
"""Columns of an administration's own start with this: text is a category, float64 a number."""

_ARROW: dict[str, pa.DataType] = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "time": pa.timestamp("us", tz="UTC"),
}

_EXPECTED: dict[str, str] = {
    "text": "text",
    "code": "a code without spaces",
    "country": "a two-letter ISO 3166 country code",
    "port": "a five-letter UN/LOCODE",
    "ports": "UN/LOCODEs separated by a space, in order of call",
    "hs": "an HS code of 2, 4, 6, 8 or 10 digits",
    "number": "a number with a point as decimal mark",
    "integer": "a whole number of at least 1",
    "time": "an ISO 8601 time, best with its zone",
    "json": "a JSON array of objects",
}

_JSON_TYPE: dict[str, str] = {"number": "number", "integer": "integer"}


@dataclass(frozen=True)
class Column:
    """One column: its name, kind, unit, limits and one sentence on what it means.

    `minimum` and `maximum` bound a number (exclusive minimum when `above_zero`). `choices` lists the values
    of a choice. `default` fills an integer that is missing. `group` is the concept that an officer would
    file the column under (identity, route, goods, party, document).
    """

    name: str
    kind: Kind
    description: str
    group: str
    required: bool = False
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    default: int | None = None

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of the column."""
        return _ARROW.get(self.kind, pa.string())

    @property
    def expected(self) -> str:
        """What a value has to look like, for messages to people."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        text = _EXPECTED[self.kind]
        if self.kind == "number" and self.minimum is not None:
            text += f" of at least {self.minimum:g}"
        if self.maximum is not None:
            text += f" and at most {self.maximum:g}"
        return text


Table = tuple[Column, ...]


def column_names(table: Table) -> list[str]:
    """The names of the columns, in order."""
    return [column.name for column in table]


def arrow_schema(table: Table, names: Sequence[str] | None = None) -> pa.Schema:
    """The Arrow schema of the table, or of the columns named."""
    wanted = set(column_names(table) if names is None else names)
    return pa.schema([(column.name, column.arrow) for column in table if column.name in wanted])


def json_schema(table: Table, title: str, description: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one record of the table."""
    properties: dict[str, Any] = {}
    for column in table:
        entry: dict[str, Any] = {
            "type": _JSON_TYPE.get(column.kind, "string"),
            "description": _sentence(column),
        }
        if column.kind == "time":
            entry["format"] = "date-time"
        if column.kind == "country":
            entry["pattern"] = "^[A-Z]{2}$"
        if column.kind == "port":
            entry["pattern"] = "^[A-Z]{2}[A-Z2-9]{3}$"
        if column.kind == "json":
            entry = {"type": "array", "items": {"type": "object"}, "description": _sentence(column)}
        if column.choices:
            entry["enum"] = list(column.choices)
        if column.minimum is not None:
            entry["minimum"] = column.minimum
        if column.maximum is not None:
            entry["maximum"] = column.maximum
        if column.default is not None:
            entry["default"] = column.default
        properties[column.name] = entry
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": description,
        "type": "object",
        "properties": properties,
        "required": [column.name for column in table if column.required],
        "additionalProperties": False,
        "patternProperties": {"^extra\\.": {"type": ["string", "number"]}},
    }


def markdown(table: Table) -> str:
    """The table as a Markdown table for docs/formats.md (a test holds the page equal to this)."""
    lines = ["| column | kind | unit | required | meaning |", "| --- | --- | --- | --- | --- |"]
    for column in table:
        kind = ", ".join(column.choices) if column.choices else column.expected
        lines.append(
            f"| `{column.name}` | {kind} | {column.unit or ''} | {'yes' if column.required else ''} "
            f"| {column.description} |"
        )
    return "\n".join(lines) + "\n"


_MISSING: dict[str, Any] = {"number": float("nan"), "time": pd.NaT}

_DTYPE: dict[str, str] = {"number": "float64", "integer": "int64", "time": "datetime64[us, UTC]"}


def dtype(column: Column) -> str:
    """The pandas dtype of the column."""
    return _DTYPE.get(column.kind, "str")


def column(frame: pd.DataFrame, table: Table, name: str) -> pd.Series[Any]:
    """A column of the frame; where it was left out, one of its dtype with the default or missing throughout.

    Raises KeyError for a name that is not in the table.
    """
    if name in frame.columns:
        return frame[name]
    definition = next((entry for entry in table if entry.name == name), None)
    if definition is None:
        raise KeyError(name)
    filling = definition.default if definition.kind == "integer" else _MISSING.get(definition.kind)
    return pd.Series(filling, index=frame.index, dtype=dtype(definition), name=name)


def utc(value: datetime) -> str:
    """A time as ISO 8601 in UTC with a trailing Z, the one way times are written for people."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def _sentence(column: Column) -> str:
    unit = f" Unit: {column.unit}." if column.unit else ""
    return f"{column.description}{unit} Expected: {column.expected}."
