"""Reads delimited text (CSV): finds the delimiter, keeps exact line numbers, survives a stray quote.

A quoted field may hold delimiters and line ends. A record that cannot be taken apart costs its first line
only: reading goes on with the next one.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, TextIO

import numpy as np
import orjson
import pyarrow as pa

from risk.errors import InputError
from risk.manifests.content import HEAD, open_text
from risk.manifests.raw import Raw
from risk.manifests.records import Reject, shorten

DELIMITERS: Final = (",", ";", "\t", "|")

_NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_BLOCK: Final = 4096  # rows kept as Python lists before they become columns


class CsvLines:
    """A CSV file as `Raw` batches; `known` are the column names that tell the right delimiter.

    Raises InputError when no delimiter makes a known column, or two columns have one name.
    """

    fixed = True

    def __init__(self, path: Path, encoding: str, batch_rows: int, known: Collection[str]) -> None:
        self._path = path
        self._encoding = encoding
        self._batch_rows = batch_rows
        with open_text(path, encoding, newline="") as file:
            head = file.read(HEAD)
        self._delimiter, self.names = self._header(head, known)

    def __iter__(self) -> Iterator[Raw]:
        """The records in order; what is empty comes as one batch of no rows."""
        with open_text(self._path, self._encoding, newline="") as file:
            records = self._records(file)
            next(records)  # the header
            batch = _Batch(self.names)
            yielded = False
            for line, row, reject in records:
                if reject is not None:
                    batch.rejects.append(reject)
                elif len(row) == len(self.names):
                    batch.add(line, row)
                else:
                    batch.rejects.append(self._wrong_length(line, row))
                if len(batch) == self._batch_rows:
                    yield batch.close()
                    batch, yielded = _Batch(self.names), True
            if len(batch) or not yielded:
                yield batch.close()

    def _records(self, file: TextIO) -> Iterator[tuple[int, list[str], Reject | None]]:
        """Each record with its first line; blank lines are passed over."""
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        number = 1
        while True:
            lines.taken.clear()
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield number, [], self._unreadable(number, lines.taken[0], error)
                lines.again.extendleft(reversed(lines.taken[1:]))
                number += 1
                continue
            if row:
                yield number, row, None
            number += len(lines.taken)

    def _header(self, head: str, known: Collection[str]) -> tuple[str, list[str]]:
        best: tuple[int, str, list[str]] = (0, "", [])
        for delimiter in DELIMITERS:
            names = _first_record(head, delimiter)
            fitting = sum(name in known for name in names)
            if fitting > best[0]:
                best = (fitting, delimiter, names)
        fitting, delimiter, names = best
        if fitting == 0:
            first = shorten((head.strip().splitlines() or [""])[0])
            expected = ", ".join(list(known)[:3])
            raise InputError(
                f"{self._path}: is no message that can be read, and as a table neither {', '.join(_NAMES.values())} "
                f"splits the header {first!r} into known columns; "
                f"expected are names such as {expected}, or a mapping that names these columns."
            )
        twice = next((name for name in names if name and names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"{self._path}: column {twice!r} occurs more than once; give each column its own name.")
        return delimiter, [name or f"(column {place})" for place, name in enumerate(names, 1)]

    def _wrong_length(self, line: int, row: list[str]) -> Reject:
        reason = f"{len(row)} fields where the header has {len(self.names)}"
        return Reject(str(self._path), line, "", shorten(self._delimiter.join(row)), reason, orjson.dumps(row).decode())

    def _unreadable(self, line: int, text: str, error: csv.Error) -> Reject:
        words = str(error)
        if "end of data" in words or "field limit" in words:
            limit = csv.field_size_limit()
            reason = f"a quote opens a field and is not closed, or a field has more than {limit:,} characters"
        elif "expected after" in words:
            reason = "text follows a closing quote; a quote inside a quoted field is written twice"
        else:
            reason = f"the line cannot be taken apart ({words})"
        whole = text.rstrip("\r\n")
        return Reject(str(self._path), line, "", shorten(whole), reason, orjson.dumps(whole).decode())


def _first_record(head: str, delimiter: str) -> list[str]:
    rows = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter, strict=True)
    try:
        return [name.strip() for name in next((row for row in rows if row), [])]
    except csv.Error:
        return []


class _Lines:
    """The lines of a file; those taken since `taken` was cleared can be given `again`."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.again: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else next(self._file)
        self.taken.append(line)
        return line


class _Batch:
    """Records on their way to columns; rows become Arrow text in blocks, which keeps memory low."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._rows: list[list[str]] = []
        self._blocks: list[list[pa.Array]] = []
        self._lines: list[int] = []
        self.rejects: list[Reject] = []

    def __len__(self) -> int:
        return len(self._lines) + len(self.rejects)

    def add(self, line: int, row: list[str]) -> None:
        self._rows.append(row)
        self._lines.append(line)
        if len(self._rows) == _BLOCK:
            self._pack()

    def close(self) -> Raw:
        self._pack()
        columns = {
            name: pa.concat_arrays([block[place] for block in self._blocks])
            if self._blocks
            else pa.array([], pa.string())
            for place, name in enumerate(self._names)
        }
        return Raw(columns, np.asarray(self._lines, np.int64), self.rejects)

    def _pack(self) -> None:
        if self._rows:
            self._blocks.append([pa.array(values, pa.string()) for values in zip(*self._rows, strict=True)])
            self._rows = []
