"""Between a frame in the project's layout and the rows of a table: checks, conversion, fingerprints.

A frame goes in column by column through Arrow, never cell by cell through pandas, and comes out with the
dtypes of `risk.layout`. Whatever would be lost or changed on the way is refused. Knows no database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from orjson import dumps, loads

from risk import layout
from risk.errors import InputError
from risk.layout import EXTRA_PREFIX, Column

CHUNK: Final = 10_000
"""Rows converted and written at a time; its keys fit into the bind variables of every database."""
FEW: Final = 2_000
"""Rows that are converted without Arrow, which takes longer to begin than to work on them."""

Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Chunk:
    """Rows `start` and following of a frame, column by column and by name, and a fingerprint for each."""

    start: int
    columns: Columns
    hashes: list[str]

    def column(self, name: str) -> list[Any]:
        """One column, missing throughout where the frame did not fill it."""
        return self.columns.get(name) or [None] * len(self.hashes)

    def with_all(self, **constants: Any) -> Columns:
        """The columns, the fingerprint as `content_hash`, and columns that are the same in all rows."""
        n = len(self.hashes)
        return {**self.columns, "content_hash": self.hashes} | {name: [value] * n for name, value in constants.items()}


def chunks(frame: pd.DataFrame, table: layout.Table, *, extra: str | None = None) -> Iterator[Chunk]:
    """The frame as lists, CHUNK rows at a time; the whole frame is checked before the first comes out.

    `extra` names the column that takes the `extra.*` columns; without it there may be none. A fingerprint is
    made of the names in order and the values that are not missing, so it outlives new and reordered columns.
    Raises InputError naming the column when a name is not of the layout, a dtype is off, a required value
    is missing, a number is not finite, or a text holds a null character.
    """
    few = _few(frame, table, own=extra is not None) if len(frame) <= FEW else None
    if few is not None:
        return iter([_chunk(0, few, extra)] if len(frame) else [])
    arrays = _arrays(frame, table, own=extra is not None)
    return (
        _chunk(start, {name: array.slice(start, CHUNK).to_pylist() for name, array in arrays.items()}, extra)
        for start in range(0, len(frame), CHUNK)
    )


def _chunk(start: int, lists: Columns, extra: str | None) -> Chunk:
    own = sorted(name for name in lists if name.startswith(EXTRA_PREFIX))
    keys = [name.removeprefix(EXTRA_PREFIX) for name in own]
    columns = {name: values for name, values in lists.items() if not name.startswith(EXTRA_PREFIX)}
    if extra and own:
        columns[extra] = [_extras(keys, values) for values in zip(*(lists[name] for name in own), strict=True)]
    columns = dict(sorted(columns.items()))
    return Chunk(start, columns, fingerprints(columns))


def plain(values: pd.Series[Any]) -> list[Any]:
    """The values as Python's own: times as whole microseconds since 1970 UTC, None where missing."""
    dtype = values.dtype
    if isinstance(dtype, pd.StringDtype):
        found: list[Any] = pa.array(values.array, from_pandas=True).to_pylist()
        return found
    if isinstance(dtype, pd.DatetimeTZDtype):
        times: Any = values.array
        return [None if time == _NO_TIME else time for time in times.as_unit("us").asi8.tolist()]
    if dtype in (np.int64, np.bool_):
        return values.tolist()
    return [None if value is None or value is pd.NA or value != value else value for value in values.tolist()]  # noqa: PLR0124  # NaN


def _few(frame: pd.DataFrame, table: layout.Table, *, own: bool) -> Columns | None:
    """The same as `_arrays` as lists; None when anything about the frame is unusual, which `_arrays` then tells of."""
    columns = {column.name: column for column in table}
    found: Columns = {}
    for name, series in frame.items():
        text = isinstance(series.dtype, pd.StringDtype)
        column = columns.get(str(name)) or Column(str(name), "text" if text else "number", "", "")
        if column.name in found or (column.name not in columns and not (own and column.name.startswith(EXTRA_PREFIX))):
            return None
        values = plain(series)
        fits = _FITS.get(column.kind, _fits_text)
        if not fits(series, values) or (None in values and (column.required or column.kind == "integer")):
            return None
        found[column.name] = values
    for column in table:
        if column.name not in found and (column.default is not None or column.required):
            if column.default is None:
                return None
            found[column.name] = [column.default] * len(frame)
    return {name: values for name, values in found.items() if any(value is not None for value in values)}


def _fits_text(series: pd.Series[Any], values: list[Any]) -> bool:
    return all(value is None or (isinstance(value, str) and "\0" not in value) for value in values)


_NO_TIME: Final = np.iinfo(np.int64).min
_FITS: Final[dict[str, Callable[[pd.Series[Any], list[Any]], bool]]] = {
    "number": lambda series, values: (
        series.dtype == np.float64 and all(value is None or isfinite(value) for value in values)
    ),
    "integer": lambda series, _: bool(series.dtype == np.int64),
    "time": lambda series, _: isinstance(series.dtype, pd.DatetimeTZDtype),
}


def fingerprints(columns: Columns) -> list[str]:
    """32 hex digits for each row that change with its values and their names; what is missing does not count.

    The columns must be in the order of their names.
    """
    names = list(columns)
    return [
        sha256(dumps({name: value for name, value in zip(names, row, strict=True) if value is not None})).hexdigest()[
            :32
        ]
        for row in zip(*columns.values(), strict=True)
    ]


def frame_of(
    rows: Iterable[Sequence[Sequence[Any]]], table: layout.Table, *, extra: str | None = None, also: Sequence[str] = ()
) -> pd.DataFrame:
    """Rows, in parts, with the columns of the table (then `extra`, then text columns `also`) as a frame.

    Columns that are missing throughout are left out, but for required ones and integers.
    """
    columns = [*table, *(Column(name, "text", "", "") for name in ([extra] if extra else []) + list(also))]
    parts = [
        pa.Table.from_arrays(
            [_array(values, column) for values, column in zip(zip(*part, strict=True), columns, strict=True)],
            names=[column.name for column in columns],
        )
        for part in rows
        if part
    ]
    schema = pa.schema([(column.name, column.arrow) for column in columns])
    together = pa.concat_tables(parts) if parts else schema.empty_table()
    kept = [
        column.name
        for column in columns
        if column.name != extra
        and (
            column.required
            or column.kind == "integer"
            or column.name in also
            or together[column.name].null_count < together.num_rows
        )
    ]
    frame: pd.DataFrame = together.select(kept).to_pandas()
    if extra and together[extra].null_count < together.num_rows:
        frame = pd.concat([frame, _own_columns(together[extra].to_pylist())], axis=1)
    return frame


def _array(values: Sequence[Any], column: Column) -> pa.Array:
    if column.kind == "time":
        return pa.array(values, pa.int64()).cast(column.arrow)
    return pa.array(values, column.arrow)


def _own_columns(texts: Sequence[str | None]) -> pd.DataFrame:
    """The `extra.*` columns. One that is a number in some rows and text in others is text in all."""
    loaded = [loads(text) if text is not None else {} for text in texts]
    series = {}
    for key in sorted({key for entry in loaded for key in entry}):
        values = [entry.get(key) for entry in loaded]
        if any(isinstance(value, str) for value in values):
            text = [None if value is None else str(value) for value in values]
            series[EXTRA_PREFIX + key] = pd.Series(pa.array(text, pa.string()).to_pandas(), dtype="str")
        else:
            series[EXTRA_PREFIX + key] = pd.Series(values, dtype="float64")
    return pd.DataFrame(series)


def _extras(keys: Sequence[str], values: Sequence[Any]) -> str | None:
    found = {key: value for key, value in zip(keys, values, strict=True) if value is not None}
    return dumps(found).decode() if found else None


def _arrays(frame: pd.DataFrame, table: layout.Table, *, own: bool) -> dict[str, pa.Array]:
    """The filled columns of the frame as Arrow arrays; times as integers, integers with their default."""
    columns = {column.name: column for column in table}
    for name in frame.columns[frame.columns.duplicated()]:
        raise InputError(f"Column {name} is there twice; each may be there once")
    for name in frame.columns:
        if name not in columns and not (own and str(name).startswith(EXTRA_PREFIX)):
            raise InputError(f"Column {name} is not of this table; an own column must be named {EXTRA_PREFIX}{name}")
    arrays: dict[str, pa.Array] = {}
    for column in table:
        if column.name in frame.columns:
            array = _checked(frame[column.name], column)
        elif column.default is not None:
            array = pa.repeat(pa.scalar(column.default, pa.int64()), len(frame))
        elif column.required:
            raise InputError(f"Column {column.name} is missing; it is required")
        else:
            continue
        if array.null_count < len(array):
            arrays[column.name] = array.cast(pa.int64()) if column.kind == "time" else array
    for name in frame.columns:
        if name not in columns:
            number = pd.api.types.is_numeric_dtype(frame[name].dtype)
            array = _checked(frame[name], Column(name, "number" if number else "text", "", ""))
            if array.null_count < len(array):
                arrays[name] = array
    return arrays


def _checked(series: pd.Series[Any], column: Column) -> pa.Array:
    array = _arrow(series)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.null_count and (column.required or column.kind == "integer"):
        row = pc.index(pc.is_null(array), True).as_py()
        raise InputError(f"Column {column.name} has no value in row {row}; it is required")
    if array.null_count == len(array):
        return pa.nulls(len(array), column.arrow)
    if not _IS_KIND.get(column.kind, _is_text)(array.type):
        raise InputError(f"Column {column.name} is {series.dtype}; {layout.dtype(column)} is expected")
    try:
        array = array.cast(column.arrow)
    except pa.ArrowInvalid as error:
        raise InputError(f"Column {column.name} does not fit {layout.dtype(column)}: {error}") from error
    if column.kind == "number":
        _refuse(pc.invert(pc.is_finite(array)), column, "a number that is not finite")
    if pa.types.is_string(array.type):
        _refuse(pc.match_substring(array, "\0"), column, "a null character, which no database text may hold")
    return array


def _arrow(series: pd.Series[Any]) -> pa.Array:
    if not isinstance(series.dtype, pd.DatetimeTZDtype):
        return pa.array(series, from_pandas=True)
    times = pa.array(series.dt.tz_convert(None).to_numpy(), from_pandas=True)
    return times.cast(pa.timestamp(times.type.unit, tz="UTC"))


def _refuse(bad: pa.Array, column: Column, what: str) -> None:
    row = pc.index(bad, True).as_py()
    if row >= 0:
        raise InputError(f"Column {column.name} has {what} in row {row}")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


_IS_KIND: Final[dict[str, Callable[[pa.DataType], bool]]] = {
    "number": lambda kind: bool(pa.types.is_floating(kind) or pa.types.is_integer(kind)),
    "integer": lambda kind: bool(pa.types.is_integer(kind)),
    "time": lambda kind: bool(pa.types.is_timestamp(kind) and kind.tz is not None),
}
