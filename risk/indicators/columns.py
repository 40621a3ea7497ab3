"""The columns of consignment lines as arrays: text by its distinct values, numbers, times; each taken apart once.

A column that was left out reads as missing in every row. `features.columns` reads lines the same way for features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.consignment import CONSIGNMENTS
from risk.layout import column
from risk.parties.blocking import mix
from risk.parties.mentions import hashes

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
UInt64 = NDArray[np.uint64]

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
KINDS: Final = {entry.name: entry.kind for entry in CONSIGNMENTS}
"""The kind of each column of the record."""


@dataclass(frozen=True)
class Texts:
    """A text column by its distinct values: row i holds `values[codes[i]]`, nothing where the code is -1."""

    codes: NDArray[np.intp]
    values: NDArray[np.object_]

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

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` makes, made once for these lines."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def text(self, name: str) -> Texts:
        """A text column of the record by its distinct values; blanks are missing."""
        found: Texts = self.once(f"text {name}", lambda: by_value(self.column(name)))
        return found

    def number(self, name: str) -> Floats:
        """A number of the record, NaN where missing."""
        return np.asarray(self.column(name).to_numpy(np.float64, na_value=np.nan), np.float64)

    def time(self, name: str) -> Floats:
        """A time of the record in microseconds since 1970 UTC, NaN where missing."""
        found: Floats = self.once(f"time {name}", lambda: microseconds(self.column(name)))
        return found


class Some(Columns):
    """Some of the lines, each column taken only when it is read."""

    def __init__(self, lines: Columns, rows: NDArray[Any]) -> None:
        super().__init__(lines.frame)
        self._rows = np.flatnonzero(rows) if rows.dtype == bool else rows

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, name: str) -> pd.Series[Any]:
        """A column of the record at these lines."""
        return super().column(name).iloc[self._rows]


def salted_hashes(salt: str, texts: Any) -> UInt64:
    """A hash of each text that depends on what the text is of, 0 for the empty one."""
    found = hashes(texts)
    return np.where(found > 0, np.maximum(mix(found, hashes([salt])[0]), np.uint64(1)), np.uint64(0))


def by_value(values: Any) -> Texts:
    """Text by its distinct values."""
    codes, unique = pd.factorize(values)
    found = np.asarray(unique, dtype=object)
    blank = np.array([not value.strip() for value in found], bool)
    if blank.any():
        codes = np.where(np.append(blank, False)[codes], -1, codes)
    return Texts(codes.astype(np.intp), found)


def microseconds(times: pd.Series[Any]) -> Floats:
    """Times as microseconds since 1970 UTC (whole and exact), NaN where missing."""
    whole = np.asarray(times.dt.tz_convert("UTC").dt.as_unit("us").astype("int64"), np.int64)
    return np.where(times.isna(), np.nan, whole.astype(np.float64))


def moment(time: pd.Timestamp) -> int:
    """A time with its zone as whole microseconds since 1970 UTC."""
    return int(time.tz_convert("UTC").as_unit("us").asm8.astype(np.int64))
