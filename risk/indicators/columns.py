"""The columns of consignment lines as arrays: text by its distinct values, numbers, times; each taken apart once.

A column that was left out reads as missing in every row. `features.columns` reads lines the same way for features.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from risk.consignment import CONSIGNMENTS
from risk.layout import column
from risk.parties.blocking import mix
from risk.parties.mentions import hashes

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
UInt64 = NDArray[np.uint64]

FEW: Final = 300
"""Texts that are looked at one by one."""
HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
KINDS: Final = {entry.name: entry.kind for entry in CONSIGNMENTS}
"""The kind of each column of the record."""


class Texts:
    """A text column by its distinct values: row i holds `values[codes[i]]`, nothing where the code is -1."""

    def __init__(self, codes: NDArray[np.intp], distinct: pa.Array) -> None:
        self.codes, self.distinct = codes, distinct

    @cached_property
    def values(self) -> NDArray[np.object_]:
        """The distinct values."""
        return np.asarray(self.distinct.to_numpy(zero_copy_only=False), object)

    def some(self, rows: NDArray[Any]) -> Texts:
        """The column at some rows, with the values that occur there."""
        used, codes = np.unique(self.codes[rows], return_inverse=True)
        missing = int(len(used) > 0 and used[0] < 0)
        return Texts(codes.astype(np.intp) - missing, self.distinct.take(pa.array(used[missing:])))

    @property
    def known(self) -> Bools:
        """Which rows hold a value."""
        return self.codes >= 0

    def where(self, holds: Callable[[str], bool]) -> Bools:
        """Where a condition on the text holds; False where it is missing. Called once for each distinct value."""
        found = np.array([bool(holds(value)) for value in self.values] + [False], bool)
        return found[self.codes]

    def among(self, members: frozenset[str] | tuple[str, ...]) -> Bools:
        """Where the text is one of these."""
        return self.where(frozenset(members).__contains__)

    def each(self, measure: Callable[[str], float]) -> Floats:
        """A number for each row, NaN where the text is missing."""
        return np.array([*map(measure, self.values), np.nan], np.float64)[self.codes]

    def said(self, change: Callable[[str], str | None] = str) -> NDArray[np.object_]:
        """The text of each row, changed, None where missing."""
        return np.array([*map(change, self.values), None], object)[self.codes]

    def hashed(self, salt: str, clean: Callable[[str], str] = str) -> UInt64:
        """A hash of each text once cleaned, 0 where it is missing or nothing is left. Equal text, equal hash."""
        values = self.values if clean is str else np.array([clean(value) for value in self.values], object)
        return np.append(salted_hashes(salt, values), np.uint64(0))[self.codes]


class Columns:
    """Consignment lines for reading, by column."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._kept: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def column(self, name: str) -> pd.Series[Any]:
        """A column of the record."""
        return column(self.frame, CONSIGNMENTS, name)

    def kept(self, name: str) -> Any:
        """What was made under a name, None when nothing was."""
        return self._kept.get(name)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` makes, made once for these lines."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def array(self, name: str) -> pa.Array:
        """A text column of the record in Arrow; whatever is missing is null."""
        found: pa.Array = self.once(f"array {name}", lambda: arrow(self.column(name)))
        return found

    def text(self, name: str) -> Texts:
        """A text column of the record by its distinct values; blanks are missing."""
        found: Texts = self.once(f"text {name}", lambda: by_value(self.array(name)))
        return found

    def has(self, name: str) -> Bools:
        """Where a text column of the record holds more than blanks."""
        if f"text {name}" in self._kept:
            return self.text(name).known
        found: Bools = self.once(f"has {name}", lambda: _filled(self.array(name)))
        return found

    def number(self, name: str) -> Floats:
        """A number of the record, NaN where missing."""
        found: Floats = self.once(
            f"number {name}", lambda: np.asarray(self.column(name).to_numpy(np.float64, na_value=np.nan), np.float64)
        )
        return found

    def time(self, name: str) -> Floats:
        """A time of the record in microseconds since 1970 UTC, NaN where missing."""
        found: Floats = self.once(f"time {name}", lambda: microseconds(self.column(name)))
        return found


class Some(Columns):
    """Some of the lines, each column taken only when it is read."""

    def __init__(self, lines: Columns, rows: NDArray[Any]) -> None:
        super().__init__(lines.frame)
        self._lines, self._rows = lines, np.flatnonzero(rows) if rows.dtype == bool else rows

    def __len__(self) -> int:
        return len(self._rows)

    def array(self, name: str) -> pa.Array:
        """A text column of the record at these lines."""
        found: pa.Array = self.once(f"array {name}", lambda: self._lines.array(name).take(pa.array(self._rows)))
        return found

    def text(self, name: str) -> Texts:
        """A text column at these lines by its distinct values, from all lines where these are known already."""

        def make() -> Texts:
            kept = self._lines.kept(f"text {name}")
            return by_value(self.array(name)) if kept is None else kept.some(self._rows)

        found: Texts = self.once(f"text {name}", make)
        return found

    def number(self, name: str) -> Floats:
        """A number of the record at these lines."""
        return self._lines.number(name)[self._rows]

    def time(self, name: str) -> Floats:
        """A time of the record at these lines."""
        return self._lines.time(name)[self._rows]


def salted_hashes(salt: str, texts: Any) -> UInt64:
    """A hash of each text that depends on what the text is of, 0 for the empty one."""
    found = hashes(texts)
    return np.where(found > 0, np.maximum(mix(found, _of_salt(salt)), np.uint64(1)), np.uint64(0))


@cache
def _of_salt(salt: str) -> np.uint64:
    return np.uint64(hashes([salt])[0])


def arrow(values: Any, rows: slice = slice(None)) -> pa.Array:
    """Text in Arrow, as one array, of these rows; whatever is missing is null."""
    found = pa.array(values, from_pandas=True)[rows]
    found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    return found.cast(pa.string()) if pa.types.is_null(found.type) else found


def by_value(values: pa.Array) -> Texts:
    """Text by its distinct values; blanks are missing."""
    if len(values) <= FEW:
        return _few_by_value(values)
    encoded = values.dictionary_encode()
    distinct = encoded.dictionary
    codes = pc.fill_null(encoded.indices, -1).to_numpy().astype(np.intp)
    blank = ~_filled(distinct)
    if blank.any():
        codes = np.where(np.append(blank, False)[codes], -1, codes)
    return Texts(codes, distinct)


def _few_by_value(values: pa.Array) -> Texts:
    """The same for so few that Arrow would take longer to begin than to work."""
    places: dict[str, int] = {}
    codes = [-1 if not text or text.isspace() else places.setdefault(text, len(places)) for text in values.to_pylist()]
    return Texts(np.array(codes, np.intp), pa.array(places, values.type))


def _filled(values: pa.Array) -> Bools:
    """Where a text holds more than blanks."""
    if len(values) <= FEW:
        return np.array([bool(text) and not text.isspace() for text in values.to_pylist()], bool)
    blank = pc.or_(pc.utf8_is_space(values), pc.equal(pc.binary_length(values), 0))
    return ~np.asarray(pc.fill_null(blank, True).to_numpy(zero_copy_only=False), bool)


def microseconds(times: pd.Series[Any]) -> Floats:
    """Times as microseconds since 1970 UTC (whole and exact), NaN where missing."""
    utc = times.to_numpy("datetime64[us]")
    return np.where(np.isnat(utc), np.nan, utc.view(np.int64).astype(np.float64))


def moment(time: pd.Timestamp) -> int:
    """A time with its zone as whole microseconds since 1970 UTC."""
    return int(time.tz_convert("UTC").as_unit("us").asm8.astype(np.int64))
