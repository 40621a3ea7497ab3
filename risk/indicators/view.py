"""What the tests read: columns of some lines, their features, and reference statistics, each taken apart once.

A view covers a slice of a table, so that memory is bounded however long the table is. Sums over the lines of one
consignment version are made over the whole table first (`Whole`); the lines of one version must stand in one table.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from risk.consignment import CONSIGNMENTS
from risk.errors import InputError
from risk.feature import FeatureTable
from risk.indicators.columns import KINDS, Bools, Columns, Floats, Some, Texts, arrow, by_value
from risk.indicators.learnt import Learnt
from risk.layout import column


class Whole:
    """All lines of one evaluation, with what a test needs to know across the lines of a consignment version."""

    def __init__(self, lines: pd.DataFrame, table: FeatureTable, learnt: Learnt | None) -> None:
        if len(lines) != len(table):
            raise InputError(f"there are {len(lines)} lines and features of {len(table)}; each line needs its row")
        self.lines, self.table, self.learnt = lines, table, learnt
        self._kept: dict[str, NDArray[Any]] = {}

    @cached_property
    def versions(self) -> NDArray[np.intp]:
        """The number of the consignment version that each line belongs to."""
        version = column(self.lines, CONSIGNMENTS, "version").to_numpy(np.int64)
        ids, _ = pd.factorize(self.lines["consignment_id"])
        return np.asarray(pd.factorize(ids * (int(version.max(initial=0)) + 1) + version)[0], np.intp)

    def once(self, name: str, make: Callable[[Whole], NDArray[Any]]) -> NDArray[Any]:
        """An array over all lines, made once."""
        if name not in self._kept:
            self._kept[name] = make(self)
        return self._kept[name]

    def total(self, name: str) -> Floats:
        """The sum of a number over the lines of the version, NaN where one of them lacks it."""

        def make(whole: Whole) -> NDArray[Any]:
            values = column(whole.lines, CONSIGNMENTS, name).to_numpy(np.float64, na_value=np.nan)
            return np.asarray(np.bincount(whole.versions, values), np.float64)[whole.versions]

        return self.once(f"total {name}", make)

    def view(self, start: int, end: int) -> View:
        """The lines from one position to before another."""
        return View(self, slice(start, end))


class View(Columns):
    """Some of the lines, as the tests read them."""

    def __init__(self, whole: Whole, rows: slice) -> None:
        super().__init__(whole.lines)
        self.whole, self.rows = whole, rows
        self._table = whole.table.take(rows)  # type: ignore[arg-type]  # a slice gives views, no copies
        self.features = {feature.name: feature.kind for feature in whole.table.features}

    def __len__(self) -> int:
        return int(self.rows.stop - self.rows.start)

    def column(self, name: str) -> pd.Series[Any]:
        """A column of the record at these lines."""
        return super().column(name).iloc[self.rows]

    def array(self, name: str) -> pa.Array:
        """A text column of the record at these lines, of which nothing is copied before it is cut."""
        found: pa.Array = self.once(f"array {name}", lambda: arrow(super(View, self).column(name), self.rows))
        return found

    @property
    def learnt(self) -> Learnt:
        """The reference statistics; without any, empty ones."""
        return self.whole.learnt or Learnt.nothing()

    def feature(self, name: str) -> Floats:
        """A number of the feature table, NaN where missing."""
        if self.features.get(name) != "number":
            raise InputError(f"the indicators read the feature {name!r}, which the feature table does not have")
        return np.asarray(self._table.column(name))

    def category(self, name: str) -> Texts:
        """A category of the feature table by its distinct values."""
        if self.features.get(name) != "category":
            raise InputError(f"the indicators read the category {name!r}, which the feature table does not have")
        found: Texts = self.once(f"category {name}", lambda: by_value(arrow(self._table.column(name))))
        return found

    def some(self, rows: NDArray[Any]) -> Columns:
        """The record of some of these lines, by position or by mask: for tests that few lines concern."""
        return Some(self, rows)

    def total(self, name: str) -> Floats:
        """The sum of a number over all lines of the consignment version."""
        return self.whole.total(name)[self.rows]

    def known(self, name: str, feature: bool = False) -> Bools:
        """Where a field of the record, or a feature, has a value."""

        def make() -> Bools:
            if feature:
                return (
                    ~np.isnan(self.feature(name))
                    if self.features.get(name) != "category"
                    else self.category(name).known
                )
            kind = KINDS[name]
            if kind in ("number", "integer"):
                return ~np.isnan(self.number(name))
            return ~np.isnan(self.time(name)) if kind == "time" else self.has(name)

        found: Bools = self.once(f"known {feature} {name}", make)
        return found

    def all_known(self, fields: tuple[str, ...], features: tuple[str, ...]) -> Bools:
        """Where all of these have a value."""
        found = np.ones(len(self), bool)
        for name in fields:
            found &= self.known(name)
        for name in features:
            found &= self.known(name, feature=True)
        return found

    def after_learning(self) -> Bools:
        """Where the line was filed at or after the moment the statistics were learnt as of."""
        found: Bools = self.once("after learning", lambda: self.time("filed_at") >= self.learnt.as_of)
        return found

    def value(self, name: str, row: int) -> Any:
        """A value for the evidence of one row: text, number, time as text; None where missing."""
        if name in KINDS and self.known(name)[row]:
            kind = KINDS[name]
            if kind == "time":
                return pd.Timestamp(int(self.time(name)[row]), unit="us", tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
            if kind in ("number", "integer"):
                return float(self.number(name)[row])
            return str(self.array(name)[row].as_py())
        if name in self.features and self.known(name, feature=True)[row]:
            value = self._table.column(name)[row]
            return str(value) if self.features[name] == "category" else float(value)
        return None
