"""The columns of a table of consignments as arrays: text by its distinct values, numbers, times.

Owns how a feature reads its input: a column that was left out reads as missing in every row, so that a
single message without it and a million lines with it give the same features. Knows no feature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.consignment import CONSIGNMENTS
from risk.errors import InputError
from risk.layout import column, column_names

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Objects = NDArray[np.object_]
Column = Float64 | Objects
"""The values of a feature: float64 with NaN where missing, or texts with None where missing."""
T = TypeVar("T")

HOUR_US: Final = 3_600_000_000
FEW: Final = 1_000
"""Texts that are looked at one by one: for so few pandas takes longer to begin than to work."""


@dataclass(frozen=True)
class Distinct:
    """A text column by its distinct values: row i holds `values[codes[i]]`, nothing where the code is -1."""

    codes: NDArray[np.intp]
    values: Objects

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which rows hold a value."""
        return self.codes >= 0

    def each(self, measure: Callable[[str], float]) -> Float64:
        """A number for each row from its text, NaN where it is missing; called once for each distinct value."""
        return self.spread(np.array([measure(value) for value in self.values], np.float64))

    def spread(self, of_values: NDArray[Any]) -> Float64:
        """A number for each row from one for each distinct value, NaN where the text is missing."""
        return np.append(of_values.astype(np.float64), np.nan)[self.codes]

    def texts(self, change: Callable[[str], str | None] | None = None) -> Objects:
        """The text of each row, changed if asked, None where missing; one object for each distinct value."""
        values = [change(value) for value in self.values] if change else list(self.values)
        return np.array([*values, None], dtype=object)[self.codes]


def distinct(values: pd.Series[Any] | Objects) -> Distinct:
    """Text by its distinct values; empty text and blanks are missing."""
    if len(values) <= FEW:
        return _few_distinct(values)
    codes, unique = pd.factorize(values)
    texts = np.asarray(unique, dtype=object)
    blank = np.array([not text.strip() for text in texts], bool)
    if blank.any():
        codes = np.where(np.append(blank, False)[codes], -1, codes)
    return Distinct(codes.astype(np.intp), texts)


def _few_distinct(values: pd.Series[Any] | Objects) -> Distinct:
    places: dict[str, int] = {}
    codes = [
        places.setdefault(text, len(places)) if isinstance(text, str) and text and not text.isspace() else -1
        for text in values.tolist()
    ]
    return Distinct(np.array(codes, np.intp), np.array(list(places), object))


def pairs(left: Distinct, right: Distinct) -> tuple[NDArray[np.intp], Objects, Objects]:
    """The distinct pairs of two columns: their codes by row (-1 where either is missing) and both values."""
    together = np.where(left.known & right.known, left.codes * max(1, len(right.values)) + right.codes, -1)
    codes, unique = pd.factorize(together)
    first = unique[unique >= 0]
    places = np.full(len(unique) + 1, -1, np.intp)
    places[:-1][unique >= 0] = np.arange(len(first))
    width = max(1, len(right.values))
    return places[codes], left.values[first // width], right.values[first % width]


_NAMES: Final = frozenset(column_names(CONSIGNMENTS))
_NO_TIME: Final = np.iinfo(np.int64).min


class Lines:
    """A table of consignments for reading; each column is taken apart once, however many features read it."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._texts: dict[str, Distinct] = {}
        self._kept: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def text(self, name: str) -> Distinct:
        """A text column by its distinct values."""
        if name not in self._texts:
            found = self._stated(name)
            self._texts[name] = (
                Distinct(np.full(len(self), -1, np.intp), np.empty(0, object)) if found is None else distinct(found)
            )
        return self._texts[name]

    def once(self, name: str, make: Callable[[Lines], T]) -> T:
        """What `make` makes of these lines, made once and kept under the name."""
        if name not in self._kept:
            self._kept[name] = make(self)
        return cast(T, self._kept[name])

    def number(self, name: str) -> Float64:
        """A number column, NaN where missing."""
        found = self._stated(name)
        return np.full(len(self), np.nan) if found is None else found.to_numpy(np.float64, na_value=np.nan)

    def integer(self, name: str) -> Int64:
        """An integer column; these are never missing."""
        return column(self.frame, CONSIGNMENTS, name).to_numpy(np.int64)

    def time(self, name: str) -> Float64:
        """A time column in microseconds since 1970 UTC (whole and exact), NaN where missing."""
        times = self._stated(name)
        if times is None:
            return np.full(len(self), np.nan)
        whole = microseconds(times)
        return np.where(whole == _NO_TIME, np.nan, whole.astype(np.float64))

    def _stated(self, name: str) -> pd.Series[Any] | None:
        """The column, None where it was left out. Raises KeyError for a name that is not in the layout."""
        if name in self.frame.columns:
            return self.frame[name]
        if name not in _NAMES:
            raise KeyError(name)
        return None

    def country(self, side: str) -> Distinct:
        """The country of loading or destination; where it is missing, that of the port or place."""
        name = f"{side}_country"
        if f"+{name}" not in self._texts:
            stated = self.text(name)
            if not stated.known.all():
                found = stated.texts()
                for place in ("loading_port",) if side == "loading" else ("final_destination", "discharge_port"):
                    empty = pd.isna(found)
                    found[empty] = self.text(place).texts(_country_of_place)[empty]
                stated = distinct(found)
            self._texts[f"+{name}"] = stated
        return self._texts[f"+{name}"]


def microseconds(times: pd.Series[Any]) -> Int64:
    """Times as whole microseconds since 1970 UTC; the smallest int64 where missing."""
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        raise TypeError(f"{times.name} is {times.dtype}; times have a zone")
    found: Any = times.array
    return np.asarray((found if times.dtype.unit == "us" else found.as_unit("us")).asi8, np.int64)


def filing_times(lines: pd.DataFrame) -> Int64:
    """When each line was filed, in microseconds. Raises InputError for a line without the time."""
    if "filed_at" not in lines.columns:
        raise InputError("the consignments have no column filed_at, which says when each version reached customs")
    times = microseconds(lines["filed_at"])
    missing = times == _NO_TIME
    if missing.any():
        which = lines["consignment_id"].to_numpy()[missing][0]
        raise InputError(f"consignment {which} has no filed_at; a time is needed to know what came before it")
    return times


def flag(condition: NDArray[np.bool_], *known: NDArray[np.bool_]) -> Float64:
    """1 where the condition holds and 0 where not; NaN where any of what it rests on is not known."""
    values = condition.astype(np.float64)
    for mask in known:
        values[~mask] = np.nan
    return values


def ratio(above: Float64, below: Float64) -> Float64:
    """above / below; NaN where either is missing or the divisor is not positive."""
    good = below > 0
    return np.where(good, np.divide(above, below, out=np.zeros(len(above)), where=good), np.nan)


def _country_of_place(place: str) -> str | None:
    """The country of a UN/LOCODE, None for a place by name."""
    return place[:2] if len(place) == 5 and place.isalnum() and place.isupper() else None
