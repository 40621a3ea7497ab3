"""Reads JSON Lines, one JSON object on each line, and JSON arrays of objects; keys are columns, blank lines nothing.

An object around the records, or one written over several lines, is refused, as its lines would each be a reject.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
import orjson
import pyarrow as pa

from risk.errors import InputError
from risk.manifests.content import open_text
from risk.manifests.json_array import LONGEST, elements
from risk.manifests.raw import Raw, as_text, text_of
from risk.manifests.records import Reject, shorten

_SAMPLE: Final = 1000  # lines that tell which keys to expect
_HEAD: Final = 4096  # characters in which the first sign is looked for at a time
_BLOCK: Final = 4096  # records kept as Python objects before they become columns
_AROUND: Final = re.compile(r'\{\s*"(consignments|outcomes)"\s*:\s*\[')
_GOES_ON: Final = re.compile(r"\{.*[{\[,]\s*|\{\s*")  # how the first line of an object over several lines ends


class JsonLines:
    """The objects of a file as `Raw` batches; a line or an element that is no JSON object becomes a reject.

    A key with nothing but numbers in a batch stays numeric, everything else becomes text.
    """

    fixed = False

    def __init__(self, path: Path, encoding: str, batch_rows: int) -> None:
        self._path = path
        self._encoding = encoding
        self._batch_rows = batch_rows
        with open_text(path, encoding, newline="\n") as file:
            sample = self._block(list(islice(self._numbered(file), _SAMPLE)))
        self.names = list(sample.columns)

    def __iter__(self) -> Iterator[Raw]:
        """The records in order; what is empty comes as one batch of no rows."""
        with open_text(self._path, self._encoding, newline="\n") as file:
            numbered = self._numbered(file)
            first = True
            while True:
                blocks: list[Raw] = []
                left = self._batch_rows
                while lines := list(islice(numbered, min(left, _BLOCK))):
                    blocks.append(self._block(lines))
                    left -= len(lines)
                if not blocks and not first:
                    return
                first = False
                yield _together(blocks)

    def _numbered(self, file: TextIO) -> Iterator[tuple[int, str]]:
        """The text of each object with its line: of an array its elements, else the lines."""
        first = ""
        while not first and (line := file.readline(_HEAD)):
            first = line.lstrip("\ufeff \t\r\n")
        file.seek(0)
        if first.startswith("["):
            return elements(file, str(self._path))
        around = _AROUND.match(first)
        if around is not None:
            raise InputError(
                f"{self._path}: an object holds the {around[1]} as a list; expected is that list alone (a JSON array) "
                "or one object on each line."
            )
        if first.endswith("\n") and _GOES_ON.fullmatch(first):
            raise InputError(
                f"{self._path}: a JSON object is written over several lines; expected is one object on each line, or "
                "an array of objects."
            )
        return _lines(file)

    def _block(self, lines: list[tuple[int, str]]) -> Raw:
        records: list[dict[str, Any]] = []
        places: list[int] = []
        rejects: list[Reject] = []
        for line, text in lines:
            record = self._record(line, text)
            if isinstance(record, Reject):
                rejects.append(record)
            else:
                records.append(record)
                places.append(line)
        names = dict.fromkeys(name for record in records for name in record)
        columns = {name: _array([record.get(name) for record in records]) for name in names}
        return Raw(columns, np.asarray(places, np.int64), rejects)

    def _record(self, line: int, text: str) -> dict[str, Any] | Reject:
        if len(text) > LONGEST:
            reason = f"the line has more than {LONGEST:,} characters; expected is one object on each line"
            return Reject(str(self._path), line, "", shorten(text), reason, orjson.dumps(shorten(text)).decode())
        try:
            record = orjson.loads(text)
            if isinstance(record, dict):
                return record
            reason = "is no JSON object"
        except orjson.JSONDecodeError as error:
            reason = f"is not JSON ({error.msg})"
        whole = text.rstrip("\r\n")
        reason = f"the line {reason}; expected is one object on each line"
        return Reject(str(self._path), line, "", shorten(whole), reason, orjson.dumps(whole).decode())


def _lines(file: TextIO) -> Iterator[tuple[int, str]]:
    """Each line that is not blank with its number; of one that is too long only the beginning is kept."""
    number = 0
    while text := file.readline(LONGEST + 1):
        number += 1
        rest = text
        while len(rest) > LONGEST and not rest.endswith("\n"):
            rest = file.readline(LONGEST + 1)
        if not text.isspace():
            yield number, text


def _array(values: list[Any]) -> pa.Array:
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values))
    try:
        if kinds == {str}:
            return pa.array(values, pa.string())
        if kinds <= {int, float}:
            return pa.array(values, pa.int64() if kinds == {int} else pa.float64())
    except (pa.ArrowInvalid, OverflowError):
        pass  # whole numbers that no float64 holds exactly
    return pa.array([text_of(value) for value in values], pa.string())


def _together(blocks: list[Raw]) -> Raw:
    if not blocks:
        return Raw({}, np.empty(0, np.int64))
    names = dict.fromkeys(name for block in blocks for name in block.columns)
    columns = {name: _joined([block.columns.get(name, pa.nulls(len(block))) for block in blocks]) for name in names}
    rejects = [reject for block in blocks for reject in block.rejects]
    return Raw(columns, np.concatenate([block.lines for block in blocks]), rejects)


def _joined(arrays: list[pa.Array]) -> pa.Array:
    """Blocks of one column put together: as numbers when all are, as text otherwise."""
    types = {array.type for array in arrays} - {pa.null()}
    if types <= {pa.int64(), pa.float64()} and types:
        whole = pa.int64() if types == {pa.int64()} else pa.float64()
        return pa.concat_arrays([array.cast(whole, safe=False) for array in arrays])
    return pa.concat_arrays([as_text(array) for array in arrays])
