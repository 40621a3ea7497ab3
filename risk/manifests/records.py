"""What comes out of reading a manifest: accepted rows, rejects and findings.

Knows the tables as frames only; knows no file format and no rule of what is good or bad.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import pandas as pd

from risk import layout
from risk.layout import EXTRA_PREFIX, Table
from risk.manifests.facts import MessageFacts

VALUE_LENGTH = 200
"""Longer values are cut in rejects and findings; the record of a reject keeps them whole."""


@dataclass(frozen=True)
class Reject:
    """A record that was not accepted.

    file     the name of the file as it was given
    line     the line in the file on which the record begins (of a Parquet file: the row), counted from 1
    field    the field at fault, or empty when the record as a whole is
    value    the value found there, cut to `VALUE_LENGTH` characters
    reason   what is wrong and what is expected
    record   the whole record as JSON: an object, an array of fields, or the text that could not be read
    """

    file: str
    line: int
    field: str
    value: str
    reason: str
    record: str = ""


@dataclass(frozen=True)
class Finding:
    """A warning that did not cost a record: how often it occurred, and the first place where it did."""

    field: str
    reason: str
    count: int
    file: str
    line: int
    value: str


@dataclass
class Findings:
    """Warnings counted by field and reason; two of them are put together with `+`."""

    _entries: dict[tuple[str, str], Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Count a finding; the example stays the one that came first."""
        key = (finding.field, finding.reason)
        before = self._entries.get(key)
        self._entries[key] = finding if before is None else replace(before, count=before.count + finding.count)

    def count(self, field: str, reason: str = "") -> int:
        """How often a field was found with a reason that contains the words."""
        return sum(entry.count for entry in self if entry.field == field and reason in entry.reason)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __add__(self, other: Findings) -> Findings:
        both = Findings(dict(self._entries))
        for entry in other:
            both.add(entry)
        return both


@dataclass(frozen=True)
class Batch:
    """A stretch of one file. `rows` is the number of records read, accepted or not.

    Both frames have the dtypes of `risk.layout`; one that the file does not fill has no rows. `messages` are
    those that ended in this stretch, with what they declare and take back.
    """

    consignments: pd.DataFrame
    outcomes: pd.DataFrame
    rejects: list[Reject]
    findings: Findings
    rows: int
    messages: list[MessageFacts] = field(default_factory=list)


@dataclass(frozen=True)
class Reading:
    """All of one or several files, with the meaning of `Batch`."""

    consignments: pd.DataFrame
    outcomes: pd.DataFrame
    rejects: list[Reject]
    findings: Findings
    rows: int
    messages: list[MessageFacts] = field(default_factory=list)


def empty(table: Table) -> pd.DataFrame:
    """A frame of no rows with the columns that always occur."""
    return pd.DataFrame(
        {
            column.name: pd.Series([], dtype=layout.dtype(column))
            for column in table
            if column.required or column.default is not None
        }
    )


def concatenate(frames: Iterable[pd.DataFrame], table: Table) -> pd.DataFrame:
    """The rows of all frames; a column that a frame left out is missing (or has its default) there."""
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return empty(table)
    names = [entry.name for entry in table if any(entry.name in frame for frame in filled)]
    extras = {
        name: frame[name].dtype
        for frame in filled
        for name in frame.columns
        if name.startswith(EXTRA_PREFIX)
    }  # fmt: skip
    whole = [
        pd.DataFrame(
            {name: layout.column(frame, table, name) for name in names}
            | {
                name: frame[name] if name in frame else pd.Series(float("nan"), frame.index, dtype=dtype)
                for name, dtype in extras.items()
            }
        )
        for frame in filled
    ]
    return pd.concat(whole, ignore_index=True)


def shorten(value: str) -> str:
    """A value cut to what a message can hold."""
    return value if len(value) <= VALUE_LENGTH else value[: VALUE_LENGTH - 1] + "…"
