"""Validation of records against the layouts: what is accepted, what is rejected, what is remarked on.

A record with a bad or missing required field is rejected, with the first field at fault; a malformed
optional value becomes missing and is counted. The rules per kind of value are in `values`, this module owns
those that need the whole record or other records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from risk import consignment, layout
from risk.consignment import CONSIGNMENTS
from risk.inspection import OUTCOMES
from risk.layout import EXTRA_PREFIX, Column
from risk.manifests.columns import Filled, Mask, Note, fill
from risk.manifests.duplicates import Seen
from risk.manifests.raw import Raw, as_text, to_json
from risk.manifests.records import Finding, Findings, Reject, empty, shorten
from risk.manifests.rules import TABLES, Extra, ExtraKind, Plan, Rule
from risk.manifests.values import UNKNOWN_CODE
from risk.manifests.versions import Versions
from risk.reference import countries, ports

AHEAD: Final = timedelta(days=1)
"""How far the clock of a sender may be ahead of ours before a record of the future is rejected."""

_FILED_OR_RECORDED: Final = ("filed_at", "recorded_at")


@dataclass
class Memory:
    """What one reading remembers across its batches and files.

    now       the moment of the reading; later records are rejected
    seen      the records of each table so far
    extras    whether an extra column is a number, settled by its first value
    remarked  columns that were remarked on once and for all
    versions  the versions of the bills of messages so far
    """

    now: datetime
    seen: dict[str, Seen] = field(default_factory=lambda: {name: Seen() for name in TABLES})
    extras: dict[str, ExtraKind] = field(default_factory=dict)
    remarked: set[str] = field(default_factory=set)
    versions: Versions = field(default_factory=Versions)


@dataclass(frozen=True)
class Checked:
    """The accepted rows of a table; `accepted` says which records of the batch they are."""

    frame: pd.DataFrame
    accepted: Mask
    rejects: list[Reject]
    findings: Findings


def check(raw: Raw, plan: Plan, file: str, memory: Memory, among: Mask | None = None) -> Checked:
    """Fill the table of the plan from the records and check it.

    Only records `among` those marked (all by default) are looked at; no other one is accepted or rejected.
    """
    records = _Records(raw, plan, file, np.ones(len(raw), np.bool_) if among is None else among.copy())
    table = TABLES[plan.table]
    for column in sorted(table, key=lambda column: plan.optional and column.name != "result"):
        rule = plan.rules.get(column.name)
        filled = None if rule is None else fill(column, rule, raw)
        if rule is not None and filled is not None:
            records.take(column.name, filled, _costs_the_record(column, rule, filled))
        if plan.optional and column.name == "result":
            records.leave_out(~records.stated("result"))
    for column in table:
        if column.required:
            records.reject(~records.stated(column.name), column.name, f"is missing; expected is {column.expected}")
    for name in _FILED_OR_RECORDED:
        moments = records.values.get(name)
        if moments is not None:
            late = (moments > memory.now + AHEAD).to_numpy()
            records.reject(late, name, "lies in the future; expected is a time not later than tomorrow")
    for name, extra in (plan.extras or _own_extras(raw, plan, memory)).items():
        filled = fill(_extra_column(name, extra.kind), extra.rule, raw)
        if filled is not None:
            records.take(name, filled, filled.lost() & (extra.rule.otherwise == "reject"))
    if plan.table == "consignments":
        _fill_countries(records.values)
        told = np.zeros(len(raw), np.bool_)
        for name in (*consignment.ROUTE, *consignment.GOODS, *consignment.PARTIES):
            told |= records.stated(name)
        records.reject(~told, "", "nothing is said of route, goods or parties, so there is nothing to score")
    if plan.counted:
        records.count_versions(memory.versions)
    records.reject_repeated(memory.seen[plan.table])
    return records.close()


def check_outcomes(outcomes: pd.DataFrame, consignments: pd.DataFrame) -> tuple[pd.DataFrame, list[Reject]]:
    """What can be judged only with both tables: the good outcomes, and rejects for the others.

    Rejected are outcomes of a consignment (or goods line) that is not in `consignments`, and those recorded
    before the first version of the consignment was filed. As the file is no longer known here, `line` is the
    row in `outcomes`, counted from 1.
    """
    if len(outcomes) == 0:
        return outcomes, []
    ids, lines = outcomes["consignment_id"], layout.column(outcomes, OUTCOMES, "line_no")
    filed = consignments["filed_at"].groupby(consignments["consignment_id"]).min()
    first = pd.Series(filed.reindex(ids).array, index=outcomes.index)
    known = pd.MultiIndex.from_arrays(
        [consignments["consignment_id"], layout.column(consignments, CONSIGNMENTS, "line_no")]
    )
    no_line = (lines > 0).to_numpy() & ~pd.MultiIndex.from_arrays([ids, lines]).isin(known)
    reasons = np.select(
        [first.isna().to_numpy(), no_line, (outcomes["recorded_at"] < first).to_numpy()], [1, 2, 3], default=0
    )
    words = {
        1: ("consignment_id", "is a consignment that was not filed"),
        2: ("line_no", "is a goods line that the consignment does not have"),
        3: ("recorded_at", "is earlier than the consignment was filed"),
    }
    rejects = []
    for row in np.flatnonzero(reasons).tolist():
        name, reason = words[int(reasons[row])]
        record = {key: value for key, value in outcomes.iloc[row].items() if pd.notna(value)}
        rejects.append(
            Reject("outcomes", row + 1, name, shorten(str(record.get(name, ""))), reason, to_json(record))
        )  # fmt: skip
    return outcomes[reasons == 0].reset_index(drop=True), rejects


class _Records:
    """The records of a batch on their way: columns so far, which are still good, and remarks."""

    def __init__(self, raw: Raw, plan: Plan, file: str, good: Mask) -> None:
        self._raw, self._plan, self._file = raw, plan, file
        self._good = good
        self._filled: dict[str, Filled] = {}
        self._faults: dict[int, tuple[str, str]] = {}
        self.values: dict[str, pd.Series[Any]] = {}

    def take(self, name: str, filled: Filled, bad: Mask) -> None:
        """Take a column; the records marked bad are rejected for it."""
        self.values[name] = filled.values
        self._filled[name] = filled
        for note in filled.notes:
            self.reject(bad & note.rows, name, note.reason)

    def stated(self, name: str) -> Mask:
        """Where a column has a value."""
        column = self.values.get(name)
        return np.zeros(len(self._raw), np.bool_) if column is None else ~np.asarray(column.array.isna(), np.bool_)

    def leave_out(self, rows: Mask) -> None:
        """Records that are none of this table: neither accepted nor rejected, unless they already are."""
        self._good &= ~rows

    def reject(self, rows: Mask, name: str, reason: str) -> None:
        """Reject the records marked; the first reason stays."""
        rows = rows & self._good
        for row in np.flatnonzero(rows).tolist():
            self._faults[row] = (name, reason)
        self._good &= ~rows

    def count_versions(self, versions: Versions) -> None:
        """Number the versions of the good records by when they were filed."""
        rows = np.flatnonzero(self._good)
        numbers = np.ones(len(self._raw), np.int64)
        if len(rows):
            ids, filed = self.values["consignment_id"].iloc[rows], self.values["filed_at"].iloc[rows]
            numbers[rows], early = versions.number(ids, filed)
            late = np.zeros(len(self._raw), np.bool_)
            late[rows] = early
            if late.any():
                reason = "was filed before a version of the consignment that was read earlier"
                filled = self._filled["filed_at"]
                self._filled["filed_at"] = replace(filled, notes=[*filled.notes, Note(late, reason, lost=False)])
        self.values["version"] = pd.Series(numbers)

    def reject_repeated(self, seen: Seen) -> None:
        """Reject records that an earlier one of the reading equals: in its key, or an outcome altogether."""
        table = TABLES[self._plan.table]
        consignments = self._plan.table == "consignments"
        names = consignment.KEY if consignments else layout.column_names(table)
        rows = np.flatnonzero(self._good)
        frame = pd.DataFrame({name: self.values[name] for name in names if name in self.values}).iloc[rows]
        what = "the same consignment, line and version" if consignments else "the same outcome"
        for at, (file, line) in seen.firsts(frame, table, names, self._file, self._raw.lines[rows]).items():
            place = f"line {line}" if file == self._file else f"line {line} of {file}"
            self._faults[int(rows[at])] = ("consignment_id", f"repeats {what}, first read in {place}")
            self._good[rows[at]] = False

    def close(self) -> Checked:
        """The accepted rows as a frame, the rejects in order of line, the remarks counted."""
        findings = Findings()
        for name, filled in self._filled.items():
            for note in filled.notes:
                rows = np.flatnonzero(note.rows & self._good)
                if len(rows):
                    line, value = int(self._raw.lines[rows[0]]), self._value(name, int(rows[0]))
                    reason = f"{note.reason}; left out" if note.lost else note.reason
                    findings.add(Finding(self._plan.place + name, reason, len(rows), self._file, line, value))
        rejects = [
            Reject(
                self._file,
                int(self._raw.lines[row]),
                self._plan.place + name if name else "",
                self._value(name, row),
                reason,
                self._raw.record(row),
            )
            for row, (name, reason) in sorted(self._faults.items())
        ]
        return Checked(self._frame(), self._good, rejects, findings)

    def _frame(self) -> pd.DataFrame:
        if not self._good.any():
            return empty(TABLES[self._plan.table])
        always = [column for column in TABLES[self._plan.table] if column.default is not None]
        for column in always:
            if column.name not in self.values:
                self.values[column.name] = pd.Series(column.default, range(len(self._raw)), dtype="int64")
        names = [column.name for column in TABLES[self._plan.table] if column.name in self.values]
        names += [name for name in self.values if name.startswith(EXTRA_PREFIX)]
        frame = pd.DataFrame({name: self.values[name].array for name in names})
        return frame if self._good.all() else frame[self._good].reset_index(drop=True)

    def _value(self, name: str, row: int) -> str:
        filled = self._filled.get(name)
        return "" if filled is None else shorten(as_text(filled.source[row : row + 1])[0].as_py() or "")


def _costs_the_record(column: Column, rule: Rule, filled: Filled) -> Mask:
    """Where an unusable value costs the record: in a required field, in a number that is part of the key."""
    if column.required or column.kind == "integer":
        return filled.lost()
    if rule.otherwise == "reject":
        rows = [note.rows for note in filled.notes if note.reason == UNKNOWN_CODE]
        return np.logical_or.reduce(rows) if rows else np.zeros(len(filled.values), np.bool_)
    return np.zeros(len(filled.values), np.bool_)


def _own_extras(raw: Raw, plan: Plan, memory: Memory) -> Mapping[str, Extra]:
    """Extra columns that the file itself names, with the kind of their first value."""
    if not plan.own_extras:
        return {}
    extras = {}
    for name, array in raw.columns.items():
        if not name.startswith(EXTRA_PREFIX):
            continue
        if array.null_count < len(array):
            number = pa.types.is_integer(array.type) or pa.types.is_floating(array.type)
            memory.extras.setdefault(name, "number" if number else "categorical")
        extras[name] = Extra(Rule(sources=(name,)), memory.extras.get(name, "categorical"))
    return extras


def _extra_column(name: str, kind: ExtraKind) -> Column:
    return Column(name, "number" if kind == "number" else "text", "", "other")


def _fill_countries(columns: dict[str, pd.Series[Any]]) -> None:
    """Countries of loading and destination out of the places, where they are not stated."""
    _take_over(columns, "loading_country", columns.get("loading_port"))
    final = columns.get("final_destination")
    if final is not None:
        known = [text for text in final.dropna().unique() if _is_place(text)]
        _take_over(columns, "destination_country", final.where(final.isin(known)))
    _take_over(columns, "destination_country", columns.get("discharge_port"))


def _take_over(columns: dict[str, pd.Series[Any]], name: str, places: pd.Series[Any] | None) -> None:
    if places is None:
        return
    found = places.str[:2]
    columns[name] = columns[name].fillna(found) if name in columns else found


def _is_place(text: str) -> bool:
    """Whether a text is a UN/LOCODE; only known ones count, as PARIS would lie in Panama."""
    return len(text) == 5 and text[:2] in countries.ALPHA2 and ports.port(text) is not None
