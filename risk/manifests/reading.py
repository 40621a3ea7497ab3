"""Reads a manifest: tells its format, opens the reader, checks batch after batch.

This is where a new format is added: recognise it in `content`, give it a `Reader`, name it in `_open`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pandas as pd

from risk.errors import InputError, MappingError, RiskError
from risk.layout import EXTRA_PREFIX, column_names
from risk.manifests.air_waybill import Described, Flights
from risk.manifests.archives import members, without_gzip
from risk.manifests.checks import Memory, check
from risk.manifests.content import Format, is_gzip, recognise
from risk.manifests.csv_lines import CsvLines
from risk.manifests.excel_rows import ExcelRows
from risk.manifests.flights import look_over
from risk.manifests.json_lines import JsonLines
from risk.manifests.mapping import ColumnMapping
from risk.manifests.messages import MESSAGES, open_message
from risk.manifests.parquet_rows import ParquetRows
from risk.manifests.raw import Raw, Reader, as_text
from risk.manifests.records import Batch, Finding, Findings, Reading, Reject, concatenate, empty, shorten
from risk.manifests.rules import TABLES, Plan, TableName, message_plan, own_plan, own_table
from risk.manifests.versions import Filed, Versions

BATCH_ROWS: Final = 50_000


def read_manifest(
    source: Path,
    *,
    table: TableName | None = None,
    mapping: ColumnMapping | None = None,
    label: str | None = None,
    now: datetime | None = None,
    batch_rows: int = BATCH_ROWS,
    encoding: str | None = None,
    received_at: datetime | None = None,
    sheet: str | None = None,
    filed: Filed | None = None,
    described: Described | None = None,
) -> Iterator[Batch]:
    """The records of a file, checked, in batches of at most `batch_rows`.

    source     a file, recognised by its content: CSV, JSON Lines, Parquet, an Excel workbook or a message (see
               docs/formats.md), also packed with gzip, or a zip file of such files
    table      which of our tables to read; told by the columns, or by the mapping, when None
    mapping    how to fill our columns from those of the file; None when it has our own names
    label      which outcomes of the mapping to read; the first when None
    now        the moment of reading (with its zone); records more than a day later are rejected
    encoding   of text without a byte order mark; the mapping's, else UTF-8, when None
    received_at  when a message was received (with its zone): `filed_at` of those that do not say when they
                 were prepared
    sheet      the sheet of an Excel workbook; the first with a header when None
    filed      looks up what earlier readings filed, from which the versions of bills in messages count on
    described  looks up which bills earlier readings had from a message of their own, so that a flight or house
               manifest that lists them gives no poorer version

    Every record is accepted or rejected. Memory does not grow with the file, but for 16 bytes a record to
    know duplicates by. Raises InputError when the file as a whole cannot be read and MappingError when the
    mapping does not fit it, both before the first batch. In a zip file a member that cannot be read is a reject;
    the zip file as a whole is refused when that is so of all of them.
    """
    wish = _Wish(table, mapping, label, batch_rows, encoding, received_at, sheet)
    memory, flights = Memory(now or datetime.now(UTC), versions=Versions(filed)), Flights(held=described)
    look_over([source], wish.encoded, received_at, flights)
    return _read(source, memory, wish, flights)


def read_each(
    sources: Sequence[Path],
    *,
    table: TableName | None = None,
    mapping: ColumnMapping | None = None,
    label: str | None = None,
    now: datetime | None = None,
    batch_rows: int = BATCH_ROWS,
    encoding: str | None = None,
    received_at: datetime | None = None,
    sheet: str | None = None,
) -> Iterator[Batch]:
    """The batches of several files, one file after the other, read as by `read_all`; memory does not grow."""
    wish = _Wish(table, mapping, label, batch_rows, encoding, received_at, sheet)
    memory, flights = Memory(now or datetime.now(UTC)), Flights()
    look_over(sources, wish.encoded, received_at, flights)
    for source in sources:
        yield from _read(source, memory, wish, flights)


def read_all(
    sources: Sequence[Path],
    *,
    table: TableName | None = None,
    mapping: ColumnMapping | None = None,
    label: str | None = None,
    now: datetime | None = None,
    batch_rows: int = BATCH_ROWS,
    encoding: str | None = None,
    received_at: datetime | None = None,
    sheet: str | None = None,
) -> Reading:
    """All records of several files as two frames, with the parameters and errors of `read_manifest`.

    A record that repeats one of an earlier file is rejected like one within a file. Flight manifests among the
    files tell the waybills in the others their flight.
    """
    batches = list(
        read_each(
            sources, table=table, mapping=mapping, label=label, now=now, batch_rows=batch_rows, encoding=encoding,
            received_at=received_at, sheet=sheet,
        )
    )  # fmt: skip
    return Reading(
        concatenate((batch.consignments for batch in batches), TABLES["consignments"]),
        concatenate((batch.outcomes for batch in batches), TABLES["outcomes"]),
        [reject for batch in batches for reject in batch.rejects],
        sum((batch.findings for batch in batches), Findings()),
        sum(batch.rows for batch in batches),
        [message for batch in batches for message in batch.messages],
    )


@dataclass(frozen=True)
class _Wish:
    """What a call asks for; see `read_manifest`."""

    table: TableName | None
    mapping: ColumnMapping | None
    label: str | None
    batch_rows: int
    encoding: str | None
    received: datetime | None
    sheet: str | None

    @property
    def encoded(self) -> str | None:
        """The encoding that the call or the mapping gives."""
        return self.encoding or (self.mapping.encoding if self.mapping else None)


def _read(source: Path, memory: Memory, wish: _Wish, flights: Flights) -> Iterator[Batch]:
    format, found = recognise(source, wish.encoded)
    if format == "zip":
        return _members(source, memory, wish, flights)
    if format in {"parquet", "excel"} and is_gzip(source):
        return _unzipped(source, format, memory, wish)
    return _records(source, str(source), format, found, memory, wish, flights)


def _members(source: Path, memory: Memory, wish: _Wish, flights: Flights) -> Iterator[Batch]:
    """The records of all files in a zip file; one that cannot be read is a reject, unless none can."""
    with members(source) as files:
        look_over([member.path for member in files if not member.damage], wish.encoded, wish.received, flights)
        damaged: list[Reject] = []
        for member in files:
            try:
                if member.damage:
                    raise InputError(member.damage)
                format, found = recognise(member.path, wish.encoded)
                yield from _records(member.path, member.label, format, found, memory, wish, flights)
            except RiskError as error:
                words = str(error).replace(str(member.path), member.label)
                if len(files) == 1 or (len(damaged) == len(files) - 1):
                    raise type(error)(damaged[0].reason if damaged else words) from None
                reject = Reject(member.label, 1, "", "", words)
                damaged.append(reject)
                yield Batch(empty(TABLES["consignments"]), empty(TABLES["outcomes"]), [reject], Findings(), 1)


def _unzipped(source: Path, format: Format, memory: Memory, wish: _Wish) -> Iterator[Batch]:
    with without_gzip(source) as path:
        try:
            yield from _records(path, str(source), format, "", memory, wish, Flights())
        except RiskError as error:
            raise type(error)(str(error).replace(str(path), str(source))) from None


def _records(
    path: Path, label: str, format: Format, found: str, memory: Memory, wish: _Wish, flights: Flights
) -> Iterator[Batch]:
    """The checked records of a file that is packed no more; `label` is what the user knows it by."""
    mapping = wish.mapping
    if format in MESSAGES:
        if wish.table == "outcomes":
            raise InputError(f"{label}: is a message of carriers, which holds consignments and no outcomes.")
        zone = None if mapping is None else mapping.time_zone
        messages = open_message(path, format, found, wish.batch_rows, wish.received, flights)
        return (
            _checked(_labelled(raw, path, label), [message_plan(zone)], label, memory, frozenset()) for raw in messages
        )
    plans = None if mapping is None else mapping.plans(wish.table, wish.label)
    reader = _open(path, format, found, plans, wish)
    if plans is None:
        plans = [own_plan(wish.table or own_table(reader.names))]
    if reader.fixed:
        _fits(Path(label), reader.names, plans, None if mapping is None else mapping.name)
    known = None if mapping is None else mapping.known
    return (_checked(_labelled(raw, path, label), plans, label, memory, known) for raw in reader)


def _labelled(raw: Raw, path: Path, label: str) -> Raw:
    """What a reader says of the place where a file lies for the moment, said of what the user knows."""
    if str(path) == label:
        return raw
    findings = Findings()
    for finding in raw.findings:
        findings.add(replace(finding, file=label))
    for message in raw.messages:
        message.file = label
    return replace(raw, rejects=[replace(reject, file=label) for reject in raw.rejects], findings=findings)


def _open(source: Path, format: Format, found: str, plans: list[Plan] | None, wish: _Wish) -> Reader:
    if format == "parquet":
        return ParquetRows(source, wish.batch_rows)
    if format == "json_lines":
        return JsonLines(source, found, wish.batch_rows)
    if plans is None:
        known = [name for layout in TABLES.values() for name in column_names(layout)]
    else:
        known = [name for plan in plans for name in plan.sources()]
    if format == "excel":
        rules = [rule for plan in plans or [own_plan("consignments")] for rule in plan.rules.values()]
        formats = {name: rule.formats[0] for rule in rules if rule.formats for name in rule.sources}
        hs = [plan.rules["hs_code"].sources for plan in plans or [own_plan("consignments")] if "hs_code" in plan.rules]
        codes = {name for sources in hs for name in sources}
        return ExcelRows(source, wish.batch_rows, known, sheet=wish.sheet, codes=codes, formats=formats)
    return CsvLines(source, found, wish.batch_rows, known)


def _fits(source: Path, names: Sequence[str], plans: list[Plan], mapping: str | None) -> None:
    """Raise when the file lacks a column: any that a mapping names, or one that our layout requires."""
    for plan in plans:
        if mapping is not None:
            lacking = next((name for name in plan.sources() if name not in names), None)
            if lacking is not None:
                raise MappingError(f"{mapping}: {source} has no column {lacking!r}{_nearest(lacking, names)}.")
            continue
        for column in TABLES[plan.table]:
            if column.required and column.name not in names:
                raise InputError(
                    f"{source}: there is no column {column.name!r}{_nearest(column.name, names)}; it is required in "
                    f"{plan.table}, so name it in a mapping if it is called otherwise."
                )


def _checked(raw: Raw, plans: list[Plan], file: str, memory: Memory, known: frozenset[str] | None) -> Batch:
    frames: dict[TableName, pd.DataFrame] = {}
    rejects: list[Reject] = list(raw.rejects)
    findings = raw.findings + (Findings() if plans[0].counted else _unused(raw, plans, file, memory, known))
    accepted = None
    for plan in plans:
        checked = check(raw, plan, file, memory, among=accepted)
        accepted = checked.accepted
        frames[plan.table] = checked.frame
        rejects += checked.rejects
        findings += checked.findings
    rejects.sort(key=lambda reject: reject.line)
    for name, layout in TABLES.items():
        if name not in frames:
            frames[name] = empty(layout)
    rows = len(raw) + len(raw.rejects)
    return Batch(frames["consignments"], frames["outcomes"], rejects, findings, rows, raw.messages)


def _unused(raw: Raw, plans: list[Plan], file: str, memory: Memory, known: frozenset[str] | None) -> Findings:
    """Remarks, once in a reading, on columns of the file that nothing reads and columns that it does not have.

    `known` are the columns that a mapping names, None when there is no mapping.
    """
    findings = Findings()
    read = {name for plan in plans for name in plan.sources()}
    own = any(plan.own_extras for plan in plans)
    line = int(raw.lines[0]) if len(raw) else 1

    def remark(name: str, reason: str, value: str) -> None:
        if name not in memory.remarked:
            memory.remarked.add(name)
            findings.add(Finding(name, reason, 1, file, line, shorten(value)))

    for name, array in raw.columns.items():
        if name in read or name in (known or ()) or (own and name.startswith(EXTRA_PREFIX)):
            continue
        where = f"layout{_nearest(name, read)}" if known is None else "mapping"
        value = as_text(array[:1])[0].as_py() if len(array) else None
        remark(name, f"is a column that is not in the {where}; map it or ignore it", value or "")
    if known is not None and len(raw):
        for name in sorted(read - set(raw.columns)):
            nearest = _nearest(name, list(raw.columns))
            remark(name, f"is named in the mapping and in none of the first records{nearest}", "")
    return findings


def _nearest(name: str, names: Sequence[str] | set[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"; the nearest is {near[0]!r}" if near else ""
