"""Reads a sheet of an Excel workbook (.xlsx, .xlsm, .xls) in batches of rows, through calamine.

calamine lays a sheet out in memory as a full rectangle, so how far the cells of an .xlsx reach is looked up before;
an .xls ends at 65,536 rows and 256 columns by itself. Rows are counted as Excel shows them.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from risk.errors import InputError
from risk.manifests.raw import Raw, text_of
from risk.manifests.records import Finding, Findings, shorten
from risk.manifests.zip_files import open_zip, unpacked

MOST_CELLS: Final = 8_000_000
"""Rows times columns of the largest sheet; 32 bytes each."""
LARGEST: Final = 256 << 20
"""Bytes of a workbook unpacked."""
HEADER_ROWS: Final = 30
"""Rows in which the header is looked for."""

_REACH: Final = re.compile(rb"\br\s*=\s*[\"']([A-Za-z]{0,3})(\d{1,7})[\"']")
_OVERLAP: Final = 64

Cell = Any
_Cells = list[Cell]


class ExcelRows:
    """A sheet as `Raw` batches.

    known    column names that tell the header, which is the row with most of them
    sheet    the name of the sheet; the first visible one with a header when None
    codes    columns of HS codes: a number there that lost its leading zero gets it back
    formats  how a mapping reads the dates of a column, for cells that hold dates among texts

    Raises InputError when the workbook is damaged, encrypted or too large, or no sheet has a header.
    """

    fixed = True

    def __init__(
        self,
        path: Path,
        batch_rows: int,
        known: Collection[str],
        *,
        sheet: str | None = None,
        codes: Collection[str] = (),
        formats: Mapping[str, str] | None = None,
    ) -> None:
        self._path, self._batch_rows = path, batch_rows
        self._codes, self._formats = codes, formats or {}
        _check_size(path)
        with _Plainly(path):
            self._book = CalamineWorkbook.from_path(path)
            self._sheet, self._header = self._find(set(known), sheet)
        self.names = self._named(self._header[1])

    def __iter__(self) -> Iterator[Raw]:
        """The rows in order, blank ones passed over; what is empty comes as one batch of no rows."""
        findings = Findings()
        others = [name for name in self._book.sheet_names if name != self._sheet.name]
        if others:
            reason = f"is the sheet that was read, of {len(others) + 1}"
            findings.add(Finding("sheet", reason, 1, str(self._path), self._header[0], self._sheet.name))
        rows: list[_Cells] = []
        lines: list[int] = []
        yielded = False
        for number, cells in _rows(self._sheet):
            if number <= self._header[0] or not any(cell != "" for cell in cells):
                continue
            rows.append(cells)
            lines.append(number)
            if len(rows) == self._batch_rows:
                yield self._batch(rows, lines, findings)
                rows, lines, findings, yielded = [], [], Findings(), True
        if rows or not yielded:
            yield self._batch(rows, lines, findings)

    def _find(self, known: set[str], wanted: str | None) -> tuple[CalamineSheet, tuple[int, _Cells]]:
        """The sheet to read and its header row with its number."""
        sheets = self._book.sheets_metadata
        if wanted is not None and wanted not in self._book.sheet_names:
            raise InputError(
                f"{self._path}: there is no sheet {wanted!r}; expected is one of {', '.join(self._book.sheet_names)}."
            )
        seen = []
        for meta in sheets:
            if meta.name != wanted and (wanted is not None or meta.visible != SheetVisibleEnum.Visible):
                continue
            sheet = self._book.get_sheet_by_name(meta.name)
            best: tuple[int, int, _Cells] = (0, 0, [])
            for number, cells in _rows(sheet, HEADER_ROWS):
                fitting = sum(isinstance(cell, str) and cell.strip() in known for cell in cells)
                if fitting > best[0]:
                    best = (fitting, number, cells)
            if best[0]:
                return sheet, best[1:]
            seen.append(meta.name)
        expected = ", ".join(list(known)[:3])
        raise InputError(
            f"{self._path}: no row among the first {HEADER_ROWS} of {', '.join(map(repr, seen)) or 'any sheet'} is a "
            f"header; expected are names such as {expected}, or a mapping that names the columns."
        )

    def _named(self, cells: _Cells) -> list[str]:
        names = [str(text_of(cell) or "").strip() for cell in cells]
        twice = next((name for name in names if name and names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"{self._path}: column {twice!r} occurs more than once; give each column its own name.")
        return [name or f"(column {place})" for place, name in enumerate(names, 1)]

    def _batch(self, rows: list[_Cells], lines: list[int], findings: Findings) -> Raw:
        columns = {}
        for place, name in enumerate(self.names):
            cells = [None if row[place] == "" else row[place] for row in rows]
            if name in self._codes:
                columns[name] = self._code_column(name, cells, lines, findings)
            elif not name.startswith("(column ") or any(cell is not None for cell in cells):
                columns[name] = _column(cells, self._formats.get(name))
        return Raw(columns, np.array(lines, np.int64), findings=findings)

    def _code_column(self, name: str, cells: _Cells, lines: list[int], findings: Findings) -> pa.Array:
        texts: list[str | None] = []
        for line, cell in zip(lines, cells, strict=True):
            text = text_of(cell)
            if isinstance(cell, int | float) and text is not None and text.isdigit() and len(text) % 2:
                reason = "was a number, which cannot begin with zero; the zero was put back"
                findings.add(Finding(name, reason, 1, str(self._path), line, text))
                text = "0" + text
            texts.append(text)
        return pa.array(texts, pa.string())


def _rows(sheet: CalamineSheet, most: int | None = None) -> Iterator[tuple[int, _Cells]]:
    """The rows of a sheet with their numbers, up to one of them."""
    start = sheet.start
    if start is None:
        return
    for number, cells in enumerate(sheet.iter_rows(), 1):
        if most is not None and number > start[0] + most:
            return
        yield number, cells


def _column(cells: _Cells, format: str | None) -> pa.Array:
    """Numbers as numbers, dates as times, anything mixed as text."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if not kinds:
        return pa.nulls(len(cells), pa.string())
    if kinds <= {int, float}:
        return pa.array([None if cell is None else float(cell) for cell in cells], pa.float64())
    if kinds <= {datetime, date}:
        moments = [datetime.combine(cell, time()) if type(cell) is date else cell for cell in cells]
        return pa.array(moments, pa.timestamp("us"))
    return pa.array([_text(cell, format) for cell in cells], pa.string())


def _text(cell: Cell, format: str | None) -> str | None:
    if isinstance(cell, date) and format is not None:
        return cell.strftime(format)
    return str(cell) if isinstance(cell, timedelta) else text_of(cell)


def _check_size(path: Path) -> None:
    """Raise InputError for a workbook that would fill the memory, or that is none that calamine is trusted with."""
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            if path.stat().st_size > LARGEST:
                raise InputError(f"{path}: the workbook has more than {LARGEST:,} bytes; save it as CSV.")
            return
    with open_zip(path) as archive:
        names = set(archive.namelist())
        if "xl/workbook.xml" not in names:
            kind = "binary (.xlsb)" if "xl/workbook.bin" in names else "OpenDocument (.ods)"
            raise InputError(f"{path}: is a workbook in {kind} form; save it as .xlsx or CSV.")
        total = 0
        for member in archive.infolist():
            rows, columns, size = _reach(path, archive, member, total)
            total += size
            if rows * columns > MOST_CELLS:
                raise InputError(
                    f"{path}: {member.filename} reaches to row {rows:,} and column {columns:,}, more than "
                    f"{MOST_CELLS:,} cells; delete what lies beyond the table, or save it as CSV."
                )


def _reach(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, before: int) -> tuple[int, int, int]:
    """The last row and column to which the cells of a member reach, and its bytes."""
    rows = columns = size = 0
    kept = b""
    for block in chain(unpacked(archive, member, f"{path}/{member.filename}", before), [b""]):
        size += len(block)
        if before + size > LARGEST:
            raise InputError(f"{path}: the workbook has more than {LARGEST:,} bytes unpacked; save it as CSV.")
        text = kept + block
        for letters, row in set(_REACH.findall(text)):
            rows = max(rows, int(row))
            if len(letters) > 0:
                columns = max(columns, _column_number(letters))
        kept = text[-_OVERLAP:]
    return rows, columns, size


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


class _Plainly:
    """Says an error of the library in one sentence; a panic in its compiled part, which is no Exception, is one too."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, CalamineError | OSError | ValueError) or type(error).__name__ == "PanicException":
            words = (str(error).strip().rstrip(".") or type(error).__name__).splitlines()[0]
            raise InputError(
                f"{self._path}: the workbook cannot be read ({shorten(words)}); save it anew, without a password."
            ) from None
